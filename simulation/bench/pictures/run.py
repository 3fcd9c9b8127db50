"""Three ways from records to the levels of a picture, in turn on the same SIMULATED records, checked to agree."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.signal
import torch
from torch import Tensor

from configs.errors import UserError
from models.spectral import BINS, LEAD, RECORDS, PictureForm, columns
from models.spectral.columns import level_of
from models.spectral.shape import TAPER, TRANSFORM

FORM = PictureForm()
CLOSE = 1  # level of 256; the ways add up in other orders


def run(signals: int, pictures: int, repeats: int, threads: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Seconds for all signals by way, ratios of medians, and by how many levels the results differ at most.

    signals   at once, as many as a window has sensors
    pictures  so many windows of RECORDS columns each

    Raises UserError where the ways do not agree.
    """
    torch.set_num_threads(threads)
    records = torch.randn(signals, LEAD + pictures * RECORDS, generator=torch.Generator().manual_seed(0))
    ways: dict[str, Callable[[Tensor], Tensor]] = {"ours": ours, "torch_stft": by_torch, "scipy": by_scipy()}
    levels = {name: way(records) for name, way in ways.items()}  # also the warm-up
    apart = {name: int((each.int() - levels["ours"].int()).abs().max()) for name, each in levels.items()}
    if max(apart.values()) > CLOSE:
        raise UserError(f"the ways' levels differ: {apart}", expected=f"{CLOSE} at most")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats):
        names = list(ways)
        for name in (*names[turn % len(names) :], *names[: turn % len(names)]):
            began = time.perf_counter()
            ways[name](records)
            seconds[name].append(time.perf_counter() - began)
    middle = {name: statistics.median(each) for name, each in seconds.items()}
    tell(", ".join(f"{name} {1e3 * each:.2f} ms" for name, each in middle.items()))
    return {
        "signals": signals, "pictures": pictures, "repeats": repeats, "threads": threads, "data": "SIMULATED",
        "ratios": {
            "pictures_over_torch_stft": middle["ours"] / middle["torch_stft"],
            "pictures_over_scipy": middle["ours"] / middle["scipy"],
        },
        "seconds": {name: {"median": middle[name], "least": min(each), "most": max(each)} for name, each in seconds.items()},
        "furthest_level": max(apart.values()),
    }  # fmt: skip


def ours(records: Tensor) -> Tensor:
    """As the encoder is fed: (signal, LEAD + n) -> (signal, BINS, n) uint8."""
    return columns(records, FORM)[:, 0]


def by_torch(records: Tensor) -> Tensor:
    """The same by torch.stft in single precision."""
    taper = torch.hann_window(TAPER)
    beside = (TRANSFORM - TAPER) // 2  # torch.stft puts the taper into the middle of the transform
    padded = torch.nn.functional.pad(records, (beside, beside))
    found = torch.stft(
        padded, TRANSFORM, hop_length=1, win_length=TAPER, window=taper / taper.sum(), center=False, return_complex=True
    )
    return level_of(torch.view_as_real(found[:, :BINS]).square().sum(dim=-1), FORM)


def by_scipy() -> Callable[[Tensor], Tensor]:
    """The same by scipy.signal.ShortTimeFFT in single precision."""
    taper = scipy.signal.get_window("hann", TAPER)
    transform = scipy.signal.ShortTimeFFT(
        (taper / taper.sum()).astype(np.float32), 1, 1.0, mfft=TRANSFORM, phase_shift=None
    )
    first = transform.m_num_mid  # the slice that begins with the first record

    def levels(records: Tensor) -> Tensor:
        found = transform.stft(records.numpy(), p0=first, p1=first + records.shape[-1] - LEAD)[:, :BINS]
        return level_of(torch.from_numpy(found.real**2 + found.imag**2), FORM)

    return levels
