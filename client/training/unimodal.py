"""Local training of each modality's encoder by itself: two augmented views of a window attract, others repel."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from client.training.contrast import Contrast, even_batches
from client.training.local_part import Batch, LocalCorrection, step
from client.training.views import Views
from configs.schema import ContrastSettings
from models.augment import Strength
from models.instance import instance_loss, supervised_instance_loss


def train_unimodal(
    model: Contrast,
    views: Views,
    settings: ContrastSettings,
    epochs: int,
    changes: Mapping[str, Strength],
    jitter: float,
    seed: int,
    label: Tensor | None = None,
    correction: LocalCorrection | None = None,
) -> float:
    """`epochs` passes over each modality's own windows, in place; returns the last pass's loss, mean over modalities.

    label       int64 (n,) of the samples, −1 for none: samples of one label attract too. None: each is by itself
    correction  what the aggregation rule changes in every step

    Modalities share an optimiser and nothing else: each has its own batches, so that a missing sensor changes nothing
    for another. A modality without a window is left as it is.
    """
    generator = torch.Generator().manual_seed(seed)
    held = {modality: view.take(view.present) for modality, view in sorted(views.items()) if view.present.any()}
    model.encoders.train()
    model.projections.train()
    losses: list[float] = []
    for _ in range(epochs):
        losses = []
        for modality, view in held.items():
            loss_sum = 0.0
            for rows in even_batches(len(view), settings.batch, generator):
                batch = view.take(rows)
                windows = [batch.augmented(changes[modality], jitter, generator) for _ in range(2)]
                first, second = (model.embed({modality: each})[modality] for each in windows)
                if label is None:
                    loss = instance_loss(first, second, settings.temperature)
                else:
                    own = label[views[modality].present][rows]
                    loss = supervised_instance_loss(first, second, own, settings.temperature)
                further = None
                if correction is not None and correction.looks:
                    further = correction.further_loss(Batch({modality: first}, {modality: windows[0]}, {}))
                step(model.optimiser, loss if further is None else loss + further, correction)
                loss_sum += loss.item() * len(rows)
            losses.append(loss_sum / len(view))
    return sum(losses) / max(len(losses), 1)
