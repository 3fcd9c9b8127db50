"""One modality of one recording as a few signals at the common rate, each resampled by itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from client.data.cards import ModalityCard
from client.data.recording import Signal
from client.data.windows import between_records, nearest_records, smooth
from configs.errors import UserError, unknown_name

AXES = ("norm", "channels")
SIGNAL_KINDS = ("inertial", "physiological", "skeleton", "csi")  # the others are pictures or point clouds already


@dataclass(frozen=True)
class Series:
    """Signals on one clock. Zeros are missing records' after normalising, so what is not known yet is NaN here."""

    values: NDArray[np.float32]  # (signal, time); NaN before a signal's first record
    known: NDArray[np.bool_]  # (time,): whether every channel had a record there


def is_signal(card: ModalityCard) -> bool:
    """Whether the modality is a signal over time, of which a spectral image can be made."""
    return card.kind in SIGNAL_KINDS


def series_of(signal: Signal, card: ModalityCard, rate_hz: float, axes: str) -> Series:
    """A recording's modality at `rate_hz`, smoothed going down and interpolated linearly as `data.windows` does.

    axes  norm: the length of each vector (a sensor's axes, a joint's numbers, an antenna's subcarriers) is one signal,
          whichever way the sensor is turned; a single channel stays as it is. channels: every channel is a signal
    Gaps are filled forward. Raises UserError for a rate or choice of axes that is none, and where nothing was recorded.
    """
    if not 0 < rate_hz < float("inf"):
        raise UserError(f"the common rate is {rate_hz} Hz", where="spectral images", expected="a rate above 0 Hz")
    if axes not in AXES:
        raise unknown_name("choice of axes", axes, AXES, where="spectral images")
    if not len(signal.values):
        raise UserError("a signal without a record", where="spectral images", expected="at least one record")
    recorded = _norms(signal.values, card) if axes == "norm" else signal.values  # (time, signal)
    records = len(recorded)
    filled, gap, first = _filled(recorded)
    step = signal.rate_hz / rate_hz  # records between two frames
    frames = max(int(np.floor(records / step + 1e-6)), 1)
    at = np.arange(frames, dtype=np.float64)[None] * step  # (1, frames), in records
    values = between_records(smooth(filled, step), at)[0].T  # (signal, frames)
    values[at < first[:, None]] = np.nan
    nearest, _ = nearest_records(at[0], records)
    return Series(values.astype(np.float32), ~gap[nearest])


def _norms(values: NDArray[np.float32], card: ModalityCard) -> NDArray[np.float32]:
    """(time, channel) -> (time, vector): the length of each vector, NaN where one of its numbers is."""
    if card.channels == 1:
        return values
    if card.kind == "csi" and card.layout:
        length = card.channels // card.layout[0]
    else:
        length = card.layout[-1] if card.layout else card.channels
    vectors = values.reshape(len(values), -1, length)
    return np.linalg.norm(vectors.astype(np.float64), axis=2).astype(np.float32)


def _filled(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Values (time, signal) filled forward, where any signal had a gap (time,), and each signal's first record.

    What lies before the first record holds its value, so that smoothing draws nothing else in; a signal without any
    record is zero, and its first record lies after the end.
    """
    known = np.isfinite(values)
    first = np.where(known.any(axis=0), known.argmax(axis=0), len(values))
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    last = np.maximum(last, np.minimum(first, len(values) - 1))
    filled = np.take_along_axis(np.where(known, values, 0.0), last, axis=0).astype(np.float64)
    return filled, ~np.asarray(known.all(axis=1)), first
