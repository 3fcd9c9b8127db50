"""Baseline over ours: above one, ours is cheaper."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulation.bench.encoder.costs import Costs
from simulation.bench.encoder.settings import PRECISION, EncoderBench
from simulation.bench.encoder.systems import SIDES
from simulation.bench.encoder.timing import PARTS, clock_of

OURS, BASELINE = SIDES
Times = Mapping[int, Mapping[int, Mapping[tuple[str, str], NDArray[np.float64]]]]  # threads, modalities, case
CostsBySide = Mapping[str, Mapping[int, Costs]]
Memory = Mapping[tuple[str, str], Mapping[int, tuple[int, int]]]  # case, modalities: bytes of weights, of activations


def same_precision(settings: EncoderBench, costs: CostsBySide, times: Times, memory: Memory) -> dict[str, Any]:
    """At most modalities and fewest threads, both in float32, each side in the form in which it is fastest end to end."""
    return _compared(settings, costs, times, memory, "float32")


def best_against_best(settings: EncoderBench, costs: CostsBySide, times: Times, memory: Memory) -> dict[str, Any]:
    """The same with each side in whatever form and precision it is fastest."""
    return _compared(settings, costs, times, memory, None)


def by_form(settings: EncoderBench, times: Times) -> list[dict[str, Any]]:
    """Ratios of times at most modalities, for every number of threads, both sides in the same form."""
    rows = []
    for threads, of in times.items():
        last = of[settings.modalities]
        for form in dict.fromkeys(form for _, form in last):
            ours, baseline = last[OURS, form], last[BASELINE, form]
            row = {f"latency_{part}": ratio(baseline, ours, part) for part in PARTS[1:]}
            rows.append({"threads": threads, "form": form, **row, "picture_over_encoder": _picture_share(ours)})
    return rows


def ratio(baseline: NDArray[np.float64], ours: NDArray[np.float64], part: str) -> dict[str, float]:
    """Of the medians of (repeat, part) times, by `clock_of`, with the quartiles of the ratios round by round."""
    place = PARTS.index(part)
    rounds = baseline[:, place] / ours[:, place]
    return {
        "ratio": float(np.median(baseline[:, place]) / np.median(ours[:, place])),
        "quartile_low": float(np.quantile(rounds, 0.25)),
        "quartile_high": float(np.quantile(rounds, 0.75)),
    }


def fastest(last: Mapping[tuple[str, str], NDArray[np.float64]], side: str, precision: str | None) -> str:
    """The form of one side with the least median time end to end, among those of a precision."""
    forms = [form for named, form in last if named == side and precision in (None, PRECISION[form])]
    return min(forms, key=lambda form: float(np.median(last[side, form][:, PARTS.index("end_to_end")])))


def _picture_share(ours: NDArray[np.float64]) -> float:
    return float(np.median(ours[:, 0]) / np.median(ours[:, 1]))


def _compared(
    settings: EncoderBench, costs: CostsBySide, times: Times, memory: Memory, precision: str | None
) -> dict[str, Any]:
    threads, most = settings.all_threads[0], settings.modalities
    last = times[threads][most]
    form = {side: fastest(last, side, precision) for side in SIDES}
    ours, one = costs[OURS][most], costs[BASELINE][1]
    timed = {side: last[side, form[side]] for side in SIDES}
    latency = {part: ratio(timed[BASELINE], timed[OURS], part) for part in PARTS[1:]}
    return {
        "macs": costs[BASELINE][most].encoder_macs / ours.encoder_macs,
        "macs_end_to_end": costs[BASELINE][most].macs / ours.macs,
        "parameters_one_encoder": one.encoder_parameters / ours.encoder_parameters,
        "latency_encoder": latency["encoder"]["ratio"],
        "latency_end_to_end": latency["end_to_end"]["ratio"],
        "peak_memory_one_encoder": sum(memory[BASELINE, form[BASELINE]][1]) / sum(memory[OURS, form[OURS]][most]),
        "picture_over_encoder": _picture_share(timed[OURS]),
        "modalities": most,
        "clock": clock_of(threads),
        "threads": threads,
        "form": form,
        "precision": {side: PRECISION[form[side]] for side in SIDES},
        "median_ms": {
            side: {part: float(np.median(timed[side][:, place])) for place, part in enumerate(PARTS)} for side in SIDES
        },
        "spread": latency,
    }
