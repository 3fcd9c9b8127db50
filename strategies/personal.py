"""Rules under which parts of the network stay on the node; the server averages the others.

Whole blocks are named by patterns; normalisation layers the node finds by their type. A node neither sends its own parts
nor takes the server's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strategies.fedavg import FedAvg

LAST = ("projection.*", "head.*")  # the layers behind the encoders


@dataclass(frozen=True)
class FedBN(FedAvg):
    """Normalisation layers stay on the node (Li et al., ICLR 2021)."""

    def on_node(self) -> Mapping[str, Any]:
        """Which parts stay."""
        return {"name": "personal", "norms": True}


@dataclass(frozen=True)
class FedPer(FedAvg):
    """The layers behind the encoders stay on the node, trained together with them (Arivazhagan et al., 2019)."""

    def on_node(self) -> Mapping[str, Any]:
        """Which parts stay."""
        return {"name": "personal", "blocks": list(LAST)}


@dataclass(frozen=True)
class FedRep(FedAvg):
    """As FedPer, but trained one after the other: first the node's own layers, then the encoders (Collins et al., ICML 2021)."""

    def on_node(self) -> Mapping[str, Any]:
        """Which parts stay, and that they are trained first."""
        return {"name": "personal", "blocks": list(LAST), "first": True}


@dataclass(frozen=True)
class Ditto(FedAvg):
    """Beside the shared model every node trains one of its own, held near it (Li et al., ICML 2021).

    pull  weight of the distance to the shared model in the personal one's loss
    """

    pull: float = 0.1

    def on_node(self) -> Mapping[str, Any]:
        """Nodes train the personal model after the shared one."""
        return {"name": "ditto", "pull": self.pull}
