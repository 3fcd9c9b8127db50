"""ImageBind's way: everything is aligned to one frozen encoder."""

from __future__ import annotations

from configs.schema import Experiment
from server.job import Job
from server.methods.method import Method, Step
from server.phases.contrast_natural import contrast_natural
from server.phases.unimodal import train_unimodal
from server.state import JobState


def anchored(experiment: Experiment) -> list[Step]:
    """The shared sensor's encoder first; then, frozen, it is what the others are aligned to.

    Together as many rounds as binding takes: those of its shared encoder, then those of its contrast.
    """
    by = experiment.bind.by

    def shared(job: Job, state: JobState) -> JobState:
        return train_unimodal(job, state, only=by, rounds=experiment.rounds.autoencoder)

    def align(job: Job, state: JobState) -> JobState:
        return contrast_natural(job, state, frozen=(f"encoder.{by}", f"projection.{by}"))

    return [
        Step("autoencoder", experiment.rounds.autoencoder, shared),
        Step("contrast", experiment.rounds.contrast, align),
    ]


IMAGEBIND = Method(
    "imagebind",
    "After ImageBind (Girdhar et al., CVPR 2023), as MMBind's section 6.1.2 has it: the shared sensor's encoder is "
    "pre-trained and frozen, and each node aligns its other sensors to it on its natural pairs.",
    anchored,
)
