"""Generate: for each modality beside the shared one a network that makes its windows from the shared one's."""

from __future__ import annotations

from models.blocks import as_block, new_generator
from protocol.kinds import GENERATE
from server.job import Job
from server.phases.describe import shapes_of
from server.phases.rounds import by_examples, train_rounds
from server.state import JobState

GENERATED = "generate"


def generate(job: Job, state: JobState) -> JobState:
    """The same as a phase of its own, for a strategy that has absent modalities filled in; as it was where none can be."""
    if len(job.experiment.bind.modalities) != 1:
        job.note(
            f"strategy {job.experiment.strategy.name}: no one sensor is shared by all groups; nothing is filled in"
        )
        return state
    held = [set(state.manifests[p].modalities) for p in state.members(*job.experiment.incomplete_groups)]
    if all(own == held[0] for own in held):
        job.note(f"strategy {job.experiment.strategy.name}: no node lacks a sensor; nothing is filled in")
        return state
    return train_generators(job, state, GENERATED)


def train_generators(job: Job, state: JobState, phase: str = "autoencoder") -> JobState:
    """`rounds.autoencoder` rounds of a phase; `generator.<modality>` blocks join the state's."""
    experiment, by = job.experiment, job.experiment.bind.anchor
    members = state.members(*experiment.incomplete_groups)
    shapes = shapes_of(state, members)
    own = {
        p: [f"generator.{m}" for m in sorted(state.manifests[p].modalities) if m != by]
        for p in members
        if by in state.manifests[p].modalities
    }
    own = {p: names for p, names in own.items() if names}
    current = {
        f"generator.{m}": as_block(new_generator(shapes[by], m, shape, experiment.autoencoder, job.seed))
        for m, shape in shapes.items()
        if m != by
    }
    rounds = experiment.rounds.autoencoder
    return train_rounds(
        job,
        state,
        GENERATE,
        phase,
        rounds,
        current,
        own,
        weigh=by_examples,
        stage=None if phase == "autoencoder" else "autoencoder of what is absent",
    )
