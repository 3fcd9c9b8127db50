"""Cuts recordings into windows of equal length, each signal resampled by itself.

The signals of a recording keep their own rates and lengths until here: a window spans the same seconds (sliding) or
the whole recording (whole) in every modality, and each modality has its own number of frames there. Values between
records are interpolated linearly. Going down, the signal is first smoothed by two running means as wide as the step
between frames (first null of the response at the frame rate, side lobes below -26 dB): simple, symmetric, exact to
reproduce, and good enough for classification; `antialias=False` leaves it out, as the public code of MMBind does.

A modality named in `nearest` has frames that cannot be mixed (the points of a point cloud have no order): each frame of
a window is the record nearest to it, nothing is smoothed or filled, and only a record that is NaN throughout is a gap.

NaN is a gap: filled forward from the last record before it, with zeros where there is none, and counted. A modality
whose gaps (and time outside its signal) cover more than `max_gap_share` of a window is not present in that window.
Windows never straddle recordings, and nothing here draws a random number.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from client.data.recording import Recording, Signal
from client.data.samples import SampleSet
from configs.errors import UserError

Times = NDArray[np.float64]


def whole(
    recordings: Sequence[Recording],
    channels: Mapping[str, int],
    frames: int | Mapping[str, int],
    *,
    max_gap_share: float = 0.5,
    antialias: bool = True,
    nearest: Collection[str] = (),
) -> SampleSet:
    """One window per recording: every signal stretched to its modality's number of frames, first record to last.

    `channels` names the wanted modalities and their channel counts (`cards.channels_of`). A recording in which none
    of them is present is left out. Raises UserError for frame counts and shares out of range.
    """
    per_modality = frames_per_modality(frames, channels)
    check_gap_share(max_gap_share)
    rows = _Rows(channels, per_modality)
    for number, recording in enumerate(recordings):
        cut = {}
        for modality in channels:
            signal = usable(recording, modality, channels[modality])
            if signal is not None:
                last = len(signal.values) - 1
                grid = np.linspace(0, last, per_modality[modality])[None] / signal.rate_hz  # (1, frames)
                step_s = last / signal.rate_hz / max(per_modality[modality] - 1, 1)
                cut[modality] = (
                    pick(signal, grid, max_gap_share)
                    if modality in nearest
                    else resample(signal, grid, step_s, max_gap_share, antialias)
                )
        rows.add(recording, number, 1, cut)
    return rows.samples()


def sliding(
    recordings: Sequence[Recording],
    channels: Mapping[str, int],
    *,
    seconds: float,
    stride_s: float,
    frames: int | Mapping[str, int] | None = None,
    rate_hz: float | Mapping[str, float] | None = None,
    max_gap_share: float = 0.5,
    antialias: bool = True,
    nearest: Collection[str] = (),
) -> SampleSet:
    """Windows of `seconds` that start every `stride_s`, as many as fit in the recording's longest signal.

    The length of a window is given in `frames`, or by a common `rate_hz` (one of the two, by modality or for all).
    Raises UserError for lengths, rates and shares out of range.
    """
    for name, value in (("seconds", seconds), ("stride_s", stride_s)):
        if not 0 < value < float("inf"):
            raise UserError(f"{name} is {value}", where="window", expected="a length above 0 s")
    if (frames is None) == (rate_hz is None):
        raise UserError("give frames or rate_hz, one of the two", where="window")
    if rate_hz is not None:
        frames = frames_at(rate_hz, seconds, channels)
    per_modality = frames_per_modality(frames or {}, channels)
    check_gap_share(max_gap_share)
    rows = _Rows(channels, per_modality)
    for number, recording in enumerate(recordings):
        signals = {modality: usable(recording, modality, channels[modality]) for modality in channels}
        starts = window_starts([signal for signal in signals.values() if signal is not None], seconds, stride_s)
        cut = {}
        for modality, signal in signals.items():
            if signal is not None and len(starts):
                step_s = seconds / per_modality[modality]
                grid = starts[:, None] + np.arange(per_modality[modality]) * step_s  # (window, frames)
                cut[modality] = (
                    pick(signal, grid, max_gap_share)
                    if modality in nearest
                    else resample(signal, grid, step_s, max_gap_share, antialias)
                )
        rows.add(recording, number, len(starts), cut)
    return rows.samples()


def frames_at(rate_hz: float | Mapping[str, float], seconds: float, channels: Mapping[str, int]) -> dict[str, int]:
    """Frames of a window at these rates; a modality without a rate is left out."""
    rates = rate_hz if isinstance(rate_hz, Mapping) else dict.fromkeys(channels, rate_hz)
    return {modality: round(seconds * rates[modality]) for modality in channels if modality in rates}


def frames_per_modality(frames: int | Mapping[str, int], channels: Mapping[str, int]) -> dict[str, int]:
    """Frames of every wanted modality; UserError where one is missing or below 1."""
    if isinstance(frames, Mapping):
        lacking = [modality for modality in channels if modality not in frames]
        if lacking:
            raise UserError(f"no frames or rate given for {', '.join(lacking)}", where="window")
    counts = {modality: frames[modality] if isinstance(frames, Mapping) else frames for modality in channels}
    for modality, count in counts.items():
        if count < 1:
            raise UserError(f"{count} frames", where=f"window.frames.{modality}", expected="1 or more")
    return counts


def check_gap_share(max_gap_share: float) -> None:
    """Raises UserError for a share that is none."""
    if not 0 <= max_gap_share <= 1:
        raise UserError(f"max_gap_share is {max_gap_share}", where="window", expected="0 to 1")


def usable(recording: Recording, modality: str, channels: int) -> Signal | None:
    """The recording's signal if it is there and has a record; ValueError where its channels are not the card's."""
    signal = recording.signals.get(modality)
    if signal is None or len(signal.values) == 0:
        return None
    if signal.values.shape[1] != channels:
        raise ValueError(f"{recording.name}: {modality} has {signal.values.shape[1]} channels, not {channels}")
    return signal


def window_starts(signals: Sequence[Signal], seconds: float, stride_s: float) -> Times:
    """The start times in seconds of the windows that fit in the longest of these signals."""
    longest = max((signal.duration_s for signal in signals), default=0.0)
    count = int(np.floor((longest - seconds) / stride_s + 1e-6)) + 1
    return np.arange(max(count, 0), dtype=np.float64) * stride_s


def resample(
    signal: Signal, times_s: Times, step_s: float, max_gap_share: float, antialias: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values at these times (window, frames), and which windows are present.

    Returns (window, frames, channel) float32, zero where not present, and (window,).
    """
    values, gap = fill_gaps(signal.values)
    if antialias:
        values = smooth(values, records_per_frame=step_s * signal.rate_hz)
    at = times_s * signal.rate_hz  # in records, (window, frames)
    out = between_records(values, at)  # (window, frames, channel)
    nearest, outside = nearest_records(at, len(values))
    present = enough(gap[nearest] | outside, max_gap_share)
    out[~present] = 0.0
    return out.astype(np.float32), present


