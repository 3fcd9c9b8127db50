"""FedProx: the server averages; nodes add μ/2·‖w − wᵗ‖² to their loss (Li et al., MLSys 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strategies.fedavg import FedAvg


@dataclass(frozen=True)
class FedProx(FedAvg):
    """mu  weight of the proximal term, which nodes apply; 0 is FedAvg"""

    mu: float = 0.01

    def on_node(self) -> Mapping[str, Any]:
        """Nodes add the proximal term."""
        return {"name": "fedprox", "mu": self.mu}
