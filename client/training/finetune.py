"""Fine-tuning of the fusion head on a node's few labelled samples, in pieces that can be taken up again."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from client.training.contrast import even_batches
from client.training.local_part import Batch, LocalCorrection, named_parameters, step
from client.training.views import Views, take
from configs.nodes import derived_seed
from configs.schema import FineTuneSettings
from models.blocks import Block, as_block, head_blocks
from models.fusion import FusionClassifier
from models.optimiser import adamw

Augment = Callable[[Views, torch.Generator], Mapping[str, Tensor]]


@dataclass
class Tuning:
    """Encoders and head in training: all that a later message needs to go on from here."""

    encoders: nn.ModuleDict
    head: FusionClassifier
    optimiser: torch.optim.Optimizer
    average: dict[str, Tensor] | None
    epoch: int = 0
    step: int = 0

    def named_state(self) -> dict[str, Tensor]:
        """Every parameter under one naming."""
        return {
            **{f"encoders.{k}": v for k, v in self.encoders.state_dict().items()},
            **{f"head.{k}": v for k, v in self.head.state_dict().items()},
        }

    def load_named(self, state: Mapping[str, Tensor]) -> None:
        """Puts parameters back."""
        for module, prefix in ((self.encoders, "encoders."), (self.head, "head.")):
            module.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})

    def named_parts(self) -> list[tuple[str, nn.Module]]:
        """Every encoder and part of the head under the name of its block."""
        return [
            *((f"encoder.{m}", encoder) for m, encoder in self.encoders.items()),
            *((f"head.{m}", self.head.block(m)) for m in self.head.blocks),
            ("head.fusion", self.head.classes),
        ]

    def embed(self, windows: Mapping[str, Tensor], recorded: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Modality -> (n, d) unit rows, in the space that binding made and the head's cosine is taken in."""
        return self.head.embed({m: self.encoders[m](each) for m, each in windows.items()}, recorded)

    def logits(self, windows: Mapping[str, Tensor], recorded: Mapping[str, Tensor]) -> Tensor:
        """(n, class) from the modalities given."""
        return self.head({m: self.encoders[m](each) for m, each in windows.items()}, recorded)

    def frozen(self) -> Tuning:
        """A copy of the networks; the optimiser is the same and must not move it."""
        return Tuning(copy.deepcopy(self.encoders), copy.deepcopy(self.head), self.optimiser, None)

    def average_anew(self) -> None:
        """The moving average begins with the next step: where weights came from elsewhere, it is of those after them."""
        self.average, self.step = None, 0

    def settle(self) -> None:
        """Puts the weights as they would be used now (the averaged ones if they are kept) in the place of the live ones."""
        if self.average is not None:
            self.load_named(self.average)

    def to_bytes(self) -> bytes:
        """For the node store."""
        buffer = io.BytesIO()
        torch.save(
            {
                "state": self.named_state(),
                "optimiser": self.optimiser.state_dict(),
                "average": self.average,
                "at": (self.epoch, self.step),
            },
            buffer,
        )
        return buffer.getvalue()

    def restore(self, saved: bytes) -> None:
        """The reverse of `to_bytes`."""
        parts = torch.load(io.BytesIO(saved), weights_only=True)
        self.load_named(parts["state"])
        self.optimiser.load_state_dict(parts["optimiser"])
        self.average, (self.epoch, self.step) = parts["average"], parts["at"]


def new_tuning(
    encoders: nn.ModuleDict,
    head: FusionClassifier,
    settings: FineTuneSettings,
    slow_share: float,
    fresh: Collection[str] = (),
) -> Tuning:
    """One optimiser over all; what pre-training taught (encoders, the head's projections) learns at `slow_share`.

    fresh  modalities that pre-training did not know: theirs learn at the full rate
    """
    taught = [
        *(p for modality, encoder in encoders.items() if modality not in fresh for p in encoder.parameters()),
        *(p for m in head.blocks if m not in fresh for p in head.block(m).projection.parameters()),
    ]
    known = {id(parameter) for parameter in taught}
    everything = [*head.parameters(), *(p for m in fresh if m in encoders for p in encoders[m].parameters())]
    quick = [parameter for parameter in everything if id(parameter) not in known]
    groups = [{"params": quick, "share": 1.0}, {"params": taught, "share": slow_share}]
    return Tuning(encoders, head, adamw(groups, settings.rate, settings.weight_decay), None)


