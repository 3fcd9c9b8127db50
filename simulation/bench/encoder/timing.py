"""Times of cases that take turns."""

import gc
import math
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from simulation.bench.encoder.systems import Ready, picture, signals

PARTS = ("picture", "encoder", "classifier", "end_to_end")
WARM_UP, LEAST_ROUNDS = 1, 3
WARM_S = 0.05
Case = TypeVar("Case", bound=Hashable)


def interleaved(
    cases: Mapping[Case, Callable[[], tuple[float, ...]]],
    repeats: int,
    warm_up: int = WARM_UP,
    limit_s: float = math.inf,
    warm_s: float = WARM_S,
) -> dict[Case, NDArray[np.float64]]:
    """What each case returned, (repeat, part), of `repeats` rounds in which every case has its turn.

    So whatever else the machine does meets all of them alike. Each round begins with another case; the first `warm_up`
    rounds are not counted. In its turn a case runs uncounted for `warm_s`, once at least, and then counts: a board runs
    one system alone, and finds in its caches what it left there, not what the others did. After `limit_s` no round
    begins, once LEAST_ROUNDS count. Python's garbage collector stands still meanwhile.
    """
    names, taken = list(cases), {name: [] for name in cases}  # type: ignore[var-annotated]
    begun, collecting = time.perf_counter(), gc.isenabled()
    gc.disable()
    try:
        for repeat in range(-warm_up, repeats):
            if repeat >= LEAST_ROUNDS and time.perf_counter() - begun > limit_s:
                break
            first = repeat % len(names)
            for name in (*names[first:], *names[:first]):
                until = time.perf_counter() + warm_s
                while True:
                    cases[name]()
                    if time.perf_counter() >= until:
                        break
                found = cases[name]()
                if repeat >= 0:
                    taken[name].append(found)
    finally:
        if collecting:
            gc.enable()
    return {name: np.array(rows, dtype=np.float64) for name, rows in taken.items()}


def inference(ready: Ready, modalities: int, threads: int) -> Callable[[], tuple[float, ...]]:
    """One inference from signals to logits; returns the milliseconds of PARTS, by `clock_of(threads)` and by the wall."""
    records, clock = signals(modalities, seed=1), CLOCKS[clock_of(threads)]

    def once() -> tuple[float, ...]:
        with torch.inference_mode():
            stamps = [(clock(), time.perf_counter())]
            pictures = picture(records)
            stamps.append((clock(), time.perf_counter()))
            latents = ready.encode(pictures)
            stamps.append((clock(), time.perf_counter()))
            ready.classify(latents)
            stamps.append((clock(), time.perf_counter()))
        steps = 1e3 * np.diff(np.array(stamps), axis=0)  # (part, clock)
        return (*steps[:, 0], steps[:, 0].sum(), *steps[:, 1], steps[:, 1].sum())

    return once


def clock_of(threads: int) -> str:
    """By which clock times are told.

    One thread: by its own, which stands still while the machine does something else. On an idle machine that is the
    wall's; on a busy one the wall's would flatter whoever is done before his turn ends. Several threads: the wall's.
    """
    return "thread" if threads == 1 else "wall"


CLOCKS = {"thread": time.thread_time, "wall": time.perf_counter}
