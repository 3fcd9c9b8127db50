"""Generate: for each modality beside the shared one a network that makes its windows from the shared one's."""

from __future__ import annotations

from dataclasses import replace

from models.blocks import as_block, new_generator
from protocol.kinds import GENERATE
from protocol.payload import Payload
from server.admission import weights_gate
from server.job import Job
from server.phases.describe import shapes_of
from server.state import JobState, save_blocks
from strategies.fedavg import fedavg
from strategies.modality_wise import Contribution, aggregate


def train_generators(job: Job, state: JobState) -> JobState:
    """`rounds.autoencoder` rounds; `generator.<modality>` blocks join the state's."""
    experiment, by = job.experiment, job.experiment.bind.by
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
    for round in range(1, rounds + 1):
        questions = {
            p: Payload({**{name: current[name] for name in names}, **state.statistics(p)}, {"rounds": rounds})
            for p, names in own.items()
        }
        gate = weights_gate(current, {p: set(names) for p, names in own.items()}, state.samples)
        replies = job.dispatch.ask(GENERATE, questions, "autoencoder", round, rounds, gate)
        current = aggregate(
            current, [Contribution(p, r.blocks, r.metrics["examples"]) for p, r in replies.items()], fedavg
        )
        save_blocks(current, job.folder / "checkpoint")
    return replace(state, blocks={**state.blocks, **current})
