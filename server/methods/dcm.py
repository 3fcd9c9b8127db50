"""DCM: dual contrastive learning, on the pairs that nodes hold naturally."""

from __future__ import annotations

from configs.schema import Experiment
from server.methods.method import Method, Step
from server.phases.contrast_natural import contrast_natural


def dual(experiment: Experiment) -> list[Step]:
    """One phase, as many rounds as binding's contrast."""
    return [Step("contrast", experiment.rounds.contrast, contrast_natural)]


DCM = Method(
    "dcm",
    "Dual contrastive learning (MMBind, section 6.1.2): each node contrasts its own sensors with each other; the "
    "shared sensor's encoder, averaged over all nodes and trained with both, is all that joins the groups.",
    dual,
)
