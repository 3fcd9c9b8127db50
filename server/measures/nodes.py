"""Figures over nodes, beside the mean over samples: who is served worst, and how far nodes lie apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any


def over_nodes(counted: Mapping[int, tuple[float, float]]) -> dict[str, Any] | None:
    """Accuracy of each node and over nodes, of (right, examples) by node; None where no node has an example.

    nodes         by node, as text: accuracy, examples
    mean          every node counting once, however many examples it has
    worst_decile  mean of the tenth of the nodes with the lowest accuracy, one node at the least
    std           sample standard deviation over nodes; None for one
    """
    found = {node: (right / examples, examples) for node, (right, examples) in sorted(counted.items()) if examples > 0}
    if not found:
        return None
    values = sorted(accuracy for accuracy, _ in found.values())
    return {
        "nodes": {str(node): {"accuracy": accuracy, "examples": int(n)} for node, (accuracy, n) in found.items()},
        "mean": statistics.fmean(values),
        "worst_decile": statistics.fmean(values[: math.ceil(len(values) / 10)]),
        "std": statistics.stdev(values) if len(values) > 1 else None,
    }
