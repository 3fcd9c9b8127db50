"""FedAdam: the server takes the mean update as a gradient for Adam (Reddi et al., ICLR 2021), as Flower has it."""

from __future__ import annotations

from dataclasses import dataclass

from flwr.serverapp import strategy as flower

from strategies.flower import FlowerOnMean


@dataclass(frozen=True)
class FedAdam(FlowerOnMean):
    """eta  the server's rate; tau  what keeps small steps small"""

    eta: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.99
    tau: float = 1e-3

    def strategy(self) -> flower.FedAdam:
        """Flower's."""
        return flower.FedAdam(eta=self.eta, beta_1=self.beta_1, beta_2=self.beta_2, tau=self.tau)
