"""FedAvgM: the mean, moved on with momentum at the server (Hsu et al., 2019), as Flower has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flwr.serverapp import strategy as flower

from strategies.flower import aggregated, record
from strategies.rule import Block, MeanLike, Memory, Reply


@dataclass(frozen=True)
class FedAvgM(MeanLike):
    """server_rate 1 and momentum 0 are FedAvg."""

    server_rate: float = 1.0
    momentum: float = 0.9

    def moved(self, mean: Block, current: Block, memory: Memory) -> tuple[Block, Memory]:
        """Flower's step from the current block; the momentum is remembered."""
        strategy = flower.FedAvgM(server_learning_rate=self.server_rate, server_momentum=self.momentum)
        strategy.current_arrays = record(current)
        if "momentum" in memory:
            strategy.momentum_vector = [np.asarray(memory["momentum"][name]) for name in current]
        block = aggregated(strategy, 1, current, [Reply(mean)])
        kept = dict(zip(current, strategy.momentum_vector or [], strict=False))
        return block, ({"momentum": kept} if kept else {})
