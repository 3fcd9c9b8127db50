"""Local training of cross-modal generation: one sensor's window from another's, where a node recorded both."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from client.training.contrast import even_batches
from client.training.views import View
from models.autoencoder import SharedAutoencoder


def train_generator(
    network: SharedAutoencoder,
    optimiser: torch.optim.Optimizer,
    source: View,
    target: View,
    batch: int,
    epochs: int,
    seed: int,
) -> tuple[float, int]:
    """`epochs` passes in place over the rows that hold both; the last pass's mean squared error, and their number."""
    generator = torch.Generator().manual_seed(seed)
    both = source.present & target.present
    inputs, wanted = source.take(both).clean(), target.take(both).clean()  # (n, time, channel) each
    network.train()
    loss_sum = 0.0
    for _ in range(epochs):
        loss_sum = 0.0
        for rows in even_batches(len(inputs), batch, generator):
            loss = F.mse_loss(network(inputs[rows]), wanted[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            loss_sum += loss.item() * len(rows)
    return loss_sum / max(len(inputs), 1), len(inputs)
