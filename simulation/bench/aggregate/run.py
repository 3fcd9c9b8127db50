"""The whole benchmark, as one value."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from simulation.bench.aggregate.robust import RULES as ROBUST
from simulation.bench.aggregate.robust import robust
from simulation.bench.aggregate.stream import streamed
from strategies.registry import RULES, rule_of

FEW = 24  # replies that tell a rule's ratio, and that memory does not grow with


def run(
    parameters: int, nodes: int, at_a_time: int, robust_parameters: int, robust_nodes: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Mean-like rules streamed, robust ones on fewer nodes; ratios are of times in this run."""
    tell(f"fedavg: {parameters:,} parameters from {nodes:,} nodes, {at_a_time} at a time")
    whole = streamed(rule_of("fedavg"), parameters, nodes, at_a_time)
    tell(f"  {whole.ratio:.2f} passes over memory a reply, {whole.models_in_memory:.1f} models in memory")
    few = streamed(rule_of("fedavg"), parameters, min(FEW, nodes), at_a_time)
    by_rule = {"fedavg": whole.ratio}
    memory = {"fedavg": whole.models_in_memory}
    for name in RULES:
        rule = rule_of(name)
        if rule.streams and name != "fedavg":
            told = streamed(rule, parameters, min(FEW, nodes), at_a_time)
            by_rule[name], memory[name] = told.ratio, told.models_in_memory
            tell(f"{name}: {told.ratio:.2f} passes over memory a reply, {told.models_in_memory:.1f} models in memory")
    slow = {}
    for name in ROBUST:
        slow[name] = robust(name, robust_parameters, robust_nodes)
        tell(f"{name}: {slow[name]['seconds']:.2f} s for {robust_parameters:,} parameters from {robust_nodes} nodes")
    return {
        "parameters": parameters,
        "nodes": nodes,
        "at_a_time": at_a_time,
        "ratios": {"per_reply_over_memory_pass": whole.ratio, "by_rule": by_rule},
        "models_in_memory": whole.models_in_memory,
        "models_in_memory_with_few_nodes": {"nodes": min(FEW, nodes), "models": few.models_in_memory},
        "models_in_memory_by_rule": memory,
        "fedavg": asdict(whole),
        "robust": {"parameters": robust_parameters, "nodes": robust_nodes, "rules": slow},
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
