"""MFedMC: each node sends the encoders that bring most and cost least, of the best nodes; fusion stays local.

Yuan et al., "Communication-Efficient Multimodal Federated Learning: Joint Modality and Client Selection" (arXiv
2401.16685). A modality's priority on a node is impact · its Shapley value without sign + size · (1 − its bytes) + recency ·
the share of the rounds since it was sent last, values and bytes as shares of the node's largest; the `modalities` with the
highest are sent, and the server averages those of the `share` of senders with the lowest loss.

The Shapley value is exact, over all subsets of the node's modalities. A subset's worth is how surely the network tells the
right class of the node's labelled samples when the other sensors are absent; that is what nodes do that fine-tune.
Nodes that pre-train here have no classes: there it is how surely a sample's partners are found among the foreign samples,
or, where nothing is bound, the sample among the node's own (`client/handlers/chosen.py`).

Departures: the paper's value is of a local fusion module's output by prediction of each encoder; here of the probability
of what is right. A node tells one loss, not one for each modality, and chosen modalities travel before the server
chooses among their senders. Fusion blocks travel so that they can be tested (`strategies/per_node.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strategies.lowest_loss import LowestLoss
from strategies.per_node import PerNode
from strategies.published import ByPart
from strategies.rule import Rule


@dataclass(frozen=True)
class MFedMC(ByPart):
    """share  of the senders that are averaged; modalities  that a node sends; impact, size, recency  in the priority"""

    share: float = 0.5
    modalities: int = 1
    impact: float = 1.0
    size: float = 1.0
    recency: float = 1.0

    def unimodal(self) -> Rule:
        """The chosen clients' mean."""
        return LowestLoss(self.share)

    def fusion(self) -> Rule:
        """Each node's own."""
        return PerNode()

    def on_node(self) -> Mapping[str, Any]:
        """Nodes choose which encoders they send."""
        parts = {"impact": self.impact, "size": self.size, "recency": self.recency}
        return {"name": "choose", "modalities": self.modalities, **parts}
