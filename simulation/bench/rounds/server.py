"""Rounds over any Grid: this project's dispatch, admission and mean, timed one by one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from flwr.serverapp import Grid

from protocol.payload import Payload
from server.admission import weights_gate
from server.dispatch import Dispatch
from server.phases.rounds import by_examples
from server.summing import Counting, Summing
from simulation.bench.rounds.app import KIND
from simulation.bench.rounds.asked import Asked, Told, timed
from simulation.bench.rounds.task import BATCH, STEPS, beginning
from strategies.modality_wise import Outcome, next_blocks, next_by_sums
from strategies.registry import rule_of


class _Nowhere:
    def append(self, event: Mapping[str, Any]) -> None:
        """Events are of no interest here."""


def rounds_over(grid: Grid, asked: Asked, began: float) -> Told:
    """The weights after all rounds; seconds from `began` to the first reply, by counted round, and CPU seconds a round."""
    nodes = asked.nodes
    hosts = sorted(grid.get_node_ids())
    while len(hosts) < nodes:  # Flower's nodes come one after another
        time.sleep(0.01)
        hosts = sorted(grid.get_node_ids())
    dispatch = Dispatch(grid, _Nowhere(), "bench", 0, 600.0, nodes, dict(enumerate(hosts)))
    name = f"encoder.{asked.model}"
    current, rule = beginning(asked.model), rule_of("fedavg")

    def ask(partitions: range, round: int) -> Outcome:
        gate = weights_gate({name: current}, {p: {name} for p in partitions}, {p: STEPS * BATCH for p in partitions})
        summing = Summing(KIND, gate, Counting(by_examples, {}))
        questions = {p: Payload({name: current}) for p in partitions}
        replies, sums = dispatch.ask_sums(summing, questions, "bench", round, asked.rounds, {name: current})
        if sums is not None:
            return next_by_sums(rule, {name: current}, {}, sums)
        return next_blocks(rule, {name: current}, {}, by_examples({}, replies))

    ask(range(1), 0)
    first = time.perf_counter() - began

    def one(round: int) -> None:
        nonlocal current
        current = ask(range(nodes), round).blocks[name]

    told = timed(one, asked.warm_up, asked.rounds)
    return current, {"start": first, **told}