@dataclass(frozen=True)
class Labelled:
    """Samples with labels, int64 (n,), and what each weighs beside the others, (n,); None: all alike."""

    views: Views
    label: Tensor
    weight: Tensor | None = None

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Tensor) -> Labelled:
        """These rows."""
        return Labelled(take(self.views, rows), self.label[rows], None if self.weight is None else self.weight[rows])

    def clean(self) -> dict[str, Tensor]:
        """Normalised windows by modality."""
        return {modality: view.clean() for modality, view in self.views.items()}

    @property
    def present(self) -> dict[str, Tensor]:
        """Presence by modality, bool (n,)."""
        return {modality: view.present for modality, view in self.views.items()}


def tune_epoch(
    tuning: Tuning,
    data: Labelled,
    settings: FineTuneSettings,
    seed: int,
    augment: Augment,
    correction: LocalCorrection | None = None,
    only: Collection[str] | None = None,
) -> float:
    """One pass over the labelled samples; returns its mean cross-entropy.

    With `auxiliary` each of the head's two parts is taught by itself as well (deep supervision, Lee et al., AISTATS 2015).
    For the first `probe_epochs` what pre-training taught stays as it is. Shuffling, dropout, augmentation and what
    `modality_drop` masks follow from (seed, epoch).

    correction  what the aggregation rule changes in every step; its term of the loss, and those of `auxiliary`, are not in
                what is returned
    only        the parameters that are trained, by name; None: all
    """
    masks = torch.Generator().manual_seed(derived_seed(seed, "modality drop", tuning.epoch))
    generator = torch.Generator().manual_seed(derived_seed(seed, "epoch", tuning.epoch))
    taught = tuning.optimiser.param_groups[1]
    frozen = tuning.epoch < settings.probe_epochs or taught["share"] == 0.0
    for group in tuning.optimiser.param_groups:
        group["lr"] = settings.rate * group["share"] * _schedule(tuning.epoch, settings)
    for parameter in taught["params"]:
        parameter.requires_grad_(not frozen)
    if only is not None:
        for name, value in named_parameters(tuning).items():
            value.requires_grad_(name in only and not (frozen and any(value is each for each in taught["params"])))
    tuning.encoders.train()
    tuning.head.train()
    loss_sum = 0.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, "dropout", tuning.epoch))
        for rows in even_batches(len(data), settings.batch, generator):
            batch = data.take(rows)
            windows = augment(batch.views, generator) if settings.augment else batch.clean()
            present = (
                left_over(batch.present, settings.modality_drop, masks) if settings.modality_drop else batch.present
            )
            features = {m: tuning.encoders[m](each) for m, each in windows.items()}
            parts = tuning.head.parts(features, present)
            logits = tuning.head.joined(*parts)
            loss = _loss(logits, batch, settings.label_smoothing)
            further = _auxiliary(tuning.head, parts, batch, settings)
            if correction is not None and correction.looks:
                seen = Batch(tuning.head.embed(features, present), windows, present, logits, batch.label)
                further = _added(further, correction.further_loss(seen))
            step(tuning.optimiser, loss if further is None else loss + further, correction)
            loss_sum += loss.item() * len(rows)
            tuning.step += 1
            _follow(tuning, settings.averaging)
    tuning.epoch += 1
    return loss_sum / max(len(data), 1)


def _auxiliary(
    head: FusionClassifier, parts: tuple[Tensor, Tensor], batch: Labelled, settings: FineTuneSettings
) -> Tensor | None:
    """`auxiliary` times the sum of both parts' own losses; None where it is 0 or the head judges by one part alone."""
    if not settings.auxiliary or head.takes != "both":
        return None
    cosine, second = (_loss(logits, batch, settings.label_smoothing) for logits in parts)
    return settings.auxiliary * (cosine + second)


