"""From records to columns of levels: the transform of all windows, modalities and columns is one matrix product.

`spectrum_plainly` and `levels_plainly` do the same with torch.stft in double precision. For values up to 30 spreads the
two agree within one level of 256.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from models.spectral.fill import filled
from models.spectral.form import LEVELS, PictureForm
from models.spectral.shape import BINS, LEAD, RECORDS, STRIDE, TAPER, TRANSFORM


def columns(records: Tensor, form: PictureForm, bins: int = BINS) -> Tensor:
    """(..., LEAD + n) records of normalised signals -> (..., form.planes, bins, n) uint8, a column per record.

    Column t sees the TAPER records that end with record LEAD + t. Gaps (NaN) are filled forward, then with zeros.
    Raises ValueError where there are too few records for one column.
    """
    if records.shape[-1] <= LEAD:
        raise ValueError(f"one column needs {TAPER} records, got {records.shape[-1]}")
    parts = spectrum(filled(records.float()), bins)  # (..., n, 2, bins)
    if form.planes == 1:  # the parts are not needed again, and fresh memory is what most of this would wait for
        squares = parts.square_()
        power = squares[..., 0, :].add_(squares[..., 1, :])
    else:
        power = parts.square().sum(dim=-2)
    planes = level_of(power.clone() if form.planes > 1 else power, form)[..., None, :]  # (..., n, plane, bins)
    if form.name == "magnitude_phase":
        reach = 0.5 * planes.float() / power.sqrt().clamp(min=1e-30)[..., None, :]  # half of the levels at the most
        phase = (parts * reach + LEVELS / 2).clamp(0, LEVELS - 1).to(torch.uint8)
        planes = torch.cat([planes, phase], dim=-2)
    return planes.movedim(-3, -1)


def running(records: Tensor, form: PictureForm, bins: int = BINS) -> Tensor:
    """(..., time) -> (..., form.planes, bins, time): every column of a whole recording, zeros before its beginning.

    bins  so many of the lowest alone
    """
    return columns(F.pad(records, (LEAD, 0)), form, bins)


def windows_in(columns: Tensor) -> Tensor:
    """(..., planes, BINS, time) -> (window, ..., planes, BINS, RECORDS): every STRIDE records as many as fit, a view."""
    if columns.shape[-1] < RECORDS:
        return columns.new_zeros((0, *columns.shape[:-1], RECORDS))
    return columns.unfold(-1, RECORDS, STRIDE).movedim(-2, 0)


def spectrum(records: Tensor, bins: int = BINS) -> Tensor:
    """Real and imaginary part of every column, (..., n, 2, bins), of (..., LEAD + n) records without gaps."""
    seen = records.unfold(-1, TAPER, 1).reshape(-1, TAPER)  # (... · n, TAPER)
    transform = _transform().to(records.device).view(TAPER, 2, BINS)[..., :bins].flatten(1)
    return (seen @ transform).view(*records.shape[:-1], records.shape[-1] - LEAD, 2, bins)


@lru_cache(maxsize=1)
def _transform() -> Tensor:
    """The tapered transform, (TAPER, 2 · BINS): cosines, then sines; the taper stands in the middle of the TRANSFORM."""
    taper = torch.hann_window(TAPER, dtype=torch.float64)
    turn = torch.outer(torch.arange(TAPER) + (TRANSFORM - TAPER) // 2, torch.arange(BINS)).double()
    turn *= -2 * math.pi / TRANSFORM
    return (torch.cat([turn.cos(), turn.sin()], dim=1) * (taper / taper.sum())[:, None]).float()


def level_of(power: Tensor, form: PictureForm) -> Tensor:
    """The level of each power, uint8; overwrites `power`."""
    steps = (LEVELS - 1) / (form.high_db - form.low_db)
    level = power.log10_().mul_(10 * steps).add_(0.5 - form.low_db * steps)  # no power at all: minus infinity
    return level.clamp_(0, LEVELS - 1).to(torch.uint8)


def spectrum_plainly(records: Tensor) -> Tensor:
    """The slow twin of `spectrum`, complex (..., BINS, n), by torch.stft in double precision."""
    flat = records.reshape(-1, records.shape[-1]).double()
    taper = torch.hann_window(TAPER, dtype=torch.float64)
    beside = (TRANSFORM - TAPER) // 2
    found = torch.stft(
        F.pad(flat, (beside, beside)), TRANSFORM, hop_length=1, win_length=TAPER, window=taper, center=False,
        return_complex=True,
    )  # fmt: skip
    return (found / taper.sum()).view(*records.shape[:-1], BINS, -1)


def levels_plainly(power: Tensor, form: PictureForm) -> Tensor:
    """The slow twin of `level_of`, in double precision."""
    share = (10 * power.double().log10() - form.low_db) / (form.high_db - form.low_db)
    return (share.clamp(0, 1) * (LEVELS - 1)).round().to(torch.uint8)
