"""Local contrastive training against the other nodes' embeddings (MMBind eq. 3, the `targets` way)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from client.training.local_part import Batch, LocalCorrection, step
from client.training.views import Views, take
from configs.schema import ContrastSettings
from models.augment import Strength
from models.losses import Targets, weighted_contrastive
from models.optimiser import adamw


@dataclass
class Contrast:
    """Encoders and projections in training, with the optimiser whose moments outlive a round."""

    encoders: nn.ModuleDict
    projections: nn.ModuleDict
    optimiser: torch.optim.Optimizer
    prompts: Sequence[str] = ()  # modalities of whose presence the projections are told

    def named_parts(self) -> list[tuple[str, nn.Module]]:
        """Every encoder and projection under the name of its block."""
        return [
            *((f"encoder.{m}", module) for m, module in self.encoders.items()),
            *((f"projection.{m}", module) for m, module in self.projections.items()),
        ]

    def embed(self, windows: Mapping[str, Tensor], recorded: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Modality -> (n, projection) unit rows. `recorded`, modality -> bool (n,), is what `prompts` are made of."""
        presence = self._presence(len(next(iter(windows.values()))), recorded or {}) if self.prompts else None
        return {m: self.projections[m](self.encoders[m](w), presence) for m, w in windows.items()}

    def frozen(self) -> Contrast:
        """A copy of the networks; the optimiser is the same and must not move it."""
        return Contrast(copy.deepcopy(self.encoders), copy.deepcopy(self.projections), self.optimiser, self.prompts)

    def _presence(self, rows: int, recorded: Mapping[str, Tensor]) -> Tensor:
        nobody = torch.zeros(rows)
        return torch.stack([recorded[m].float() if m in recorded else nobody for m in self.prompts], dim=1)


def new_contrast(
    encoders: nn.ModuleDict, projections: nn.ModuleDict, settings: ContrastSettings, prompts: Sequence[str] = ()
) -> Contrast:
    """Encoders and projections under one optimiser."""
    parameters = [*encoders.parameters(), *projections.parameters()]
    optimiser = adamw(parameters, settings.rate, settings.weight_decay)
    return Contrast(encoders, projections, optimiser, prompts)


@dataclass(frozen=True)
class Related:
    """How a node's n samples relate to each other and to the m foreign ones.

    affinity  (n, n + m) weight of each row as a positive of a sample; 0: a negative
    undecided bool (n, n + m): rows too alike to be called negatives
    identity  int64 (n,), distinct from those of the foreign rows; equal numbers are the same sample
    foreign   the constants, None where there are none
    """

    affinity: Tensor
    undecided: Tensor
    identity: Tensor
    foreign: Targets | None


def train_contrast(
    model: Contrast,
    views: Views,
    related: Related,
    settings: ContrastSettings,
    epochs: int,
    changes: Mapping[str, Strength],
    jitter: float,
    seed: int,
    correction: LocalCorrection | None = None,
) -> float:
    """`epochs` passes in place; returns the last pass's mean loss. Shuffling and augmentation follow from the seed.

    correction  what the aggregation rule changes in every step; its term of the loss is not in what is returned
    """
    generator = torch.Generator().manual_seed(seed)
    rows = len(related.identity)
    foreign = torch.arange(rows, related.affinity.shape[1])
    model.encoders.train()
    model.projections.train()
    loss_sum = 0.0
    for _ in range(epochs):
        loss_sum = 0.0
        for batch in even_batches(rows, settings.batch, generator):
            some = take(views, batch)
            windows = {
                m: view.augmented(changes[m], jitter, generator) if settings.augment else view.clean()
                for m, view in some.items()
            }
            columns = torch.cat([batch, foreign])
            recorded = {m: view.recorded for m, view in some.items()}
            embedded = model.embed(windows, recorded)
            loss = contrast_loss(
                embedded,
                {m: view.present for m, view in some.items()},
                related.identity[batch],
                related.affinity[batch][:, columns],
                related.undecided[batch][:, columns],
                related.foreign,
                settings,
            )
            further = correction.further_loss(Batch(embedded, windows, recorded)) if correction is not None else None
            step(model.optimiser, loss if further is None else loss + further, correction)
            loss_sum += loss.item() * len(batch)
    return loss_sum / max(rows, 1)


def contrast_loss(
    embedded: Mapping[str, Tensor],
    present: Mapping[str, Tensor],
    identity: Tensor,
    affinity: Tensor,
    undecided: Tensor,
    foreign: Targets | None,
    settings: ContrastSettings,
) -> Tensor:
    """The loss of one batch; modalities that only foreign rows hold join as absent views of the batch."""
    everywhere = sorted({*embedded, *(foreign.views if foreign else ())})
    rows, width = len(identity), next(iter(embedded.values())).shape[1]
    nobody = torch.zeros(rows, dtype=torch.bool)
    return weighted_contrastive(
        {m: embedded.get(m, torch.zeros(rows, width)) for m in everywhere},
        {m: present.get(m, nobody) for m in everywhere},
        torch.ones(rows),
        dict.fromkeys(everywhere, identity),
        settings.temperature,
        settings.form,
        foreign,
        affinity,
        undecided,
    )


def even_batches(rows: int, size: int, generator: torch.Generator) -> list[Tensor]:
    """A random order of the rows in batches of about `size`, none of them tiny."""
    order = torch.randperm(rows, generator=generator)
    return [batch for batch in order.tensor_split(max(1, round(rows / size))) if len(batch)]
