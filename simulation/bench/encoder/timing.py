"""Times of cases that take turns."""

import gc
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from simulation.bench.encoder.systems import Ready, picture, signals

PARTS = ("picture", "encoder", "classifier", "end_to_end")
WARM_UP = 2
Case = TypeVar("Case", bound=Hashable)


def interleaved(
    cases: Mapping[Case, Callable[[], tuple[float, ...]]], repeats: int, warm_up: int = WARM_UP
) -> dict[Case, NDArray[np.float64]]:
    """What each case returned, (repeat, part), of `repeats` rounds in which every case has its turn.

    So whatever else the machine does meets all of them alike. Each round begins with another case; the first `warm_up`
    rounds are not counted. A turn is two runs of which the second counts: a board runs one system alone, and finds in its
    caches what it left there, not what the others did. Python's garbage collector stands still meanwhile.
    """
    names, taken = list(cases), {name: [] for name in cases}  # type: ignore[var-annotated]
    collecting = gc.isenabled()
    gc.disable()
    try:
        for repeat in range(-warm_up, repeats):
            first = repeat % len(names)
            for name in (*names[first:], *names[:first]):
                cases[name]()
                found = cases[name]()
                if repeat >= 0:
                    taken[name].append(found)
    finally:
        if collecting:
            gc.enable()
    return {name: np.array(rows, dtype=np.float64) for name, rows in taken.items()}


def inference(ready: Ready, modalities: int) -> Callable[[], tuple[float, ...]]:
    """One inference from signals to logits; returns the milliseconds of PARTS."""
    records = signals(modalities, seed=1)

    def once() -> tuple[float, ...]:
        with torch.inference_mode():
            begun = time.perf_counter()
            pictures = picture(records)
            painted = time.perf_counter()
            latents = ready.encode(pictures)
            encoded = time.perf_counter()
            ready.classify(latents)
            done = time.perf_counter()
        return tuple(1e3 * each for each in (painted - begun, encoded - painted, done - encoded, done - begun))

    return once
