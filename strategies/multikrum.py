"""MultiKrum: the mean of the replies nearest to their neighbours (Blanchard et al., NeurIPS 2017), as Flower has it."""

from __future__ import annotations

from dataclasses import dataclass

from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy.strategy import Strategy

from strategies.flower import FlowerOnAll
from strategies.rule import Block


@dataclass(frozen=True)
class MultiKrum(FlowerOnAll):
    """faulty  so many nodes may send anything; selected  so many are averaged, 0 for n − f − 2, by their weights"""

    faulty: int = 1
    selected: int = 0

    def least(self) -> int:
        """2f + 3, and as many as are to be selected from all but the faulty and two."""
        return max(2 * self.faulty + 3, self.selected + self.faulty)

    def strategy(self, current: Block, count: int) -> Strategy:
        """Flower's."""
        selected = self.selected or count - self.faulty - 2
        return flower.MultiKrum(num_malicious_nodes=self.faulty, num_nodes_to_select=selected)
