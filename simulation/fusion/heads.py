"""Training of fusion heads on cached features: over all samples in one place, or by nodes whose heads are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from configs.fusion_study import HeadSettings
from configs.nodes import derived_seed
from models.latent_fusion import LatentFusion
from models.optimiser import adamw
from models.schedule import scheduled_rate
from simulation.fusion.bev import batches
from simulation.fusion.features import Features
from strategies.fedavg import FedAvg
from strategies.rule import Reply, apply

Rows = NDArray[np.int64]
AT_ONCE = 64  # samples that are judged


@dataclass(frozen=True)
class View:
    """Features as a head sees them: some modalities, each number less its mean over its spread.

    scales  (mean, spread) of each modality over the training people, whose nodes' sums add up to them
    """

    features: Features
    scales: dict[str, tuple[Tensor, Tensor]]

    @staticmethod
    def of(features: Features, modalities: Sequence[str], subjects: Sequence[str]) -> View:
        """Scaled by what these people recorded, and nobody else."""
        return View(features, {name: features.scale(name, subjects) for name in modalities})

    def take(self, rows: Rows, modalities: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Values (batch, T, number, h, w) and presence (batch, T), by modality."""
        at = torch.from_numpy(rows)
        values, present = {}, {}
        for name in modalities:
            mean, spread = self.scales[name]
            values[name] = (self.features.values[name][at].float() - mean) / spread
            present[name] = self.features.present[name][at]
        return values, present


def new_head(view: View, classes: int, settings: HeadSettings, seed: int) -> LatentFusion:
    """A head of these modalities, drawn from the seed."""
    torch.manual_seed(derived_seed(seed, "head"))
    number, side = view.features.form
    return LatentFusion(
        list(view.scales), classes, number, side, settings.joined, settings.hidden, settings.width, settings.norm,
        settings.dropout,
    )  # fmt: skip


def class_weights(label: Tensor, classes: int, balanced: bool) -> Tensor:
    """What a sample of each class counts: n / (classes there · its own n), or 1."""
    counts = torch.bincount(label, minlength=classes).float()
    there = int((counts > 0).sum())
    return torch.where(counts > 0, len(label) / (there * counts.clamp(min=1)), 0.0) if balanced else torch.ones(classes)


def kept(generator: np.random.Generator, samples: int, modalities: int, drop: float) -> NDArray[np.bool_]:
    """(modality, sample): which stay; where all would be dropped one stays, any of them alike."""
    stays = generator.random((modalities, samples)) >= drop
    stays[generator.integers(0, modalities, samples), np.arange(samples)] |= ~stays.any(axis=0)
    return stays


def epoch(
    head: LatentFusion, optimiser: torch.optim.Optimizer, view: View, rows: Rows, weights: Tensor, settings: HeadSettings,
    rate: float, seed: int,
) -> int:  # fmt: skip
    """One pass over the rows; returns the steps taken. All that is drawn comes from the seed."""
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)  # dropout
    head.train()
    optimiser.param_groups[0]["lr"] = rate
    names = list(view.scales)
    parts = batches(rows[generator.permutation(len(rows))], settings.batch)
    for some in parts:
        values, present = view.take(some, names)
        if settings.modality_drop and len(names) > 1:
            stays = torch.from_numpy(kept(generator, len(some), len(names), settings.modality_drop))
            present = {name: present[name] & stays[place][:, None] for place, name in enumerate(names)}
        label = view.features.label[torch.from_numpy(some)]
        losses = F.cross_entropy(head(values, present), label, reduction="none")
        optimiser.zero_grad()
        (losses * weights[label]).mean().backward()
        optimiser.step()
    return len(parts)


def centralised(head: LatentFusion, view: View, rows: Rows, settings: HeadSettings, seed: int) -> int:
    """Trains the head on all rows in one place; returns the steps taken."""
    weights = class_weights(view.features.label[torch.from_numpy(rows)], head_classes(head), settings.balanced)
    optimiser, steps = adamw(head.parameters(), settings.rate, settings.decay), 0
    for turn in range(1, settings.epochs + 1):
        rate = scheduled_rate(settings.rate, turn, settings.epochs)
        steps += epoch(head, optimiser, view, rows, weights, settings, rate, derived_seed(seed, "epoch", turn, 0))
    return steps


def federated(head: LatentFusion, view: View, nodes: Sequence[Rows], settings: HeadSettings, seed: int) -> int:
    """Trains the head by rounds of FedAvg: each node one epoch on its own rows; returns the steps of all nodes.

    A node keeps its optimiser's moments from round to round, and weighs its classes by its own labels. With one node
    this is `centralised`, to the bit.
    """
    weights = [
        class_weights(view.features.label[torch.from_numpy(r)], head_classes(head), settings.balanced) for r in nodes
    ]
    optimisers, steps = [adamw(head.parameters(), settings.rate, settings.decay) for _ in nodes], 0
    block = block_of(head)
    for turn in range(1, settings.epochs + 1):
        rate, replies = scheduled_rate(settings.rate, turn, settings.epochs), []
        for node, rows in enumerate(nodes):
            load(head, block)
            own = derived_seed(seed, "epoch", turn, node)
            steps += epoch(head, optimisers[node], view, rows, weights[node], settings, rate, own)
            replies.append(Reply(block_of(head), float(len(rows)), node))
        block, _ = apply(FedAvg(), block, {}, replies)
    load(head, block)
    return steps


@torch.no_grad()
def judged(head: LatentFusion, view: View, rows: Rows, modalities: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities (row, class) from these modalities alone."""
    head.eval()
    found = [
        head(*view.take(some, modalities)).double().softmax(dim=1).numpy()
        for some in np.split(rows, range(AT_ONCE, len(rows), AT_ONCE))
    ]
    return np.concatenate(found)


def block_of(head: LatentFusion) -> dict[str, NDArray]:
    """A copy of the head's values by name."""
    return {name: value.detach().numpy().copy() for name, value in head.state_dict().items()}


def load(head: LatentFusion, block: dict[str, NDArray]) -> None:
    """Puts values into the head."""
    head.load_state_dict({name: torch.from_numpy(np.asarray(value)) for name, value in block.items()})


def head_classes(head: LatentFusion) -> int:
    """How many classes it tells apart."""
    return int(list(head.parameters())[-1].shape[0])
