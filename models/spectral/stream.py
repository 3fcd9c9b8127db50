"""Pictures of signals that are still coming in: only new columns are computed."""

import torch
from torch import Tensor

from models.spectral.columns import columns
from models.spectral.fill import filled
from models.spectral.form import PictureForm
from models.spectral.shape import BINS, LEAD, RECORDS, STRIDE


class SpectralStream:
    """Several signals on one clock. What comes out is what `windows_in(running(...))` gives of the whole recording."""

    def __init__(self, signals: int, form: PictureForm | None = None):
        self.form = form or PictureForm()
        self.past = torch.zeros(signals, LEAD)  # (signal, record), as filled
        self.kept = torch.zeros(
            (signals, self.form.planes, BINS, 0), dtype=torch.uint8
        )  # columns of unfinished windows

    def push(self, records: Tensor) -> Tensor:
        """Takes (signal, n) further records, normalised and at the common rate, n of any size; NaN is a gap.

        Returns the columns of every window that they complete, (window, signal, planes, BINS, RECORDS), to be painted.
        """
        if records.ndim != 2 or len(records) != len(self.past):
            raise ValueError(f"expected ({len(self.past)}, records), got {tuple(records.shape)}")
        if not records.shape[1]:
            return self.kept.new_zeros((0, *self.kept.shape[:-1], RECORDS))
        seen = torch.cat([self.past, filled(records.float(), before=self.past[:, -1])], dim=1)
        self.past = seen[:, -LEAD:].clone()
        self.kept = torch.cat([self.kept, columns(seen, self.form)], dim=-1)
        done = []
        while self.kept.shape[-1] >= RECORDS:
            done.append(self.kept[..., :RECORDS])
            self.kept = self.kept[..., STRIDE:].clone()
        return torch.stack(done) if done else self.kept.new_zeros((0, *self.kept.shape[:-1], RECORDS))
