"""FedTrimmedAvg: the mean of every number without its extremes (Yin et al., ICML 2018), as Flower has it.

Weights of nodes do not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy.strategy import Strategy

from strategies.flower import FlowerOnAll
from strategies.rule import Block


@dataclass(frozen=True)
class FedTrimmedAvg(FlowerOnAll):
    """beta  share cut off at either end, below a half; with fewer than 1/beta nodes nothing would be cut"""

    beta: float = 0.2

    def least(self) -> int:
        """The fewest of which one is cut off at either end."""
        return math.ceil(1 / self.beta - 1e-9) if self.beta else 1

    def strategy(self, current: Block, count: int) -> Strategy:
        """Flower's."""
        return flower.FedTrimmedAvg(beta=self.beta)
