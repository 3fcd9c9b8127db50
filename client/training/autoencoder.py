"""Local training of the shared-modality autoencoder (MMBind eq. 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from configs.schema import AutoencoderSettings
from models.autoencoder import SharedAutoencoder, reconstruction_error


def train_autoencoder(
    model: SharedAutoencoder, windows: Tensor, settings: AutoencoderSettings, epochs: int, seed: int
) -> float:
    """Trains in place for `epochs` passes; returns the mean squared error of the last one.

    windows  (n, time, channel), normalised. With `noise` set the input is corrupted and the clean window is the goal.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.rate)
    model.train()
    loss_sum = 0.0
    for _ in range(epochs):
        loss_sum = 0.0
        for rows in torch.randperm(len(windows), generator=generator).split(settings.batch):
            clean = windows[rows]
            noise = torch.randn(clean.shape, generator=generator) * settings.noise if settings.noise else 0.0
            loss = reconstruction_error(model, clean + noise, clean)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            loss_sum += loss.item() * len(rows)
    return loss_sum / max(len(windows), 1)