def between_records(values: NDArray[np.float64], at: Times) -> NDArray[np.float64]:
    """`values` (time, channel) at positions (window, frames) in records, linearly between two, held at the ends.

    What np.interp gives for each channel up to rounding, but all at once: a picture has thousands of channels.
    """
    last = len(values) - 1
    position = np.clip(at, 0, last)
    left = position.astype(np.int64)
    right = np.minimum(left + 1, last)
    share = (position - left)[..., None]
    return (values[right] - values[left]) * share + values[left]


def pick(signal: Signal, times_s: Times, max_gap_share: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The records nearest to these times, NaN as they are, and which windows are present; forms as `resample`'s."""
    nearest, outside = nearest_records(times_s * signal.rate_hz, len(signal.values))
    out = signal.values[nearest]  # (window, frames, channel)
    gap = np.asarray(np.isnan(signal.values).all(axis=1))  # (time,)
    present = enough(gap[nearest] | outside, max_gap_share)
    out[~present] = 0.0
    return out, present


def nearest_records(at: Times, count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The index of the record nearest to each position (window, frames), and which positions lie after the signal."""
    nearest = np.clip(np.floor(at + 0.5).astype(np.int64), 0, count - 1)
    return nearest, at > count - 1e-6  # the last record stands until the next would have come


def enough(lacking: NDArray[np.bool_], max_gap_share: float) -> NDArray[np.bool_]:
    """Which windows are present, (window,): those that lack no more than this share of their frames, and not all."""
    share = lacking.mean(axis=1)
    present: NDArray[np.bool_] = (share <= max_gap_share) & (share < 1)
    return present


def fill_gaps(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each channel filled forward, then with zeros; and where any channel had a gap, (time,)."""
    gap = ~np.isfinite(values)  # (time, channel)
    if not gap.any():
        return values.astype(np.float64), np.zeros(len(values), dtype=bool)
    last = np.where(gap, -1, np.arange(len(values))[:, None])
    last = np.maximum.accumulate(last, axis=0)  # the last record before or at each moment, -1 if none
    filled = np.take_along_axis(values, np.maximum(last, 0), axis=0).astype(np.float64)
    filled[last < 0] = 0.0
    return filled, np.asarray(gap.any(axis=1))


def smooth(values: NDArray[np.float64], records_per_frame: float) -> NDArray[np.float64]:
    """Two running means of `records_per_frame` records (rounded), the second mirrored so that nothing is delayed."""
    from scipy.ndimage import uniform_filter1d

    width = int(records_per_frame + 0.5)
    if width < 2:
        return values
    once = uniform_filter1d(values, width, axis=0, mode="nearest")
    twice: NDArray[np.float64] = uniform_filter1d(once, width, axis=0, mode="nearest", origin=0 if width % 2 else -1)
    return twice


@dataclass
class _Rows:
    """Gathers windows recording by recording; a window in which no modality is present is dropped."""

    channels: Mapping[str, int]
    frames: Mapping[str, int]

    def __post_init__(self) -> None:
        self.arrays: dict[str, list[NDArray[np.float32]]] = {modality: [] for modality in self.channels}
        self.present: dict[str, list[NDArray[np.bool_]]] = {modality: [] for modality in self.channels}
        self.of: list[tuple[str, int, int, int]] = []  # subject, label, recording, windows

    def add(
        self,
        recording: Recording,
        number: int,
        count: int,
        cut: Mapping[str, tuple[NDArray[np.float32], NDArray[np.bool_]]],
    ) -> None:
        keep = np.zeros(count, dtype=bool)
        for _, present in cut.values():
            keep |= present
        for modality in self.channels:
            shape = (count, self.frames[modality], self.channels[modality])
            values, present = cut.get(modality, (np.zeros(shape, np.float32), np.zeros(count, dtype=bool)))
            self.arrays[modality].append(values[keep])
            self.present[modality].append(present[keep])
        self.of.append((recording.subject, recording.label, number, int(keep.sum())))

    def samples(self) -> SampleSet:
        count = [each[3] for each in self.of]
        empty = {m: np.zeros((0, self.frames[m], self.channels[m]), np.float32) for m in self.channels}
        return SampleSet(
            arrays={m: np.concatenate([empty[m], *self.arrays[m]]) for m in self.channels},
            present={m: np.concatenate([np.zeros(0, bool), *self.present[m]]) for m in self.channels},
            label=np.repeat(np.array([each[1] for each in self.of], dtype=np.int64), count),
            subject=np.repeat(np.array([each[0] for each in self.of], dtype=np.str_), count),
            recording=np.repeat(np.array([each[2] for each in self.of], dtype=np.int64), count),
        )
