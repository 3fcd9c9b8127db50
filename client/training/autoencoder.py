"""Local training of the shared modality's encoder: MMBind's autoencoder (eq. 1), its denoising form, or one that
tells recordings apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from client.training.contrast import even_batches
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


def train_autoencoder(
    model: nn.Module,
    view: View,
    optimiser: torch.optim.Optimizer,
    settings: AutoencoderSettings,
    epochs: int,
    change: Strength,
    jitter: float,
    seed: int,
) -> float:
    """Trains in place for `epochs` passes; returns the mean loss of the last one.

    reconstruction  mean squared error of the window itself
    denoising       the window is augmented, the clean one is the goal
    instance        two augmented views of a window attract, other windows repel
    """
    generator = torch.Generator().manual_seed(seed)
    model.train()
    loss_sum = 0.0
    for _ in range(epochs):
        loss_sum = 0.0
        for rows in even_batches(len(view), settings.batch, generator):
            loss = _loss(model, view.take(rows), settings, change, jitter, generator)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
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
