"""FedBuff: updates wait in a buffer, late ones count less; when it is full the block moves (Nguyen et al., AISTATS 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.rule import Block, Memory, Reply, Rule, like


@dataclass
class _Gathered:
    block: dict[str, np.ndarray]  # where the server stands, float64
    waiting: dict[str, np.ndarray]  # sum of weight × staleness factor × update
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
            {name: value.astype(np.float64) for name, value in current.items()},
            {n: np.zeros(v.shape) if kept is None else np.array(kept[n], np.float64) for n, v in current.items()},
            int(memory.get("count", 0)), float(memory.get("weight", 0.0)), int(memory.get("version", 0)),
        )  # fmt: skip

    def add(self, gathered: _Gathered, current: Block, memory: Memory, reply: Reply) -> None:
        """Puts the reply's update into the buffer, and empties that when it is full."""
        factor = reply.weight * (1.0 + max(reply.facts.get("staleness", 0.0), 0.0)) ** -self.power
        began = current if reply.began is None else reply.began
        for name, value in gathered.waiting.items():
            value += factor * (reply.block[name].astype(np.float64) - began[name])
        gathered.count += 1
        gathered.weight += reply.weight
        if gathered.count >= self.buffer:
            for name, value in gathered.waiting.items():
                gathered.block[name] += self.server_rate * value / gathered.weight
                value[...] = 0.0
            gathered.count, gathered.weight, gathered.version = 0, 0.0, gathered.version + 1

    def finish(self, gathered: _Gathered, current: Block, memory: Memory) -> tuple[Block, Memory]:
        """Where the server stands, and what waits."""
        told = {"waiting": gathered.waiting, "count": gathered.count, "weight": gathered.weight}
        moved = gathered.version > int(memory.get("version", 0))
        return (like(gathered.block, current) if moved else current), {**told, "version": gathered.version}
