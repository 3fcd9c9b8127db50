"""Bulyan: MultiKrum chooses, then of every number those nearest to the median are averaged (El Mhamdi et al., ICML 2018).

As Flower has it. Weights of nodes do not count.
"""

from __future__ import annotations

from dataclasses import dataclass

from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy.strategy import Strategy

from strategies.flower import FlowerOnAll
from strategies.rule import Block


@dataclass(frozen=True)
class Bulyan(FlowerOnAll):
    """faulty  so many nodes may send anything"""

    faulty: int = 1

    def least(self) -> int:
        """4f + 3."""
        return 4 * self.faulty + 3

    def strategy(self, current: Block, count: int) -> Strategy:
        """Flower's."""
        return flower.Bulyan(num_malicious_nodes=self.faulty)
