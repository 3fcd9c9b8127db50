"""Fill: what nodes are sent with a contrast in which they fill in the sensors that they lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from models.blocks import ModalityShape
from protocol.payload import Block
from server.job import Job
from server.phases.describe import shapes_of
from server.state import JobState

GENERATOR = "generator."


@dataclass(frozen=True)
class Filled:
    """Every modality that nodes then train, and what goes along with their networks; all empty where nothing is filled in."""

    shapes: Mapping[str, ModalityShape] = field(default_factory=dict)
    blocks: Mapping[str, Block] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)


def filling(job: Job, state: JobState, fill: str) -> Filled:
    """The state's `generator.*` blocks and the shapes of all modalities that pre-train, under `fill`."""
    shapes = shapes_of(state, state.members(*job.experiment.incomplete_groups))
    made = {name: block for name, block in state.blocks.items() if fill == "generated" and name.startswith(GENERATOR)}
    return Filled(shapes, made, {"fill": fill, "shapes": {m: list(astuple(s)) for m, s in shapes.items()}})


def filled_in(job: Job, state: JobState) -> Filled:
    """What the strategy has nodes fill in; nothing, unless it does so and networks were trained for it."""
    there = any(name.startswith(GENERATOR) for name in state.blocks)
    return filling(job, state, "generated") if job.rule.fills and there else Filled()
