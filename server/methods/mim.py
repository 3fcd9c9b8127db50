"""MIM: incomplete multimodal learning with zeros for what is missing."""

from __future__ import annotations

from configs.schema import Experiment
from server.job import Job
from server.methods.method import Method, Phase
from server.phases.contrast_natural import contrast_natural
from server.state import JobState


def masked(experiment: Experiment) -> list[Phase]:
    """One phase, as many rounds as binding's contrast."""

    def zeros(job: Job, state: JobState) -> JobState:
        return contrast_natural(job, state, fill="zeros")

    return [Phase("contrast", experiment.rounds.contrast, zeros)]


MIM = Method(
    "mim",
    "Masked input modalities (MMBind, section 6.1.2): every node trains the encoders of all modalities on its own "
    "samples, with zeros where a sensor is missing; the zeros take part in the contrast as if they were recorded. Where "
    "labels bind, a node's samples of one label are positives of each other too, within a sensor as well: the contrast "
    "then takes the form `supcon` (contrast.labels).",
    masked,
)
