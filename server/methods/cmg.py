"""CMG: cross-modal generation of what is missing."""

from __future__ import annotations

from configs.schema import Experiment
from server.job import Job
from server.methods.method import Method, Step
from server.phases.contrast_natural import contrast_natural
from server.phases.generate import train_generators
from server.state import JobState


def made_up(experiment: Experiment) -> list[Step]:
    """First the generators, as many rounds as binding's shared encoder; then the contrast, as many as binding's."""

    def complete(job: Job, state: JobState) -> JobState:
        return contrast_natural(job, state, fill="generated")

    return [
        Step("autoencoder", experiment.rounds.autoencoder, train_generators),
        Step("contrast", experiment.rounds.contrast, complete),
    ]


CMG = Method(
    "cmg",
    "Cross-modal generation (MMBind, section 6.1.2): nodes that hold a sensor beside the shared one learn to make its "
    "windows from the shared one's (mean squared error); the others fill theirs in with it and contrast all sensors.",
    made_up,
)
