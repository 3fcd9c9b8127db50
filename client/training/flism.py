"""A node's part of FLISM: sensors that go missing on purpose, and the global model as a teacher (`strategies.flism`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from client.training.local_part import Batch, Judging, LocalCorrection, Named, Networks


def joined(rows: Mapping[str, Tensor], recorded: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """One unit row a sample, (n, d), the direction of the sum over what was recorded of it; and whether anything was.

    rows  by modality unit rows (n, d)    recorded  by modality bool (n,); a modality that is not named is recorded
    """
    first = next(iter(rows.values()))
    here = {m: recorded.get(m, torch.ones(len(first), dtype=torch.bool)) for m in rows}
    summed = torch.stack([torch.where(here[m][:, None], each, torch.zeros_like(each)) for m, each in rows.items()])
    return F.normalize(summed.sum(dim=0), dim=1), torch.stack(list(here.values())).any(dim=0)


def divergence(taught: Tensor, said: Tensor) -> Tensor:
    """Kullback and Leibler's of the teacher's choices from the student's, logits (n, choice) each, mean over rows."""
    return F.kl_div(said.log_softmax(dim=1), taught.log_softmax(dim=1), reduction="batchmean", log_target=True)


def doubt(said: Tensor) -> Tensor:
    """Entropy of the choices that logits (n, choice) stand for, as a share of the largest, mean over rows: 0 to 1."""
    if said.shape[1] < 2:
        return said.new_ones(())
    logs = said.log_softmax(dim=1)
    return -(logs.exp() * logs).sum(dim=1).mean() / math.log(said.shape[1])


def agreement(whole: Tensor, reduced: Tensor, alike: Tensor, temperature: float) -> Tensor:
    """Supervised contrast between rows (n, d) and the same ones with sensors left out (n, d); `alike` bool (n, n).

    The mean over rows, both ways, of the mean over the positives of −log of their share among all.
    """
    likeness = whole @ reduced.T / temperature
    terms = []
    for each, positive in ((likeness, alike), (likeness.T, alike.T)):
        share = each.log_softmax(dim=1)
        terms.append(-(share * positive).sum(dim=1) / positive.sum(dim=1))
    return torch.stack(terms).mean()


class Flism(LocalCorrection):
    """Orzikulova et al. (arXiv 2405.11828), sections 3.2 to 3.4; which sensors go missing is drawn once a message."""

    looks = True

    def __init__(self, model: Networks, told: Mapping[str, Any], kept: Named, seed: int = 0):
        super().__init__(model, told, kept, seed)
        self.teacher = model.frozen()
        for _, part in self.teacher.named_parts():
            part.eval()
        self.generator = torch.Generator().manual_seed(seed)
        self.left: list[str] | None = None  # which sensors are there in the reduced samples
        self.doubts: list[float] = []

    def further_loss(self, batch: Batch) -> Tensor | None:
        """How far the choices are from the teacher's, and how far samples move when sensors go missing."""
        whole, here = joined(batch.rows, batch.recorded)
        if not here.any():
            return None
        temperature = float(self.told["temperature"])
        with torch.no_grad():
            if batch.logits is not None:
                taught, said = cast(Judging, self.teacher).logits(batch.windows, batch.recorded), batch.logits
            else:  # no classes: which sample of the batch it is, as the teacher sees them
                seen, _ = joined(self.teacher.embed(batch.windows, batch.recorded), batch.recorded)
                taught, said = seen[here] @ seen[here].T / temperature, None
        if said is None:
            said = whole[here] @ seen[here].T / temperature
        self.doubts.append(float(doubt(said.detach())))
        loss = float(self.told["distil"]) * divergence(taught, said)
        missing = self._missing(batch, whole, temperature)
        return loss if missing is None else loss + missing

    def tells(self) -> dict[str, float]:
        """The mean entropy over the steps; 1 where there was none."""
        return {"entropy": min(1.0, max(0.0, sum(self.doubts) / len(self.doubts) if self.doubts else 1.0))}

    def _missing(self, batch: Batch, whole: Tensor, temperature: float) -> Tensor | None:
        if self.left is None:
            self.left = self._drawn(sorted(batch.rows))
        if not self.left:
            return None
        noise = float(self.told["noise"])
        noisy = {
            m: batch.windows[m] + noise * torch.randn(batch.windows[m].shape, generator=self.generator)
            for m in self.left
        }
        recorded = {m: batch.recorded[m] for m in self.left if m in batch.recorded}
        reduced, here = joined(self.model.embed(noisy, recorded), recorded)
        if not here.any():
            return None
        alike = torch.eye(len(whole), dtype=torch.bool)
        if batch.label is not None:
            alike = alike | (batch.label[:, None] == batch.label[None, :])
        return agreement(whole[here], reduced[here], alike[here][:, here], temperature)

    def _drawn(self, names: list[str]) -> list[str]:
        """What is left of the sensors when 1 to all but one of them are gone; none of a single one."""
        if len(names) < 2:
            return []
        gone = int(torch.randint(1, len(names), (), generator=self.generator))
        order = torch.randperm(len(names), generator=self.generator).tolist()
        return sorted(names[at] for at in order[gone:])
