"""A training on disk between two sittings, replaced in one step; a kill at any moment leaves the old one or the new."""

import io
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from configs.errors import UserError
from server.tracking import write_atomically

FILE = "state.pt"


@dataclass
class Checkpoint:
    """Where a training stands. `identity` says what it is a training of, and must be the same to go on."""

    identity: dict[str, Any]
    step: int = 0
    seconds: float = 0.0
    best_db: float = float("-inf")
    best: dict[str, torch.Tensor] | None = None  # the model's tensors at its best
    model: dict[str, torch.Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Replaces the folder's checkpoint."""
    buffer = io.BytesIO()
    torch.save(vars(checkpoint), buffer)
    write_atomically(folder / FILE, buffer.getvalue())


def find(folder: Path, identity: dict[str, Any]) -> Checkpoint | None:
    """The folder's checkpoint, None where it has none; UserError where it is of another training or cannot be read."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        held = Checkpoint(**torch.load(path, weights_only=True))
    except (pickle.UnpicklingError, RuntimeError, TypeError, EOFError, LookupError, ValueError) as error:
        raise UserError(
            "the training's checkpoint cannot be read", where=str(path), todo="delete it, or choose another --out"
        ) from error
    differ = sorted(key for key in {*identity, *held.identity} if identity.get(key) != held.identity.get(key))
    if differ:
        raise UserError(
            f"an earlier training here differs in: {', '.join(differ)}",
            where=str(folder),
            todo="give the same options and images again, or another --out",
        )
    return held
