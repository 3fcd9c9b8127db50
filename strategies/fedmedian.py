"""FedMedian: the median of every number (Yin et al., ICML 2018), as Flower has it. Weights of nodes do not count."""

from __future__ import annotations

from dataclasses import dataclass

from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy.strategy import Strategy

from strategies.flower import FlowerOnAll
from strategies.rule import Block


@dataclass(frozen=True)
class FedMedian(FlowerOnAll):
    """faulty  so many nodes may send anything; the median needs a majority of the others"""

    faulty: int = 1

    def least(self) -> int:
        """2f + 1."""
        return 2 * self.faulty + 1

    def strategy(self, current: Block, count: int) -> Strategy:
        """Flower's."""
        return flower.FedMedian()
