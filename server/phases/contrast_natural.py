"""Contrast on natural pairs alone: what a node's own sensors saw of the same event. Nothing is bound across nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace

from protocol.kinds import CONTRAST
from protocol.payload import Payload
from server.admission import weights_gate
from server.job import Job
from server.phases.contrast import contrasted, fresh_blocks
from server.phases.describe import shapes_of
from server.state import JobState, save_blocks
from strategies.fedavg import fedavg
from strategies.modality_wise import Contribution, aggregate


def contrast_natural(job: Job, state: JobState, frozen: Sequence[str] = (), fill: str | None = None) -> JobState:
    """`rounds.contrast` rounds of eq. 3 within each node.

    frozen  names of blocks that are sent, used and never changed
    fill    what stands where a node lacks a modality, so that each trains the encoders of all: `zeros`, or `generated`
            windows, made by the state's `generator.<modality>` blocks; None: nothing, each trains those of its own
    """
    experiment = job.experiment
    current = {**fresh_blocks(job, state), **{name: state.blocks[name] for name in frozen}}
    members = state.members(*experiment.incomplete_groups)
    shapes = shapes_of(state, members) if fill else {}
    own = {
        p: [f"{part}.{m}" for m in shapes or contrasted(job, state, p) for part in ("encoder", "projection")]
        for p in members
    }
    made = {
        name: block for name, block in state.blocks.items() if fill == "generated" and name.startswith("generator.")
    }
    told = {"frozen": sorted(frozen), "fill": fill, "shapes": {m: list(astuple(s)) for m, s in shapes.items()}}
    learnt = {p: set(names) - set(frozen) for p, names in own.items()}
    rounds = experiment.rounds.contrast
    for round in range(1, rounds + 1):
        questions = {
            p: Payload(
                {**{name: current[name] for name in names}, **made, **state.statistics(p)},
                {"rounds": rounds, **told},
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
