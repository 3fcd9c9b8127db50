"""The loop of a fine-tuning on one node's own labelled samples, under limits."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from client.edge.checkpoint import Kept, find, save
from client.edge.settings import EdgeSettings
from client.training.finetune import (
    Augment,
    Labelled,
    Tuning,
    begin_from_prototypes,
    count_correct,
    kept_blocks,
    tune_epoch,
)
from configs.schema import FineTuneSettings
from models.blocks import Block

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Tuned:
    """The best network by the held-out part, as blocks, and what it took. Figures of `held` samples, which chose it."""

    blocks: Mapping[str, Block]
    epoch: int
    correct: int
    held: int
    trained_on: int
    ended: str
    seconds: float
    cpu_seconds: float
    peak_mib: float
    history: list[dict[str, Any]]


def tune(
    tuning: Tuning,
    train: Labelled,
    held: Labelled,
    settings: FineTuneSettings,
    limits: EdgeSettings,
    folder: Path,
    identity: str,
    seed: int,
    augment: Augment,
    prototypes: bool = True,
    tell: Tell = lambda text: None,
    watch: Callable[[Tuning], float] | None = None,
) -> Tuned:
    """Trains in place, or goes on where the folder's checkpoint stands, or finds all done.

    Shuffling, augmentation and dropout follow from (seed, epoch), so a stopped training that goes on ends with the very
    weights of one that never was. Of equally good epochs the latest is kept. Class means alone are judged as
    epoch 0: with no more than that the head is the nearest-prototype classifier of the bound space.

    prototypes  whether the classes' prototypes begin as means of embeddings: where the networks were pre-trained
    watch       asked after every epoch for a figure that stands in the history; it chooses nothing and its time is not counted
    """
    torch.set_num_threads(limits.threads)

    def arithmetic() -> contextlib.AbstractContextManager[object]:
        return torch.autocast("cpu", torch.bfloat16) if limits.bf16 else contextlib.nullcontext()

    def judge(loss: float | None, began: _Clock) -> int:
        """Counts on what is held out, keeps the network if it is as good as the best, and puts all on disk."""
        with arithmetic():
            correct = count_correct(tuning, held)
        if correct > kept.best_correct:
            kept.better_epoch = tuning.epoch
        if correct >= kept.best_correct:
            kept.best_correct, kept.best_epoch, kept.best = correct, tuning.epoch, _flat(kept_blocks(tuning))
        began.add_to(kept)
        kept.history.append(
            {"epoch": tuning.epoch, "loss": loss, "held_correct": correct, "cpu_seconds": kept.cpu_seconds}
        )
        if watch is not None:
            kept.history[-1]["watched"] = watch(tuning)
        kept.ended = _why_end(tuning.epoch, kept, limits)
        kept.tuning = tuning.to_bytes()
        save(folder, kept)
        return correct

    found = find(folder, identity)
    kept = found or Kept(identity)
    if found is not None:
        tuning.restore(kept.tuning)
        kept.ended = _why_end(tuning.epoch, kept, limits)  # limits may have been raised since
    else:
        began = _Clock()
        if prototypes:
            begin_from_prototypes(tuning, train)
            correct = judge(None, began)
            tell(f"class means alone: {correct} of {len(held)} held out right")
    while not kept.ended:
        began = _Clock()
        with arithmetic():
            loss = tune_epoch(tuning, train, settings, seed, augment)
        correct = judge(loss, began)
        tell(f"epoch {tuning.epoch}: loss {loss:.3f}, {correct} of {len(held)} held out right")
    return Tuned(
        _nested(kept.best), kept.best_epoch, kept.best_correct, len(held), len(train), kept.ended, kept.seconds,
        kept.cpu_seconds, peak_mib(), kept.history,
    )  # fmt: skip


class _Clock:
    """Wall and CPU time since it was made."""

    def __init__(self) -> None:
        self.began, self.cpu_began = time.monotonic(), time.process_time()

    def add_to(self, kept: Kept) -> None:
        kept.seconds += time.monotonic() - self.began
        kept.cpu_seconds += time.process_time() - self.cpu_began


def _why_end(epoch: int, kept: Kept, limits: EdgeSettings) -> str:
    """Which limit is reached after this epoch, none while there is time, memory and hope."""
    if epoch >= limits.epochs:
        return "epochs"
    if limits.seconds is not None and kept.seconds >= limits.seconds:
        return "time"
    if limits.memory_mib is not None and peak_mib() > limits.memory_mib:
        return "memory"
    return "patience" if epoch - kept.better_epoch >= limits.patience else ""


def peak_mib() -> float:
    """The largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _flat(blocks: Mapping[str, Block]) -> dict[str, Tensor]:
    return {f"{name}/{key}": torch.from_numpy(value) for name, block in blocks.items() for key, value in block.items()}


def _nested(flat: Mapping[str, Tensor]) -> dict[str, Block]:
    blocks: dict[str, Block] = {}
    for name, value in flat.items():
        block, key = name.split("/", 1)
        blocks.setdefault(block, {})[key] = value.numpy()
    return blocks
