"""A fine-tuning on disk after every epoch, replaced in one step: a kill at any moment leaves the old one or the new."""

from __future__ import annotations

import io
import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from configs.errors import UserError

FILE = "tune.pt"


@dataclass
class Kept:
    """Where a fine-tuning stands. `identity` says what it is one of, and must be the same to go on."""

    identity: str
    tuning: bytes = b""  # `Tuning.to_bytes`
    best: dict[str, Tensor] = field(default_factory=dict)  # "block/tensor" -> value, at the best epoch
    best_epoch: int = 0
    best_correct: int = -1
    better_epoch: int = 0  # the last that was better than all before it, and not just as good
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    ended: str = ""  # why it ended: epochs, patience, time, memory; empty while it goes on


def save(folder: Path, kept: Kept) -> None:
    """Replaces the folder's checkpoint."""
    buffer = io.BytesIO()
    torch.save(vars(kept), buffer)
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{FILE}.tmp"
    with beside.open("wb") as file:
        file.write(buffer.getvalue())
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, folder / FILE)


def find(folder: Path, identity: str) -> Kept | None:
    """The folder's checkpoint, None where it has none; UserError where it is another's or cannot be read."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        kept = Kept(**torch.load(path, weights_only=True))
    except (pickle.UnpicklingError, RuntimeError, TypeError, EOFError, LookupError, ValueError) as error:
        raise UserError(
            "the checkpoint cannot be read", where=str(path), todo="delete it, or name another --out"
        ) from error
    if kept.identity != identity:
        raise UserError(
            "an earlier fine-tuning lies here, of other samples, networks or settings",
            where=str(folder),
            todo="name another --out, or give the same options again",
        )
    return kept
