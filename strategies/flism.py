"""FLISM: simulated missing sensors, weights by how sure a node is, and the global model as a teacher.

Orzikulova et al., "Federated Learning for Time-Series Healthcare Sensing with Incomplete Modalities" (arXiv 2405.11828,
2024), with the settings of their public code: noise 0.7, temperature 0.1, weight 1 of the distillation.

1. Sensors that a node holds go missing on purpose, drawn once a round, and noise is added to the others; a sample's
   embedding shall stay the same (supervised contrast; a node with one sensor has nothing to leave out).
2. Weights are the reciprocal of the mean entropy of the node's choices among the classes.
3. The choices of the model as it came teach the node's (Kullback and Leibler's divergence).

That is what nodes do that fine-tune, the head's classes being the choices. Nodes that pre-train here have no classes: their
choice is which sample of the batch it is, by the softmax of cosines to the teacher's embeddings (the form of Fang et al.,
ICLR 2021), and a sample is alike to itself alone. Departures: a sample's embedding is the direction of the sum of its
sensors' unit rows, where the paper has one of all sensors at once. The entropy is a share of the largest and is taken while
the node trains, not in a pass behind it. Each modality's encoder is averaged over its holders, where the paper averages
one network that reads zeros for absent sensors. The teacher is the model as it came, which the weights above made; theirs
is a second one of equal weights. A node's weight is multiplied with what `strategy.weights` says: `equal` is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from strategies.fedavg import FedAvg
from strategies.rule import Reply

LEAST_ENTROPY = 0.01  # so that no node that is sure of everything stands alone


def sureness(entropy: float) -> float:
    """The weight of a node by the entropy of its choices, 0 (sure) to 1 (all alike to it)."""
    return 1.0 / max(entropy, LEAST_ENTROPY)


@dataclass(frozen=True)
class Flism(FedAvg):
    """distil  weight of the distillation; noise  in standard deviations of a sensor; temperature  of the contrast"""

    distil: float = 1.0
    noise: float = 0.7
    temperature: float = 0.1
    needs: ClassVar[tuple[str, ...]] = ("entropy",)

    def unusable(self, reply: Reply) -> str | None:
        """Nor with an entropy that is none."""
        entropy = reply.facts.get("entropy", 0.0)
        return super().unusable(reply) or (None if 0.0 <= entropy <= 1.0 else f"told an entropy of {entropy:g}")

    def counts(self, reply: Reply) -> float:
        """The weight over the entropy."""
        return reply.weight * sureness(reply.facts["entropy"])

    def on_node(self) -> Mapping[str, Any]:
        """Nodes leave sensors out, learn from the model as it came, and tell how unsure they are."""
        told = {"distil": self.distil, "noise": self.noise, "temperature": self.temperature}
        return {"name": "flism", **told, "tell": ["entropy"]}
