"""What an aggregation rule asks of a node while it trains: terms of its gradients, steps and loss, and what it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from client.training.flism import Flism
from client.training.local_part import Batch, LocalCorrection, Named, Networks, put
from protocol.payload import ProtocolError


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

    looks = True

    def __init__(self, model: Networks, told: Mapping[str, Any], kept: Named, seed: int = 0):
        super().__init__(model, told, kept, seed)
        self.whole, self.last = model.frozen(), model.frozen() if kept else None
        if self.last is not None:
            put(self.last, kept)

    def further_loss(self, batch: Batch) -> Tensor | None:
        """μ times the paper's eq. 3, mean over modalities and what was recorded; none in a node's first round, as it has no
        last model."""
        if self.last is None:
            return None
        temperature, terms = float(self.told["temperature"]), []
        for modality, rows in batch.rows.items():
            here = batch.recorded.get(modality, torch.ones(len(rows), dtype=torch.bool))
            window = {modality: batch.windows[modality]}
            with torch.no_grad():
                there = self.whole.embed(window, batch.recorded)[modality]
                before = self.last.embed(window, batch.recorded)[modality]
            near, far = (rows * there).sum(1)[here] / temperature, (rows * before).sum(1)[here] / temperature
            if len(near):
                terms.append(torch.nn.functional.softplus(far - near).mean())
        return float(self.told["mu"]) * torch.stack(terms).mean() if terms else None

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
    "flism": Flism,
}  # fmt: skip
_ELSEWHERE = ("personal", "ditto", "choose")  # client.training.personal, client.training.choice


def correction_for(
    model: Networks, told: Mapping[str, Any], kept: bytes | None, control: Mapping[str, Mapping[str, Any]],
    seed: int = 0,
) -> LocalCorrection:  # fmt: skip
    """The correction that a message asks for; the plain one where it asks for none.

    told     the rule's words
    kept     what the node's store has of the round before
    control  the server's control variate by block, where the rule sends one
    seed     of what it draws

    Raises ProtocolError for a rule that this node does not know: training on without it would be another method.
    """
    name = told.get("name")
    if name is not None and name not in _BY_NAME and name not in _ELSEWHERE:
        raise ProtocolError(f"this node does not know its part of the rule {str(name)[:40]}")
    saved = safetensors.torch.load(kept) if kept is not None else {}
    correction = _BY_NAME.get(str(name), LocalCorrection)(model, told, saved, seed)
    if isinstance(correction, ControlVariate):
        correction.control = {
            f"{block}/{key}": torch.from_numpy(value.copy())
            for block, each in control.items()
            for key, value in each.items()
        }
    return correction
