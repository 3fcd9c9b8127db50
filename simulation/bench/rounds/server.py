"""Rounds over any Grid: this project's dispatch, admission and mean, timed one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil
from flwr.serverapp import Grid

from protocol.payload import Block, Payload
from server.admission import weights_gate
from server.dispatch import Dispatch
from simulation.bench.rounds.app import KIND
from simulation.bench.rounds.task import BATCH, STEPS, beginning
from strategies.registry import rule_of
from strategies.rule import Reply, apply


class _Nowhere:
    def append(self, event: Mapping[str, Any]) -> None:
        """Events are of no interest here."""


def rounds_over(
    grid: Grid, model: str, nodes: int, warm_up: int, rounds: int, began: float
) -> tuple[Block, dict[str, Any]]:
    """The weights after all rounds; seconds from `began` to the first reply, by counted round, and CPU seconds a round."""
    hosts = sorted(grid.get_node_ids())
    while len(hosts) < nodes:  # Flower's nodes come one after another
        time.sleep(0.01)
        hosts = sorted(grid.get_node_ids())
    dispatch = Dispatch(grid, _Nowhere(), "bench", 0, 600.0, nodes, dict(enumerate(hosts)))
    name = f"encoder.{model}"
    current, rule = beginning(model), rule_of("fedavg")

    def ask(partitions: range, round: int) -> dict[int, Payload]:
        gate = weights_gate({name: current}, {p: {name} for p in partitions}, {p: STEPS * BATCH for p in partitions})
        return dispatch.ask(KIND, {p: Payload({name: current}) for p in partitions}, "bench", round, rounds, gate)

    ask(range(1), 0)
    first = time.perf_counter() - began

    def one(round: int) -> None:
        nonlocal current
        replies = ask(range(nodes), round)
        sent = [Reply(r.blocks[name], r.metrics["examples"], p, {}) for p, r in replies.items()]
        current, _ = apply(rule, current, {}, sent)

    told = timed(one, warm_up, rounds)
    return current, {"start": first, **told}


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
