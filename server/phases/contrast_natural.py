"""Contrast on natural pairs alone: what a node's own sensors saw of the same event. Nothing is bound across nodes."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.kinds import CONTRAST
from server.job import Job
from server.phases.contrast import contrasted, fresh_blocks
from server.phases.fill import Filled, filling
from server.phases.rounds import by_examples, by_held, tell_of_labels, train_rounds
from server.state import JobState


def contrast_natural(job: Job, state: JobState, frozen: Sequence[str] = (), fill: str | None = None) -> JobState:
    """`rounds.contrast` rounds of eq. 3 within each node.

    frozen  names of blocks that are sent, used and never changed
    fill    what stands where a node lacks a modality, so that each trains the encoders of all: `zeros`, or `generated`
            windows, made by the state's `generator.<modality>` blocks; None: nothing, each trains those of its own
    """
    experiment = job.experiment
    current = {**fresh_blocks(job, state), **{name: state.blocks[name] for name in frozen}}
    members = state.members(*experiment.incomplete_groups)
    filled = filling(job, state, fill) if fill else Filled()
    own = {
        p: [f"{part}.{m}" for m in filled.shapes or contrasted(job, state, p) for part in ("encoder", "projection")]
        for p in members
    }
    told = {"frozen": sorted(frozen), "fill": None, "shapes": {}, **filled.info}
    tell_of_labels(job)
    learnt = {p: set(names) - set(frozen) for p, names in own.items()}
    return train_rounds(
        job, state, CONTRAST, "contrast", experiment.rounds.contrast, current, own,
        learnt=learnt, beside=filled.blocks, info=told, weigh=by_examples if fill else by_held,  # what is filled counts as held
    )  # fmt: skip
