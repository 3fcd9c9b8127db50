"""Samples that are several windows in a row, of all modalities at the same times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from client.data.spectral import SpectralWindows


@dataclass(frozen=True)
class Sequences:
    """n samples of T windows, by recording and then by time."""

    rows: Mapping[str, NDArray[np.int64]]  # modality -> (n, T), the window's number; -1 where it is absent
    label: NDArray[np.int64]  # (n,)
    subject: NDArray[np.str_]  # (n,)
    recording: NDArray[np.int64]  # (n,)

    def __len__(self) -> int:
        return len(self.label)


def sequences_of(windows: Mapping[str, SpectralWindows], length: int, step: int, every: int) -> Sequences:
    """As many samples of `length` windows as fit each recording; one, absent at its end, where it is too short.

    step, every  between the beginnings of two windows and of two samples, in windows' strides
    A recording is as long as the modality that was recorded longest; where another lacks a window, that is absent.
    """
    names = list(windows)
    rows: dict[str, list[NDArray[np.int64]]] = {name: [] for name in names}
    label: list[int] = []
    subject: list[str] = []
    recording: list[int] = []
    within = np.arange(length) * step  # (T,)
    for number in np.unique(np.concatenate([each.recording for each in windows.values()])):
        held = {name: np.flatnonzero(each.recording == number) for name, each in windows.items()}
        longest = max(names, key=lambda name: len(held[name]))
        count = max(1, (len(held[longest]) - int(within[-1]) - 1) // every + 1)
        places = np.arange(count)[:, None] * every + within  # (sample, T)
        for name in names:
            rows[name].append(_rows(held[name], windows[name].present, places))
        of = held[longest][0]
        label += [int(windows[longest].label[of])] * count
        subject += [str(windows[longest].subject[of])] * count
        recording += [int(number)] * count
    none = np.zeros((0, length), np.int64)
    return Sequences(
        {name: np.concatenate([none, *found]) for name, found in rows.items()},
        np.array(label, np.int64),
        np.array(subject, np.str_),
        np.array(recording, np.int64),
    )


def _rows(held: NDArray[np.int64], present: NDArray[np.bool_], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The windows at these places of a recording, -1 where there is none or it is not present."""
    if not len(held):
        return np.full(places.shape, -1, np.int64)
    found = held[np.minimum(places, len(held) - 1)]
    return np.where((places < len(held)) & present[found], found, -1)
