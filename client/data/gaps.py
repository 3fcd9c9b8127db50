"""Sensors that come and go in time: stretches of a signal blanked as an alternating renewal process.

Times with and without the sensor follow one another, each drawn from an exponential distribution; the means are such
that the sensor is away for `rate` of the time and `mean_s` at a stretch. The process is already running when a
recording begins, so that the share holds for short recordings too. It is simulated: a blanked record is NaN, as a real
gap is, and `windows` treats both alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from client.data.recording import Recording, Signal
from configs.errors import UserError


def gap_spans(duration_s: float, rate: float, mean_s: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """(start, stop) in seconds of each gap within `duration_s`, in order. `rate` 0 to below 1, `mean_s` above 0."""
    if not 0 <= rate < 1:
        raise UserError(f"the rate of gaps is {rate}", where="gaps", expected="0 to below 1")
    if not 0 < mean_s < float("inf"):
        raise UserError(f"the mean length of gaps is {mean_s} s", where="gaps", expected="a length above 0 s")
    if rate == 0:
        return []
    mean_with_sensor_s = mean_s * (1 - rate) / rate
    spans, now_s, away = [], 0.0, bool(rng.random() < rate)
    while now_s < duration_s:
        until_s = now_s + rng.exponential(mean_s if away else mean_with_sensor_s)  # memoryless: right at the start too
        if away:
            spans.append((now_s, min(until_s, duration_s)))
        now_s, away = until_s, not away
    return spans


def cut_gaps(
    recordings: Sequence[Recording], rates: Mapping[str, float] | float, mean_s: float, rng: np.random.Generator
) -> list[Recording]:
    """The same recordings with gaps in them, each modality by its own rate (or all by one) and independently."""
    blanked = []
    for recording in recordings:
        signals = {}
        for modality, signal in recording.signals.items():
            rate = rates.get(modality, 0.0) if isinstance(rates, Mapping) else rates
            signals[modality] = _blank(signal, gap_spans(signal.duration_s, rate, mean_s, rng))
        blanked.append(replace(recording, signals=signals))
    return blanked


def _blank(signal: Signal, spans: Sequence[tuple[float, float]]) -> Signal:
    values = signal.values.copy()
    for start_s, stop_s in spans:  # a record stands for the time 1 / rate from its moment on
        values[round(start_s * signal.rate_hz) : round(stop_s * signal.rate_hz)] = np.nan
    return Signal(values, signal.rate_hz)
