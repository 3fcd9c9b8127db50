"""Rules under which parts of the network stay on the node; the server averages the others.

Whole blocks are named by patterns; normalisation layers the node finds by their type. A node neither sends its own parts
nor takes the server's. Heads are each node's own as well, but travel, so that they can be tested (`strategies.per_node`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strategies.fedavg import FedAvg
from strategies.per_node import PerNode
from strategies.rule import Rule

LAST = ("projection.*", "head.*")  # the layers behind the encoders, while pre-training and while fine-tuning


@dataclass(frozen=True)
class FedBN(FedAvg):
    """Normalisation layers stay on the node (Li et al., ICLR 2021)."""

    def on_node(self) -> Mapping[str, Any]:
        """Which parts stay."""
        return {"name": "personal", "norms": True}


@dataclass(frozen=True)
class FedPer(FedAvg):
    """The layers behind the encoders stay on the node, trained together with them (Arivazhagan et al., 2019)."""

    def for_block(self, name: str) -> Rule:
        """Heads by node."""
        return PerNode() if name.startswith("head.") else self

    def on_node(self) -> Mapping[str, Any]:
        """Which parts stay."""
        return {"name": "personal", "blocks": ["projection.*"]}


@dataclass(frozen=True)
class FedRep(FedPer):
    """As FedPer, but trained one after the other: first the node's own layers, then the encoders (Collins et al., ICML 2021)."""

    def on_node(self) -> Mapping[str, Any]:
        """Which parts stay, and that they are trained first."""
        return {**super().on_node(), "first": list(LAST)}


@dataclass(frozen=True)
class Ditto(FedAvg):
    """Beside the shared model every node trains one of its own, held near it (Li et al., ICML 2021).

    pull  weight of the distance to the shared model in the personal one's loss
    """

    pull: float = 0.1

    def on_node(self) -> Mapping[str, Any]:
        """Nodes train the personal model after the shared one."""
        return {"name": "ditto", "pull": self.pull}
