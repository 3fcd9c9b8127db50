"""A mean-like rule takes a thousand replies as they arrive: its time against a pass over memory, and what it holds."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from dataclasses import dataclass

import numpy as np

from simulation.bench.aggregate.model import new_model, replies, size
from strategies.arrival import InOrder
from strategies.rule import Block, Rule


@dataclass(frozen=True)
class Streamed:
    """One rule on one stream.

    ratio              median over groups of replies: seconds of the rule over seconds of `numpy.add` of the same arrays
    seconds_reply      median seconds of the rule for a reply
    seconds_pass       median seconds of `numpy.add(total, reply, out=total)`, tensor by tensor, in float32
    models_in_memory   most memory beyond the current model and the replies that just arrived, in models
    most_waiting       replies that waited for an earlier node, at most
    """

    ratio: float
    seconds_reply: float
    seconds_pass: float
    models_in_memory: float
    most_waiting: int


def streamed(rule: Rule, parameters: int, nodes: int, at_a_time: int) -> Streamed:
    """Gives the rule one reply of each node and finishes the round; the sum of the weights is not told before."""
    current = new_model(parameters)
    model, one_pass = size(current), {name: np.zeros_like(value) for name, value in current.items()}
    stream = replies(parameters, nodes, at_a_time)
    arrived = next(stream)  # from here on the stream's own arrays are there
    tracemalloc.start()
    gathered, gate = rule.begin(current, {}), InOrder(range(nodes))
    most = tracemalloc.get_traced_memory()[0]
    ratios, by_reply, by_pass, number = [], [], [], 0
    while arrived:
        count, fresh = len(arrived), tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        order = (True, False) if number % 2 else (False, True)  # whoever comes second finds the replies in the cache
        seconds = {}
        blocks = [reply.block for reply in arrived]
        for of_rule in order:
            began = time.perf_counter()
            if of_rule:
                for reply in arrived:
                    for passed in gate.take(reply):
                        rule.add(gathered, current, {}, passed)
            else:
                _add(one_pass, blocks)
            seconds[of_rule] = time.perf_counter() - began
        just_arrived = 0 if number == 0 else count * model  # the first were there before the count began
        most = max(most, tracemalloc.get_traced_memory()[1] - min(just_arrived, fresh))
        ratios.append(seconds[True] / seconds[False])
        by_reply.append(seconds[True] / count)
        by_pass.append(seconds[False] / count)
        del blocks, passed, reply
        arrived = []
        arrived, number = next(stream, []), number + 1
    tracemalloc.reset_peak()
    rule.finish(gathered, current, {})
    most = max(most, tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    return Streamed(
        statistics.median(ratios), statistics.median(by_reply), statistics.median(by_pass), most / model, gate.most_held
    )


def _add(total: Block, blocks: list[Block]) -> None:
    for block in blocks:
        for name, value in total.items():
            np.add(value, block[name], out=value)
