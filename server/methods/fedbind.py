"""fedbind: MMBind over nodes. The upper bound is the same on nodes that hold every sensor."""

from __future__ import annotations

from configs.schema import Experiment
from server.methods.method import Method, Phase
from server.phases.autoencoder import train_autoencoder
from server.phases.bind import bind_samples
from server.phases.contrast import contrast
from server.phases.embed import embed


def binding(experiment: Experiment) -> list[Phase]:
    """The paper's order (its section 4): an encoder of what is shared, matching, weighted contrastive learning."""
    rounds, shared = experiment.rounds, len(experiment.bind.modalities)  # none where labels bind
    encoders = [Phase("autoencoder", rounds.autoencoder * shared, train_autoencoder)] if shared else []
    return [
        *encoders,
        Phase("embed", max(shared, 1), embed),
        Phase("bind", 1, bind_samples),
        Phase("contrast", rounds.contrast, contrast),
    ]


FEDBIND = Method(
    "fedbind",
    "MMBind (Ouyang et al., SenSys 2025) over nodes: samples of different nodes are bound through a sensor that they "
    "share, or through the meaning of their labels, and encoders are trained by weighted contrastive learning.",
    binding,
)
UPPER_BOUND = Method(
    "upper_bound",
    "The same as fedbind, but every node of the incomplete groups holds all their sensors, as far as the data set that it "
    "reads lists them: natural pairs everywhere.",
    binding,
)
