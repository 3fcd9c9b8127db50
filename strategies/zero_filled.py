"""Full-model averaging: a node without a modality counts too, with the block as it was (the FedMultimodal way).

Feng et al. (KDD 2023) average whole models and fill an absent modality with zeros; its encoder then learns next to nothing
on that node and comes back as it went. The mean over all nodes is thus the holders' mean, held back by the others' share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from strategies.rule import Block, MeanLike, Memory, Reply, like
from strategies.sums import Sums


@dataclass
class _Gathered:
    mean: Sums
    weight: float = 0.0
    everyone: float = 0.0


@dataclass(frozen=True)
class ZeroFilled(MeanLike):
    """Every reply tells `weight_all`: what all nodes of the round count together, holders or not."""

    needs: ClassVar[tuple[str, ...]] = ("weight_all",)

    def begin(self, current: Block, memory: Memory, total: float | None = None) -> _Gathered:  # type: ignore[override]
        """An empty sum."""
        return _Gathered(Sums(current, total))

    def add(self, gathered: _Gathered, current: Block, memory: Memory, reply: Reply) -> None:  # type: ignore[override]
        """Adds the reply."""
        gathered.mean.add(reply.block, self.counts(reply))
        gathered.weight += reply.weight
        gathered.everyone = reply.facts["weight_all"]

    def finish(self, gathered: _Gathered, current: Block, memory: Memory) -> tuple[Block, Memory]:  # type: ignore[override]
        """The mean over all nodes."""
        mean, share = gathered.mean.mean(), gathered.weight / max(gathered.everyone, gathered.weight)
        if share == 1.0:
            return mean, memory
        moved = {n: v + share * (np.asarray(mean[n], np.float64) - v) for n, v in current.items()}
        return like(moved, current), memory
