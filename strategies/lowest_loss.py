"""The mean of the nodes whose local loss is lowest (the choice of clients in MFedMC, Yuan et al., 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from strategies.fedavg import fedavg
from strategies.rule import Block, Collecting, Memory, Reply


@dataclass(frozen=True)
class LowestLoss(Collecting):
    """share  of the nodes that hold the block, rounded up; of equal losses the lower node counts"""

    share: float = 0.5
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The mean by weight over the chosen."""
        order = sorted(replies, key=lambda reply: (reply.facts["loss"], reply.node))
        chosen = sorted(order[: math.ceil(self.share * len(order) - 1e-9)], key=lambda reply: reply.node)
        return fedavg([reply.block for reply in chosen], [reply.weight for reply in chosen]), memory
