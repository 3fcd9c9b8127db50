"""Nodes weigh by how well they are bound: their weight times a power of the mean similarity of their pairs (ours).

A node whose samples found no good partner trains against wrong positives; its encoder says less of the shared space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strategies.fedavg import FedAvg
from strategies.rule import Reply


@dataclass(frozen=True)
class BindingQuality(FedAvg):
    """sharpness  0 is FedAvg; the larger, the more the best-bound nodes decide"""

    sharpness: float = 2.0
    needs: ClassVar[tuple[str, ...]] = ("quality",)

    def counts(self, reply: Reply) -> float:
        """Weight × quality^sharpness; quality lies in 0 to 1."""
        return reply.weight * min(max(reply.facts["quality"], 0.0), 1.0) ** self.sharpness
