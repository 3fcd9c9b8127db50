"""Features of all samples, computed once: what a frozen encoder says of each window's picture, in half precision."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from client.data.normalise import Moments
from client.data.spectral import SpectralWindows
from configs.fusion_study import PictureSettings
from models.spectral import PictureForm, columns, paint
from server.tracking import write_atomically
from simulation.fusion.material import Material

AT_ONCE = 32  # pictures
LIMIT = 6e4  # within half precision

Encode = Callable[[str, Tensor], Tensor]  # modality, (n, 3, 128, 128) -> (n, number, h, w)


@dataclass(frozen=True)
class Features:
    """(n, T, number, h, w) float16 by modality; absent windows are zeros.

    sums  (modality, subject) -> count, sum and sum of squares of each number, which add up over people
    """

    values: Mapping[str, Tensor]
    present: Mapping[str, Tensor]  # (n, T) bool
    label: Tensor  # (n,)
    subject: NDArray[np.str_]  # (n,)
    sums: Mapping[tuple[str, str], Moments]

    @property
    def form(self) -> tuple[int, int]:
        """Numbers of a cell, and cells to a side; of all modalities alike."""
        number, side = next(iter(self.values.values())).shape[2:4]
        return number, side

    def rows_of(self, subjects: Sequence[str]) -> NDArray[np.int64]:
        """The samples of these people."""
        return np.flatnonzero(np.isin(self.subject, list(subjects)))

    def scale(self, modality: str, subjects: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Mean and spread of each number over these people's windows, (number, 1, 1) each."""
        total = reduce(add, (self.sums[modality, who] for who in subjects))
        mean, spread = (torch.from_numpy(each).float()[:, None, None] for each in (total.mean, total.spread))
        return mean, spread


def picture_form(settings: PictureSettings) -> PictureForm:
    """The form of the pictures that the settings ask for."""
    return PictureForm(settings.form, settings.low_db, settings.high_db)


def pictures_of(windows: SpectralWindows, rows: NDArray[np.int64], form: PictureForm) -> Tensor:
    """The windows painted, (row, 3, 128, 128); they hold one signal each."""
    return paint(columns(windows.take(rows), form)[:, 0], form)


@torch.no_grad()
def features_of(
    material: Material, form: PictureForm, encode: Encode, folder: Path, tell: Callable[[str], None]
) -> Features:
    """The features of every sample; a person's of one modality lie in one file, and are not computed again.

    folder  must be another for another encoder, other pictures or other samples
    """
    sequences = material.sequences
    values, present, sums = {}, {}, {}
    for modality, windows in material.windows.items():
        parts = []
        for who in material.subjects:
            path = folder / modality / f"{who}.npy"
            rows = sequences.rows[modality][sequences.subject == who]  # (sample, T)
            if not path.is_file():
                tell(f"  features of {modality}, {who}: {int((rows >= 0).sum())} pictures")
                _write(path, _encoded(windows, rows, modality, form, encode))
            part = np.load(path)
            sums[modality, who] = _moments(part, rows >= 0)
            parts.append(part)
        values[modality] = torch.from_numpy(np.concatenate(parts))
        present[modality] = torch.from_numpy(sequences.rows[modality] >= 0)
    return Features(values, present, torch.from_numpy(sequences.label), sequences.subject, sums)


def _encoded(
    windows: SpectralWindows, rows: NDArray[np.int64], modality: str, form: PictureForm, encode: Encode
) -> NDArray[np.float16]:
    """(sample, T, number, h, w)."""
    places = np.flatnonzero(rows.reshape(-1) >= 0)
    found = None
    for some in np.split(places, range(AT_ONCE, len(places), AT_ONCE)) if len(places) else [np.zeros(0, np.int64)]:
        pictures = pictures_of(windows, rows.reshape(-1)[some], form) if len(some) else torch.zeros(1, 3, 128, 128)
        told = encode(modality, pictures).clamp(-LIMIT, LIMIT).half().numpy()
        if found is None:
            found = np.zeros((rows.size, *told.shape[1:]), np.float16)
        if len(some):
            found[some] = told
    assert found is not None
    return found.reshape(*rows.shape, *found.shape[1:])


def _moments(part: NDArray[np.float16], present: NDArray[np.bool_]) -> Moments:
    """Sums over the windows that are present, of each number."""
    held = part[present].astype(np.float32)  # (window, number, h, w)
    count = np.full(part.shape[2], held.size / part.shape[2])
    return Moments(count, held.sum(axis=(0, 2, 3), dtype=np.float64), (held**2).sum(axis=(0, 2, 3), dtype=np.float64))


def _write(path: Path, values: NDArray[np.float16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.save(buffer, values)
    write_atomically(path, buffer.getvalue())
