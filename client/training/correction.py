"""What an aggregation rule asks of a node while it trains: terms of its gradients, steps and loss, and what it keeps.

A correction is begun with the networks as they came, sees every step, and is asked at the end for what the node keeps to
itself until the next round. The plain one changes nothing and counts.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from client.training.contrast import Contrast
from protocol.payload import ProtocolError

Named = dict[str, Tensor]  # `encoder.gyroscope/weight` -> tensor


def named_parameters(model: Contrast) -> dict[str, nn.Parameter]:
    """Every parameter under its block's name and its own."""
    return {f"{block}/{name}": value for block, part in model.named_parts() for name, value in part.named_parameters()}


class LocalCorrection:
    """The plain one: nothing is changed, steps are counted.

    model  the networks with the weights of the message
    kept   what `keeps` gave at the end of the round before; empty in the first
    """

    def __init__(self, model: Contrast, told: Mapping[str, Any], kept: Named):
        self.model, self.told, self.kept, self.steps = model, told, kept, 0
        self.parameters = named_parameters(model)
        self.start = {name: value.detach().clone() for name, value in self.parameters.items()}

    def further_loss(
        self, embedded: Mapping[str, Tensor], windows: Mapping[str, Tensor], recorded: Mapping[str, Tensor]
    ) -> Tensor | None:
        """A term of a batch's loss, given its unit rows (n, d), windows, and which are recorded, by modality."""
        return None

    def before_step(self) -> None:
        """After the gradients are there, before the optimiser moves."""

    def after_step(self, rate: float) -> None:
        """After the optimiser moved at this rate."""
        self.steps += 1

    def keeps(self, rate: float) -> Named:
        """What the node keeps until the next round; empty for nothing."""
        return {}


class Proximal(LocalCorrection):
    """FedProx (Li et al., MLSys 2020): μ/2·‖w − wᵗ‖² joins the loss."""

    def before_step(self) -> None:
        """Adds μ(w − wᵗ) to every gradient."""
        for name, value in self.parameters.items():
            if value.grad is not None:
                value.grad.add_(value.detach() - self.start[name], alpha=float(self.told["mu"]))


class Dynamic(LocalCorrection):
    """FedDyn (Acar et al., ICLR 2021): −⟨λ, w⟩ + α/2·‖w − wᵗ‖² joins the loss; λ stays on the node."""

    def before_step(self) -> None:
        """Adds α(w − wᵗ) − λ to every gradient."""
        for name, value in self.parameters.items():
            if value.grad is not None:
                value.grad.add_(value.detach() - self.start[name], alpha=float(self.told["alpha"]))
                if name in self.kept:
                    value.grad.sub_(self.kept[name])

    def keeps(self, rate: float) -> Named:
        """λ ← λ − α(w − wᵗ)."""
        alpha = float(self.told["alpha"])
        return {
            name: self.kept.get(name, torch.zeros_like(value)) - alpha * (value.detach() - self.start[name])
            for name, value in self.parameters.items()
        }


class ControlVariate(LocalCorrection):
    """SCAFFOLD (Karimireddy et al., ICML 2020): every step is freed of what this node drifts by; its variate stays here.

    For plain gradient steps this is the paper's y ← y − η(g − cᵢ + c). The correction is applied to the step and not to
    the gradient, so that under Adam, whose steps are no gradients, variates and steps are of one kind. `control` holds
    the server's c.
    """

    control: Named

    def after_step(self, rate: float) -> None:
        """y ← y + η(cᵢ − c)."""
        super().after_step(rate)
        with torch.no_grad():
            for name, value in self.parameters.items():
                if value.requires_grad:
                    own = self.kept.get(name)
                    value.sub_(self.control[name] if own is None else self.control[name] - own, alpha=rate)

    def keeps(self, rate: float) -> Named:
        """cᵢ ← cᵢ − c + (x − y)/(Kη)."""
        length = max(self.steps * rate, 1e-30)
        return {
            name: self.kept.get(name, torch.zeros_like(value))
            - self.control[name]
            + (self.start[name] - value.detach()) / length
            for name, value in self.parameters.items()
        }


