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
from server.phases.rounds import by_examples
from server.summing import Counting, Summing
from simulation.bench.rounds.app import KIND
from simulation.bench.rounds.task import BATCH, STEPS, beginning
from strategies.modality_wise import Outcome, next_blocks, next_by_sums
from strategies.registry import rule_of


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

    def ask(partitions: range, round: int) -> Outcome:
        gate = weights_gate({name: current}, {p: {name} for p in partitions}, {p: STEPS * BATCH for p in partitions})
        summing = Summing(KIND, gate, Counting(by_examples, {}))
        questions = {p: Payload({name: current}) for p in partitions}
        replies, sums = dispatch.ask_sums(summing, questions, "bench", round, rounds, {name: current})
        if sums is not None:
            return next_by_sums(rule, {name: current}, {}, sums)
        return next_blocks(rule, {name: current}, {}, by_examples({}, replies))

    ask(range(1), 0)
    first = time.perf_counter() - began

    def one(round: int) -> None:
        nonlocal current
        current = ask(range(nodes), round).blocks[name]

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
