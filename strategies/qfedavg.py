"""q-FedAvg: nodes with a larger loss weigh more (Li et al., ICLR 2020), by Flower's function. Weights do not count.

Flower's class spends most of its time in a garbage collection for every tensor; its `compute_delta_and_h` does the maths
where all replies are there. Where they stream, the same sums are taken chunk by chunk, in single precision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from flwr.serverapp.strategy.qfedavg import compute_delta_and_h

from strategies.rule import Block, Memory, Reply, Rule, like
from strategies.sums import Differences


@dataclass
class _Gathered:
    delta: list[np.ndarray] = field(default_factory=list)
    divisor: float = 0.0
    update: Differences | None = None  # where replies stream: sum of loss^q · L · (reply − current)


@dataclass(frozen=True)
class QFedAvg(Rule):
    """q  0 is the plain mean; client_rate  the nodes' learning rate, whose inverse stands for the Lipschitz constant"""

    q: float = 0.1
    client_rate: float = 1e-3
    streams: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def unusable(self, reply: Reply) -> str | None:
        """Nor with a loss below 0, of which a power means nothing."""
        return super().unusable(reply) or ("told a loss below 0" if reply.facts["loss"] < 0 else None)

    def begin(self, current: Block, memory: Memory, total: float | None = None) -> _Gathered:
        """Empty sums."""
        if total is None:
            return _Gathered(update=Differences(current, single=True))
        return _Gathered([np.zeros(value.shape) for value in current.values()])

    def add(self, gathered: _Gathered, current: Block, memory: Memory, reply: Reply) -> None:
        """Adds the node's step and its divisor."""
        if gathered.update is not None:
            loss, steep = reply.facts["loss"] + 1e-10, 1.0 / self.client_rate
            far = steep**2 * gathered.update.add_measured(reply.block, steep * loss**self.q)
            gathered.divisor += self.q * loss ** (self.q - 1.0) * far + steep * loss**self.q
            return
        theirs = [np.array(reply.block[name], dtype=np.float64) for name in current]  # changed in place
        whole = [value.astype(np.float64) for value in current.values()]
        delta, divisor = compute_delta_and_h(whole, theirs, self.q, 1.0 / self.client_rate, reply.facts["loss"])
        for summed, each in zip(gathered.delta, delta, strict=True):
            summed += each
        gathered.divisor += divisor

    def finish(self, gathered: _Gathered, current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The current block less the sum of the steps over that of the divisors."""
        if gathered.update is not None:
            stepped = {name: value.astype(np.float64) for name, value in current.items()}
            gathered.update.pour(stepped, 1.0 / gathered.divisor)
            return like(stepped, current), memory
        moved = {
            name: value - summed / gathered.divisor
            for (name, value), summed in zip(current.items(), gathered.delta, strict=True)
        }
        return like(moved, current), memory
