"""Unimodal: each modality's encoder learns by itself to tell recordings apart; the nodes that hold it are averaged."""

from __future__ import annotations

from protocol.kinds import UNIMODAL
from server.job import Job
from server.phases.contrast import contrasted, fresh_blocks
from server.phases.rounds import tell_of_labels, train_rounds
from server.state import JobState


def train_unimodal(job: Job, state: JobState, only: str | None = None, rounds: int | None = None) -> JobState:
    """Encoders and projections of every modality of the incomplete groups, or of `only` one; `rounds.contrast` rounds."""
    experiment = job.experiment
    fresh = {name: block for name, block in fresh_blocks(job, state).items() if only in (None, name.partition(".")[2])}
    own = {
        p: [f"{part}.{m}" for m in contrasted(job, state, p) if only in (None, m) for part in ("encoder", "projection")]
        for p in state.members(*experiment.incomplete_groups)
    }
    own = {p: names for p, names in own.items() if names}
    phase, count = (
        ("contrast" if only is None else "autoencoder"),
        experiment.rounds.contrast if rounds is None else rounds,
    )
    tell_of_labels(job)
    return train_rounds(job, state, UNIMODAL, phase, count, fresh, own)
