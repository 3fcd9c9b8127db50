"""Local training of the shared modality's encoder: MMBind's autoencoder (eq. 1), its denoising form, or one that
tells recordings apart."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from client.training.contrast import even_batches
from client.training.local_part import Batch, LocalCorrection, step
from client.training.moments import take_up
from client.training.views import View
from configs.schema import AutoencoderSettings
from models.augment import Strength
from models.autoencoder import SharedAutoencoder, reconstruction_error
from models.instance import SharedEncoder
from models.optimiser import adamw


def new_optimiser(
    model: nn.Module, settings: AutoencoderSettings, rate: float, moments: bytes | None
) -> torch.optim.Optimizer:
    """The optimiser of this round, with the moments of the last one where there was one."""
    optimiser = adamw(model.parameters(), rate, settings.weight_decay)
    take_up(optimiser, moments)
    return optimiser


@dataclass
class OnlyEncoder:
    """The shared modality's network alone, as an aggregation rule's part sees it; `name` is its block's."""

    MODALITY: ClassVar[str] = "shared"

    name: str
    network: SharedAutoencoder | SharedEncoder
    optimiser: torch.optim.Optimizer

    def named_parts(self) -> list[tuple[str, nn.Module]]:
        """The one network."""
        return [(self.name, self.network)]

    def embed(self, windows: Mapping[str, Tensor], recorded: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Unit rows of what is matched by."""
        return {m: F.normalize(self.network.encode(each), dim=1) for m, each in windows.items()}

    def frozen(self) -> OnlyEncoder:
        """A copy of the network."""
        return OnlyEncoder(self.name, copy.deepcopy(self.network), self.optimiser)


def train_autoencoder(
    model: nn.Module,
    view: View,
    optimiser: torch.optim.Optimizer,
    settings: AutoencoderSettings,
    epochs: int,
    change: Strength,
    jitter: float,
    seed: int,
    correction: LocalCorrection | None = None,
) -> float:
    """Trains in place for `epochs` passes; returns the mean loss of the last one.

    reconstruction  mean squared error of the window itself
    denoising       the window is augmented, the clean one is the goal
    instance        two augmented views of a window attract, other windows repel
    `correction` is what the aggregation rule changes in every step.
    """
    generator = torch.Generator().manual_seed(seed)
    model.train()
    loss_sum = 0.0
    for _ in range(epochs):
        loss_sum = 0.0
        for rows in even_batches(len(view), settings.batch, generator):
            loss = _loss(model, view.take(rows), settings, change, jitter, generator)
            further = None
            if correction is not None and correction.looks:
                windows = {OnlyEncoder.MODALITY: view.take(rows).clean()}
                further = correction.further_loss(Batch(correction.model.embed(windows), windows, {}))
            step(optimiser, loss if further is None else loss + further, correction)
            loss_sum += loss.item() * len(rows)
    return loss_sum / max(len(view), 1)


def _loss(
    model: nn.Module,
    batch: View,
    settings: AutoencoderSettings,
    change: Strength,
    jitter: float,
    generator: torch.Generator,
) -> Tensor:
    if isinstance(model, SharedEncoder):
        losses = list(model.losses(lambda: batch.augmented(change, jitter, generator), settings.temperature))
        return torch.stack(losses).mean()
    assert isinstance(model, SharedAutoencoder)
    if settings.objective == "denoising":
        return reconstruction_error(model, batch.augmented(change, jitter, generator), batch.clean())
    return reconstruction_error(model, batch.clean())
