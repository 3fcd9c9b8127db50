"""q-FedAvg: nodes with a larger loss weigh more (Li et al., ICLR 2020), as Flower has it. Weights of nodes do not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy.strategy import Strategy

from strategies.flower import FlowerOnAll, record
from strategies.rule import Block, Memory, Refused, Reply, fact


@dataclass(frozen=True)
class QFedAvg(FlowerOnAll):
    """q  0 is the plain mean; client_rate  the nodes' learning rate, whose inverse stands for the Lipschitz constant"""

    q: float = 0.1
    client_rate: float = 1e-3
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def strategy(self, current: Block, count: int) -> Strategy:
        """Flower's."""
        strategy = flower.QFedAvg(client_learning_rate=self.client_rate, q=self.q)
        strategy.current_arrays = record(current)
        return strategy

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """What Flower makes of them; raises Refused for a loss below 0, of which a power means nothing."""
        below = [reply.node for reply in replies if fact(reply, "loss") < 0]
        if below:
            raise Refused(f"q-FedAvg needs losses of at least 0; node {below[0]} told less")
        return super().of_all(replies, current, memory)
