"""The classifier over any subset of modalities."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class FusionClassifier(nn.Module):
    """One block per modality into a common hidden space, the mean over present modalities, then the classes.

    A head is averaged over nodes block by block (`blocks.<modality>.…`, `classes.…`), so nodes with different sensors
    may share it. An absent modality has no influence at all: its features are replaced by zeros before its block and
    its block's output is left out of the mean, so neither a value nor a NaN there can reach logits or gradients.
    A sample without any modality gets the logits of an all-zero hidden state.
    """

    def __init__(
        self, modalities: Sequence[str], steps: int, feature: int, classes: int, hidden: int = 128, dropout: float = 0.2
    ):
        super().__init__()
        self.blocks = nn.ModuleDict(
            {
                modality: nn.Sequential(
                    nn.Flatten(), nn.LayerNorm(steps * feature), nn.Dropout(dropout), nn.Linear(steps * feature, hidden)
                )
                for modality in modalities
            }
        )
        self.classes = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, classes))
        self.hidden = hidden

    def forward(self, features: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """(batch, step, feature) per modality -> logits (batch, class).

        `present[modality]` is a boolean (batch,); left out, every modality given is present. Modalities of the head
        that are not given at all are absent. Raises KeyError for a modality without a block,
        ValueError without any modality.
        """
        if not features:
            raise ValueError("no modality given")
        total, count = 0.0, 0.0
        for modality, steps in features.items():
            here = (
                torch.ones(len(steps), dtype=torch.bool, device=steps.device)
                if present is None or modality not in present
                else present[modality]
            )  # (batch,)
            filled = torch.where(here[:, None, None], steps, torch.zeros_like(steps))
            block = self.blocks[modality](filled)  # (batch, hidden)
            total = total + torch.where(here[:, None], block, torch.zeros_like(block))
            count = count + here.to(steps.dtype)
        return self.classes(total / count.clamp(min=1.0)[:, None])
