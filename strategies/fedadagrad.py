"""FedAdagrad: the mean update over the root of all squared updates (Reddi et al., ICLR 2021), as Flower has it."""

from __future__ import annotations

from dataclasses import dataclass

from flwr.serverapp import strategy as flower

from strategies.flower import FlowerOnMean


@dataclass(frozen=True)
class FedAdagrad(FlowerOnMean):
    """eta  the server's rate; tau  what keeps small steps small"""

    eta: float = 0.1
    tau: float = 1e-3

    def strategy(self) -> flower.FedAdagrad:
        """Flower's."""
        return flower.FedAdagrad(eta=self.eta, tau=self.tau)
