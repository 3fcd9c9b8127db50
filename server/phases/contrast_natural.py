"""Contrast on natural pairs alone: what a node's own sensors saw of the same event. Nothing is bound across nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from protocol.kinds import CONTRAST
from protocol.payload import Payload
from server.admission import weights_gate
from server.job import Job
from server.phases.contrast import contrasted, fresh_blocks
from server.state import JobState, save_blocks
from strategies.fedavg import fedavg
from strategies.modality_wise import Contribution, aggregate


def contrast_natural(job: Job, state: JobState, frozen: Sequence[str] = ()) -> JobState:
    """`rounds.contrast` rounds of eq. 3 within each node; blocks named in `frozen` are sent, used and never changed."""
    experiment = job.experiment
    current = {**fresh_blocks(job, state), **{name: state.blocks[name] for name in frozen}}
    own = {
        p: [f"{part}.{m}" for m in contrasted(job, state, p) for part in ("encoder", "projection")]
        for p in state.members(*experiment.incomplete_groups)
    }
    learnt = {p: set(names) - set(frozen) for p, names in own.items()}
    rounds = experiment.rounds.contrast
    for round in range(1, rounds + 1):
        questions = {
            p: Payload(
                {**{name: current[name] for name in names}, **state.statistics(p)},
                {"rounds": rounds, "frozen": sorted(frozen)},
            )
            for p, names in own.items()
        }
        gate = weights_gate(current, learnt, state.samples)
        replies = job.dispatch.ask(CONTRAST, questions, "contrast", round, rounds, gate)
        current = aggregate(
            current, [Contribution(p, r.blocks, r.metrics["examples"]) for p, r in replies.items()], fedavg
        )
        save_blocks(current, job.folder / "checkpoint")
    return replace(state, blocks={**state.blocks, **current})
