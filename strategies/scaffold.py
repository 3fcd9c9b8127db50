"""SCAFFOLD: control variates take out what each node drifts by (Karimireddy et al., ICML 2020, algorithm 1, option II).

A node's own variate is never sent: its change, (x − yᵢ)/(Kᵢη) − c, follows from what the server knows anyway, the block
that the node set out from, the one it came back with, and the steps and rate that it tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.rule import Block, MeanLike, Memory, Reply, like, without_a_step
from strategies.sums import Differences, Sums


@dataclass
class _Gathered:
    mean: Sums
    drift: Differences  # sum over nodes of (y − x)/(K η)
    count: int = 0
    holders: float = 0.0


@dataclass(frozen=True)
class Scaffold(MeanLike):
    """server_rate  of the mean update; 1 takes the mean

    Holds two models whatever the number of nodes: the mean, and the sum of the drifts. The number of nodes that hold the
    block is the fact `holders`; where it is not told, those that answered. The mean is by weight (in the paper all alike).
    """

    server_rate: float = 1.0
    needs: ClassVar[tuple[str, ...]] = ("steps", "rate")

    def unusable(self, reply: Reply) -> str | None:
        """Nor where it took no step."""
        return super().unusable(reply) or without_a_step(reply)

    def begin(self, current: Block, memory: Memory, total: float | None = None) -> _Gathered:  # type: ignore[override]
        """Empty sums."""
        return _Gathered(Sums(current, total), Differences(current, single=total is None))

    def add(self, gathered: _Gathered, current: Block, memory: Memory, reply: Reply) -> None:  # type: ignore[override]
        """Adds the reply and its drift."""
        length = reply.facts["steps"] * reply.facts["rate"]
        gathered.mean.add(reply.block, self.counts(reply), beside=(gathered.drift, 1.0 / length))
        gathered.count += 1
        gathered.holders = max(gathered.holders, reply.facts.get("holders", 0.0))

    def finish(self, gathered: _Gathered, current: Block, memory: Memory) -> tuple[Block, Memory]:  # type: ignore[override]
        """x + η_g(mean − x), and c + (|S|/N)(mean drift − c)."""
        share = gathered.count / max(gathered.holders, gathered.count)
        after = {n: (1.0 - share) * v.astype(np.float64) for n, v in control(current, memory).items()}
        gathered.drift.pour(after, -share / gathered.count)
        control_after = like(after, current)
        del after
        mean = gathered.mean.mean()
        if self.server_rate == 1.0:
            return mean, {"control": control_after}
        moved = {
            name: value + self.server_rate * (np.asarray(mean[name], np.float64) - value)
            for name, value in current.items()
        }
        return like(moved, current), {"control": control_after}

    def on_node(self) -> Mapping[str, Any]:
        """Nodes correct their steps and tell how many they took, and at which rate."""
        return {"name": "scaffold", "tell": ["steps", "rate"]}

    def beside(self, current: Block, memory: Memory) -> Block:
        """The server's control variate."""
        return control(current, memory)


def control(current: Block, memory: Memory) -> Block:
    """The server's control variate; zeros before the first round."""
    kept = memory.get("control")
    return {name: np.zeros_like(value) if kept is None else np.asarray(kept[name]) for name, value in current.items()}
