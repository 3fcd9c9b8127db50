"""The baseline's encoders: a residual network per modality, trained alone on labelled windows, then frozen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from client.data.spectral import SpectralWindows
from configs.fusion_study import BevMethod
from configs.nodes import derived_seed
from models.bev_fusion import alone, trained_alone
from models.optimiser import adamw
from models.resnet import ResNetEncoder
from models.schedule import scheduled_rate
from models.spectral import PictureForm
from server.tracking import write_atomically
from simulation.fusion.features import pictures_of
from simulation.fusion.material import Material


def encoders_of(
    material: Material, subjects: Sequence[str], settings: BevMethod, form: PictureForm, seed: int, folder: Path,
    tell: Callable[[str], None],
) -> dict[str, ResNetEncoder]:  # fmt: skip
    """An encoder for each modality, trained on windows of these people alone; what lies in the folder is read instead.

    Beside each lies a card: whose windows, how many of each class, loss and accuracy of the last epoch, seconds.
    """
    found = {}
    for modality, windows in material.windows.items():
        path = folder / f"{modality}.safetensors"
        if path.is_file():
            encoder = ResNetEncoder(settings.network, settings.stage)
            encoder.load_state_dict(safetensors.torch.load_file(path))
        else:
            own = derived_seed(seed, "bev", modality)
            rows = drawn(windows, subjects, settings.windows, np.random.default_rng(own))
            tell(f"  encoder of {modality}: {len(rows)} windows, {settings.epochs} epochs")
            encoder, told = trained(windows, rows, len(material.classes), settings, form, own)
            folder.mkdir(parents=True, exist_ok=True)
            told |= {"subjects": sorted(set(windows.subject[rows].tolist())), "seed": seed}
            write_atomically(folder / f"{modality}.json", json.dumps(told, indent=1))
            whole = {name: value.contiguous() for name, value in encoder.state_dict().items()}
            write_atomically(path, safetensors.torch.save(whole))
        encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        found[modality] = encoder.eval().requires_grad_(False)
    return found


def drawn(
    windows: SpectralWindows, subjects: Sequence[str], most: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Windows of these people that are present, `most` at the most; as many of each class as far as there are so many."""
    theirs = np.flatnonzero(windows.present & np.isin(windows.subject, list(subjects)) & (windows.label >= 0))
    by_class = [
        generator.permutation(theirs[windows.label[theirs] == label]) for label in np.unique(windows.label[theirs])
    ]
    rows: list[int] = []
    for left, each in zip(range(len(by_class), 0, -1), sorted(by_class, key=len), strict=True):
        rows += each[: (most - len(rows)) // left].tolist()
    return np.array(sorted(rows), np.int64)


def trained(
    windows: SpectralWindows, rows: NDArray[np.int64], classes: int, settings: BevMethod, form: PictureForm, seed: int
) -> tuple[ResNetEncoder, dict[str, Any]]:
    """One encoder with an average pool and a linear layer on these windows' labels, and the account of it.

    ValueError where there are fewer than two windows.
    """
    if len(rows) < 2:
        raise ValueError(f"{len(rows)} labelled windows to train an encoder on: two are needed")
    began = time.monotonic()
    torch.manual_seed(seed)
    whole = alone(ResNetEncoder(settings.network, settings.stage), classes)
    whole.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = adamw(whole.parameters(), settings.rate, settings.decay)
    label = torch.from_numpy(windows.label[rows])
    loss_sum, right = 0.0, 0
    for epoch in range(1, settings.epochs + 1):
        optimiser.param_groups[0]["lr"] = scheduled_rate(settings.rate, epoch, settings.epochs)
        loss_sum, right = 0.0, 0
        order = np.random.default_rng(derived_seed(seed, "order", epoch)).permutation(len(rows))
        for some in batches(order, settings.batch):
            logits = whole(pictures_of(windows, rows[some], form))
            loss = F.cross_entropy(logits, label[some])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss_sum += loss.item() * len(some)
            right += int((logits.argmax(dim=1) == label[some]).sum())
    counts = {int(each): int((label == each).sum()) for each in label.unique()}
    told: dict[str, Any] = {"windows": counts, "loss": loss_sum / len(rows), "training_accuracy": right / len(rows)}
    return trained_alone(whole), {**told, "seconds": round(time.monotonic() - began, 1)}


def batches(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """The order in batches; a rest of one joins the batch before it, since batch norm needs two."""
    found = np.split(order, range(size, len(order), size))
    if len(found) > 1 and len(found[-1]) == 1:
        found[-2:] = [np.concatenate(found[-2:])]
    return found


def encode_with(encoders: Mapping[str, ResNetEncoder]) -> Callable[[str, Tensor], Tensor]:
    """Pictures of a modality through its own encoder."""
    return lambda modality, pictures: encoders[modality](pictures)
