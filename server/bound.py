"""The networks as pre-training left them, kept apart: fine-tuning writes its own over those of the checkpoint."""

from __future__ import annotations

from pathlib import Path

from protocol.payload import Block
from server.state import JobState, load_blocks, save_blocks

_KEPT = ("encoder.", "projection.", "unified")  # the last: the frozen encoder that they stand behind


def keep_bound(state: JobState, job_folder: Path) -> None:
    """Writes encoders and projections with the agreed statistics of their modalities; nothing where there is no projection."""
    bound = {name: block for name, block in state.blocks.items() if name.startswith(_KEPT)}
    if any(name.startswith("projection.") for name in bound):
        save_blocks(bound, _folder(job_folder))
        for group, moments in state.normalisation.items():
            save_blocks(moments, _folder(job_folder) / group)


def load_bound(job_folder: Path, group: str) -> dict[str, Block]:
    """`encoder.*`, `projection.*` and a group's `moments.*` blocks of a job; empty where its method left none."""
    return {**load_blocks(_folder(job_folder)), **load_blocks(_folder(job_folder) / group)}


def _folder(job_folder: Path) -> Path:
    return job_folder / "checkpoint" / "bound"