def _added(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None or second is None:
        return second if first is None else first
    return first + second


def _loss(logits: Tensor, batch: Labelled, smoothing: float) -> Tensor:
    """Cross-entropy of logits (n, class), the mean over samples or, where these have weights, over what they weigh."""
    if batch.weight is None:
        return F.cross_entropy(logits, batch.label, label_smoothing=smoothing)
    each = F.cross_entropy(logits, batch.label, label_smoothing=smoothing, reduction="none")
    return torch.dot(each, batch.weight) / batch.weight.sum().clamp(min=1e-6)


def left_over(present: Mapping[str, Tensor], drop: float, generator: torch.Generator) -> dict[str, Tensor]:
    """Presence by modality, bool (n,), after each present one was masked with probability `drop`.

    A sample that would lose all it holds keeps one of them, each as likely as the others.
    """
    names = sorted(present)
    here = torch.stack([present[m] for m in names], dim=1)  # (n, modality)
    draw = torch.rand(here.shape, generator=generator)
    kept = here & (draw >= drop)
    last = torch.zeros_like(here)
    last[range(len(here)), draw.masked_fill(~here, -1.0).argmax(dim=1)] = True
    kept = torch.where(kept.any(dim=1, keepdim=True), kept, here & last)
    return dict(zip(names, kept.unbind(dim=1), strict=True))


def begin_from_prototypes(tuning: Tuning, data: Labelled) -> None:
    """Each class's prototype becomes the mean embedding of its labelled samples, before the first epoch."""
    tuning.head.set_prototypes(_features(tuning, data), data.label, data.present)


def class_sums(tuning: Tuning, data: Labelled) -> dict[str, tuple[Tensor, Tensor]]:
    """By modality, labelled samples of each class (class,) and the sum of their embeddings (class, d)."""
    return tuning.head.class_sums(_features(tuning, data), data.label, data.present)


@torch.no_grad()
def _features(tuning: Tuning, data: Labelled) -> dict[str, Tensor]:
    """By modality (n, step, feature), of clean windows; leaves the networks in evaluation mode."""
    tuning.encoders.eval()
    tuning.head.eval()
    return {modality: tuning.encoders[modality](windows) for modality, windows in data.clean().items()}


def _schedule(epoch: int, settings: FineTuneSettings) -> float:
    """Half a cosine from 1 down to `final_rate_share` over `decay_epochs`, then level."""
    way = min(1.0, epoch / settings.decay_epochs)
    return settings.final_rate_share + (1.0 - settings.final_rate_share) * 0.5 * (1.0 + math.cos(math.pi * way))


def _follow(tuning: Tuning, decay: float) -> None:
    """Moves the running average of the weights one step."""
    if not decay:
        return
    state = tuning.named_state()
    if tuning.average is None:
        tuning.average = {name: value.clone() for name, value in state.items()}
    share = 1.0 - min(decay, (1 + tuning.step) / (10 + tuning.step))  # the average begins fast, then settles
    torch._foreach_lerp_(list(tuning.average.values()), list(state.values()), share)


def kept_blocks(tuning: Tuning) -> dict[str, Block]:
    """The network as it would be used now (the averaged weights if they are kept), as blocks."""
    live = {name: value.clone() for name, value in tuning.named_state().items()}
    tuning.settle()
    blocks = {f"encoder.{m}": as_block(encoder) for m, encoder in tuning.encoders.items()}
    blocks |= head_blocks(tuning.head)
    tuning.load_named(live)
    return blocks


def stacked(history: Sequence[Mapping[str, Block]]) -> dict[str, Block]:
    """Blocks of several epochs as one: each tensor with a leading axis of epochs."""
    return {
        name: {key: np.stack([blocks[name][key] for blocks in history]) for key in block}
        for name, block in (history[0] if history else {}).items()
    }


def count_correct(tuning: Tuning, data: Labelled) -> int:
    """How many samples the network as it would be used now gets right."""
    live = {name: value.clone() for name, value in tuning.named_state().items()}
    tuning.settle()
    tuning.encoders.eval()
    tuning.head.eval()
    with torch.no_grad():
        correct = int((tuning.logits(data.clean(), data.present).argmax(1) == data.label).sum())
    tuning.load_named(live)
    return correct


def folds(label: np.ndarray, subject: np.ndarray, count: int, seed: int) -> np.ndarray:
    """A fold number per sample, int64 (n,): whole subjects where there are enough of them, else stratified by class.

    Fold f is what track f leaves out and measures itself on. Subjects go to folds in sorted order, round robin.
    """
    subjects = np.unique(subject)
    if len(subjects) >= count:
        return np.searchsorted(subjects, subject) % count
    generator = np.random.default_rng(derived_seed(seed, "folds"))
    fold = np.empty(len(label), dtype=np.int64)
    for value in np.unique(label):
        rows = generator.permutation(np.flatnonzero(label == value))
        fold[rows] = (np.arange(len(rows)) + int(value)) % count
    return fold
