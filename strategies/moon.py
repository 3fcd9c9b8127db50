"""MOON: the server averages; nodes keep their embeddings near the last global model's (Li et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strategies.fedavg import FedAvg


@dataclass(frozen=True)
class Moon(FedAvg):
    """mu  weight of the model-contrastive loss, which nodes apply; temperature  of it"""

    mu: float = 1.0
    temperature: float = 0.5

    def on_node(self) -> Mapping[str, Any]:
        """Nodes contrast with the last global model and with their own last one."""
        return {"name": "moon", "mu": self.mu, "temperature": self.temperature}
