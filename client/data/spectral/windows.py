"""Normalised windows of 128 records of one modality, with the records before them that their columns look back on.

A window begins every 32 records, as many as fit; a recording that is too short has one, in which the last value is held
to the end. A window of which too little was recorded is not present, and its picture is that of silence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from client.data.cards import ModalityCard
from client.data.normalise import Moments, moments_of_rows
from client.data.recording import Recording
from client.data.spectral.series import Series, series_of
from client.data.windows import check_gap_share, enough
from models.spectral import LEAD, RECORDS, STRIDE, PictureForm, filled, running, windows_in

RATE_HZ = 32.0  # 128 records are 4 s: several steps or heartbeats


@dataclass(frozen=True)
class SpectralWindows:
    """n windows of one modality. Records are kept by recording, since neighbouring windows share three quarters."""

    records: tuple[Tensor, ...]  # of each recording that holds the modality: (signal, LEAD + time)
    source: NDArray[np.int64]  # (n,), index into `records`
    start: NDArray[np.int64]  # (n,), the window's first record
    present: NDArray[np.bool_]  # (n,)
    recording: NDArray[np.int64]  # (n,), index into the recordings given
    label: NDArray[np.int64]  # (n,)
    subject: NDArray[np.str_]  # (n,)

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """The records of these windows, (row, signal, LEAD + RECORDS), for `models.spectral.columns`; zero if absent."""
        cut = [
            self.records[self.source[row]][:, self.start[row] : self.start[row] + LEAD + RECORDS] * self.present[row]
            for row in rows
        ]
        return torch.stack(cut) if cut else torch.zeros(0, 0, LEAD + RECORDS)

    def columns_of(self, source: int, form: PictureForm) -> Tensor:
        """The columns of all windows of one recording, (window, signal, planes, BINS, RECORDS), each computed once."""
        found = windows_in(running(self.records[source][:, LEAD:], form))
        absent = torch.from_numpy(~self.present[self.source == source])
        if not absent.any():
            return found
        silence = running(torch.zeros(1, RECORDS), form)  # (1, planes, BINS, RECORDS)
        return torch.where(absent.view(-1, 1, 1, 1, 1), silence, found)


def series_by_recording(
    recordings: Sequence[Recording], modality: str, card: ModalityCard, rate_hz: float, axes: str
) -> dict[int, Series]:
    """The modality's series of every recording that has a record of it, by the recording's number."""
    return {
        number: series_of(recording.signals[modality], card, rate_hz, axes)
        for number, recording in enumerate(recordings)
        if modality in recording.signals and len(recording.signals[modality].values)
    }


def moments_of_series(series: Sequence[Series]) -> Moments:
    """Count, sum and sum of squares per signal, as nodes add them up; ValueError for no series."""
    if not series:
        raise ValueError("no series to take the moments of")
    return moments_of_rows(np.concatenate([each.values.T for each in series]))


def spectral_windows(
    recordings: Sequence[Recording],
    series: Mapping[int, Series],
    moments: Moments | Mapping[str, Moments],
    max_gap_share: float = 0.5,
) -> SpectralWindows:
    """The windows of a modality, each signal less its mean, over its spread.

    series   by the recording's number, as `series_by_recording` gives them
    moments  the agreed ones of all nodes, or each subject's own
    A window that lacks more than `max_gap_share` of its records is not present. Raises UserError for a share that is none.
    """
    check_gap_share(max_gap_share)
    records: list[Tensor] = []
    found: list[tuple[int, NDArray[np.int64], NDArray[np.bool_]]] = []  # recording, starts, present
    for number, each in series.items():
        own = moments if isinstance(moments, Moments) else moments[recordings[number].subject]
        time = max(each.values.shape[1], RECORDS)
        starts = np.arange(0, time - RECORDS + 1, STRIDE)
        lacking = np.ones(time, dtype=bool)
        lacking[: len(each.known)] = ~each.known
        found.append((number, starts, enough(lacking[starts[:, None] + np.arange(RECORDS)], max_gap_share)))
        records.append(_led(each.values, own, time))
    count = [len(starts) for _, starts, _ in found]
    recording = np.repeat(np.array([number for number, _, _ in found], dtype=np.int64), count)
    whose = [recordings[number] for number in recording.tolist()]
    return SpectralWindows(
        records=tuple(records),
        source=np.repeat(np.arange(len(records), dtype=np.int64), count),
        start=np.concatenate([np.zeros(0, np.int64), *(starts for _, starts, _ in found)]),
        present=np.concatenate([np.zeros(0, bool), *(present for _, _, present in found)]),
        recording=recording,
        label=np.array([each.label for each in whose], dtype=np.int64),
        subject=np.array([each.subject for each in whose], dtype=np.str_),
    )


def _led(values: NDArray[np.float32], moments: Moments, time: int) -> Tensor:
    """(signal, n) as (signal, LEAD + time): normalised, zeros in the lead, then no gap any more."""
    whole = np.full((len(values), LEAD + time), np.nan, dtype=np.float32)
    whole[:, :LEAD] = 0.0
    whole[:, LEAD : LEAD + values.shape[1]] = (values - moments.mean[:, None]) / moments.spread[:, None]
    return filled(torch.from_numpy(whole))
