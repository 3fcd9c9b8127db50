"""Krum: the one reply that is nearest to its neighbours (Blanchard et al., NeurIPS 2017), as Flower has it."""

from __future__ import annotations

from dataclasses import dataclass

from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy.strategy import Strategy

from strategies.flower import FlowerOnAll
from strategies.rule import Block


@dataclass(frozen=True)
class Krum(FlowerOnAll):
    """faulty  so many nodes may send anything"""

    faulty: int = 1

    def least(self) -> int:
        """2f + 3."""
        return 2 * self.faulty + 3

    def strategy(self, current: Block, count: int) -> Strategy:
        """Flower's."""
        return flower.Krum(num_malicious_nodes=self.faulty)