class ModelContrast(LocalCorrection):
    """MOON (Li et al., CVPR 2021): embeddings attract those of the model as it came, and repel this node's last one's."""

    def __init__(self, model: Contrast, told: Mapping[str, Any], kept: Named):
        super().__init__(model, told, kept)
        self.whole = _frozen(model, self.start)
        self.last = _frozen(model, {**self.start, **kept}) if kept else None

    def further_loss(
        self, embedded: Mapping[str, Tensor], windows: Mapping[str, Tensor], recorded: Mapping[str, Tensor]
    ) -> Tensor | None:
        """μ times the paper's eq. 3, mean over modalities and rows; none in a node's first round, as it has no last model."""
        if self.last is None:
            return None
        temperature, terms = float(self.told["temperature"]), []
        for modality, rows in embedded.items():
            with torch.no_grad():
                there = self.whole.embed({modality: windows[modality]}, recorded)[modality]
                before = self.last.embed({modality: windows[modality]}, recorded)[modality]
            near, far = (rows * there).sum(1) / temperature, (rows * before).sum(1) / temperature
            terms.append(torch.nn.functional.softplus(far - near).mean())
        return float(self.told["mu"]) * torch.stack(terms).mean()

    def keeps(self, rate: float) -> Named:
        """The model as trained."""
        return {name: value.detach().clone() for name, value in self.parameters.items()}


class Pulled(LocalCorrection):
    """Ditto's personal model (Li et al., ICML 2021): held near the shared one as it came."""

    shared: Named

    def before_step(self) -> None:
        """Adds pull·(v − w) to every gradient."""
        for name, value in self.parameters.items():
            if value.grad is not None:
                value.grad.add_(value.detach() - self.shared[name], alpha=float(self.told["pull"]))


_BY_NAME: dict[str, type[LocalCorrection]] = {
    "fedprox": Proximal, "feddyn": Dynamic, "scaffold": ControlVariate, "moon": ModelContrast,
}  # fmt: skip
_ELSEWHERE = ("personal", "ditto")  # client.training.personal


def correction_for(
    model: Contrast, told: Mapping[str, Any], kept: bytes | None, control: Mapping[str, Mapping[str, Any]]
) -> LocalCorrection:
    """The correction that a message asks for; the plain one where it asks for none.

    told     the rule's words
    kept     what the node's store has of the round before
    control  the server's control variate by block, where the rule sends one

    Raises ProtocolError for a rule that this node does not know: training on without it would be another method.
    """
    name = told.get("name")
    if name is not None and name not in _BY_NAME and name not in _ELSEWHERE:
        raise ProtocolError(f"this node does not know its part of the rule {str(name)[:40]}")
    saved = safetensors.torch.load(kept) if kept is not None else {}
    correction = _BY_NAME.get(str(name), LocalCorrection)(model, told, saved)
    if isinstance(correction, ControlVariate):
        correction.control = {
            f"{block}/{key}": torch.from_numpy(value.copy())
            for block, each in control.items()
            for key, value in each.items()
        }
    return correction


def to_bytes(named: Named) -> bytes:
    """What a correction keeps, for the node's store."""
    return safetensors.torch.save({name: value.contiguous() for name, value in named.items()})


def put(model: Contrast, named: Mapping[str, Tensor]) -> None:
    """Overwrites parameters by name, as far as they are given."""
    with torch.no_grad():
        for name, value in named_parameters(model).items():
            if name in named:
                value.copy_(named[name])


def _frozen(model: Contrast, named: Mapping[str, Tensor]) -> Contrast:
    """A copy with other weights, in training mode as the model is, that learns nothing."""
    made = Contrast(copy.deepcopy(model.encoders), copy.deepcopy(model.projections), model.optimiser, model.prompts)
    put(made, named)
    return made
