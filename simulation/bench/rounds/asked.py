"""What every system is asked for, and how its rounds are timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from protocol.payload import Block

Told = tuple[Block, dict[str, Any]]
"""Weights after all rounds; `wall` of each counted round, `cpu` a round, and `start` until the first reply, seconds."""


@dataclass(frozen=True)
class Asked:
    """So many rounds of a model over nodes, after some that do not count; `workers`: processes that train."""

    model: str
    nodes: int
    warm_up: int
    rounds: int
    workers: int


def timed(one: Callable[[int], None], warm_up: int, rounds: int) -> dict[str, Any]:
    """Wall seconds of each counted round, and CPU seconds a round of this process and all that it started."""
    for round in range(warm_up):
        one(round + 1)
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    before, walls = cpu_seconds(family), []
    for round in range(rounds):
        started = time.perf_counter()
        one(warm_up + round + 1)
        walls.append(time.perf_counter() - started)
    return {"wall": walls, "cpu": (cpu_seconds(family) - before) / rounds}


def cpu_seconds(family: list[psutil.Process]) -> float:
    """User and system seconds until now; processes that have ended count nothing."""
    total = 0.0
    for process in family:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
