"""What an aggregation rule's part on a node works on: networks under their blocks' names, and what sees every step.

A correction is begun with the networks as they came, sees every step, and is asked at the end for what the node keeps to
itself until the next round. The plain one changes nothing and counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import safetensors.torch
import torch
from torch import Tensor, nn

Named = dict[str, Tensor]  # `encoder.gyroscope/weight` -> tensor


class Networks(Protocol):
    """What training changes: an encoder alone, encoders with projections, or encoders with the head."""

    def named_parts(self) -> list[tuple[str, nn.Module]]:
        """Every part under the name of its block."""

    def embed(self, windows: Mapping[str, Tensor], recorded: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Modality -> (n, d) unit rows."""

    def frozen(self) -> Networks:
        """A copy that shares nothing and is not trained."""


class Judging(Networks, Protocol):
    """Networks that tell classes."""

    def logits(self, windows: Mapping[str, Tensor], recorded: Mapping[str, Tensor]) -> Tensor:
        """(n, class)."""


@dataclass(frozen=True)
class Batch:
    """One step's samples, by modality: unit rows (n, d), windows (n, time, channel), which were recorded, bool (n,).

    logits, label  (n, class) and int64 (n,), where classes are told
    """

    rows: Mapping[str, Tensor]
    windows: Mapping[str, Tensor]
    recorded: Mapping[str, Tensor]
    logits: Tensor | None = None
    label: Tensor | None = None


def named_parameters(model: Networks) -> dict[str, nn.Parameter]:
    """Every parameter under its block's name and its own."""
    return {f"{block}/{name}": value for block, part in model.named_parts() for name, value in part.named_parameters()}


class LocalCorrection:
    """The plain one: nothing is changed, steps are counted.

    model  the networks with the weights of the message
    kept   what `keeps` gave at the end of the round before; empty in the first
    seed   of what the correction draws

    `looks` says whether it has a term of the loss at all, so that embeddings are made for it.
    """

    looks: ClassVar[bool] = False

    def __init__(self, model: Networks, told: Mapping[str, Any], kept: Named, seed: int = 0):
        self.model, self.told, self.kept, self.steps, self.length = model, told, kept, 0, 0.0
        self.parameters = named_parameters(model)
        self.start = {name: value.detach().clone() for name, value in self.parameters.items()}

    def further_loss(self, batch: Batch) -> Tensor | None:
        """A term of a batch's loss; None where there is none."""
        return None

    def before_step(self) -> None:
        """After the gradients are there, before the optimiser moves."""

    def after_step(self, rate: float) -> None:
        """After the optimiser moved at this rate."""
        self.steps += 1
        self.length += rate

    def keeps(self, rate: float) -> Named:
        """What the node keeps until the next round; empty for nothing. `rate` is that of its steps, in the mean."""
        return {}

    def tells(self) -> dict[str, float]:
        """Numbers that the rule may ask for beside steps and rate."""
        return {}


def step(optimiser: torch.optim.Optimizer, loss: Tensor, correction: LocalCorrection | None) -> None:
    """One step of an optimiser down a loss, with what the aggregation rule changes in it."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if correction is not None:
        correction.before_step()
    optimiser.step()
    if correction is not None:
        correction.after_step(optimiser.param_groups[0]["lr"])


def to_bytes(named: Named) -> bytes:
    """What a correction keeps, for the node's store."""
    return safetensors.torch.save({name: value.contiguous() for name, value in named.items()})


def put(model: Networks, named: Mapping[str, Tensor]) -> None:
    """Overwrites parameters by name, as far as they are given."""
    with torch.no_grad():
        for name, value in named_parameters(model).items():
            if name in named:
                value.copy_(named[name])
