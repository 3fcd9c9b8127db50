"""Unimodal: each modality's encoder learns by itself to tell recordings apart; the nodes that hold it are averaged."""

from __future__ import annotations

from dataclasses import replace

from protocol.kinds import UNIMODAL
from protocol.payload import Payload
from server.admission import weights_gate
from server.job import Job
from server.phases.contrast import contrasted, fresh_blocks
from server.state import JobState, save_blocks
from strategies.fedavg import fedavg
from strategies.modality_wise import Contribution, aggregate


def train_unimodal(job: Job, state: JobState, only: str | None = None, rounds: int | None = None) -> JobState:
    """Encoders and projections of every modality of the incomplete groups, or of `only` one; `rounds.contrast` rounds."""
    experiment = job.experiment
    fresh = {name: block for name, block in fresh_blocks(job, state).items() if only in (None, name.partition(".")[2])}
    own = {
        p: [f"{part}.{m}" for m in contrasted(job, state, p) if only in (None, m) for part in ("encoder", "projection")]
        for p in state.members(*experiment.incomplete_groups)
    }
    own = {p: names for p, names in own.items() if names}
    current, rounds = fresh, experiment.rounds.contrast if rounds is None else rounds
    phase = "contrast" if only is None else "autoencoder"
    for round in range(1, rounds + 1):
        questions = {
            p: Payload({**{name: current[name] for name in names}, **state.statistics(p)}, {"rounds": rounds})
            for p, names in own.items()
        }
        gate = weights_gate(current, {p: set(names) for p, names in own.items()}, state.samples)
        replies = job.dispatch.ask(UNIMODAL, questions, phase, round, rounds, gate)
        current = aggregate(
            current, [Contribution(p, r.blocks, r.metrics["examples"]) for p, r in replies.items()], fedavg
        )
        save_blocks(current, job.folder / "checkpoint")
    return replace(state, blocks={**state.blocks, **current})
