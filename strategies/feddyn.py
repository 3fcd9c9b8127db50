"""FedDyn: every node's loss is bent so that their optima are one (Acar et al., ICLR 2021, algorithm 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.rule import Block, MeanLike, Memory, Reply, like
from strategies.sums import Sums


@dataclass
class _Gathered:
    mean: Sums
    holders: float = 0.0


@dataclass(frozen=True)
class FedDyn(MeanLike):
    """alpha  weight of the quadratic term, which nodes apply

    h ← h − α(|S|/N)(mean − θ), θ ← mean − h/α. The mean is by weight (in the paper all alike); N is the fact `holders`,
    or those that answered.
    """

    alpha: float = 0.01

    def begin(self, current: Block, memory: Memory, total: float | None = None) -> _Gathered:  # type: ignore[override]
        """An empty sum."""
        return _Gathered(Sums(current, total))

    def add(self, gathered: _Gathered, current: Block, memory: Memory, reply: Reply) -> None:  # type: ignore[override]
        """Adds the reply."""
        gathered.mean.add(reply.block, self.counts(reply))
        gathered.holders = max(gathered.holders, reply.facts.get("holders", 0.0))

    def finish(self, gathered: _Gathered, current: Block, memory: Memory) -> tuple[Block, Memory]:  # type: ignore[override]
        """The mean against what the server remembers; h is remembered over α, as `lean`."""
        mean, count = gathered.mean.mean(), gathered.mean.count
        share = count / max(gathered.holders, count)
        kept = memory.get("lean")
        lean, block = {}, {}
        for name, value in current.items():
            before = np.zeros(value.shape) if kept is None else np.asarray(kept[name], np.float64)
            lean[name] = before - share * (np.asarray(mean[name], np.float64) - value)
            block[name] = mean[name] - lean[name]
        return like(block, current), {"lean": lean}

    def on_node(self) -> Mapping[str, Any]:
        """Nodes add the linear and the quadratic term."""
        return {"name": "feddyn", "alpha": self.alpha}
