"""A block of each node's own: every node goes on from what it sent last; the mean stands for those that never did.

What stays on a node in a published system is kept for it by the server here, so that it can be tested: nothing else
differs for the nodes, but the block travels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from strategies.fedavg import fedavg
from strategies.rule import Block, Collecting, Memory, Reply


@dataclass(frozen=True)
class PerNode(Collecting):
    """Holds one block a node by its nature."""

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The mean over the replies; remembered is each node's own."""
        own = {**memory.get("own", {}), **{reply.node: reply.block for reply in replies}}
        return fedavg([reply.block for reply in replies], [reply.weight for reply in replies]), {"own": own}

    def sent_to(self, node: int, current: Block, memory: Memory) -> Block:
        """The node's own, once it sent one."""
        own = memory.get("own", {})
        return dict(own[node]) if node in own else current
