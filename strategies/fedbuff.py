"""FedBuff: updates wait in a buffer, late ones count less; when it is full the block moves (Nguyen et al., AISTATS 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.rule import Block, Memory, Reply, Rule, like
from strategies.sums import Differences


@dataclass
class _Gathered:
    moved: Differences  # how far the server moved in this round
    waiting: Differences  # sum of weight × staleness factor × update, of what came in this round
    kept: dict[str, np.ndarray]  # and of what waited since rounds before; empty once it counted
    count: int
    weight: float
    version: int


@dataclass(frozen=True)
class FedBuff(Rule):
    """buffer       so many replies move the block, over rounds if a round brings fewer
    server_rate  of the mean update
    power        a reply that began s moves ago counts (1 + s)^−power

    Updates are taken against the block that a node set out from (`began`), and their mean is by weight (in the paper all
    alike). Holds two models and the buffer's sum, whatever the number of nodes. The order is that of the nodes.
    """

    buffer: int = 4
    server_rate: float = 1.0
    power: float = 0.5
    streams = True
    uses_late = True

    def begin(self, current: Block, memory: Memory, total: float | None = None) -> _Gathered:
        """What waited since the last round."""
        kept = memory.get("waiting")
        return _Gathered(
            Differences(current, single=total is None),
            Differences(current, single=total is None),
            {} if kept is None or not memory["count"] else {n: np.array(kept[n], np.float64) for n in current},
            int(memory.get("count", 0)), float(memory.get("weight", 0.0)), int(memory.get("version", 0)),
        )  # fmt: skip

    def add(self, gathered: _Gathered, current: Block, memory: Memory, reply: Reply) -> None:
        """Puts the reply's update into the buffer, and empties that when it is full."""
        factor = reply.weight * (1.0 + max(reply.facts.get("staleness", 0.0), 0.0)) ** -self.power
        gathered.waiting.add(reply.block, factor, reply.began)
        gathered.count += 1
        gathered.weight += reply.weight
        if gathered.count >= self.buffer:
            share = self.server_rate / gathered.weight
            if gathered.kept:
                gathered.waiting.add_sum(gathered.kept)
                gathered.kept = {}
            gathered.moved.take(gathered.waiting, share)
            gathered.count, gathered.weight, gathered.version = 0, 0.0, gathered.version + 1

    def finish(self, gathered: _Gathered, current: Block, memory: Memory) -> tuple[Block, Memory]:
        """Where the server stands, and what waits."""
        waiting = gathered.kept or {name: np.zeros(value.shape) for name, value in current.items()}
        gathered.waiting.pour(waiting, 1.0)
        told = {"waiting": waiting, "count": gathered.count, "weight": gathered.weight}
        moved = gathered.version > int(memory.get("version", 0))
        if not moved:
            return current, {**told, "version": gathered.version}
        block = {name: value.astype(np.float64) for name, value in current.items()}
        gathered.moved.pour(block, 1.0)
        return like(block, current), {**told, "version": gathered.version}
