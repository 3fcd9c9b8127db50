"""Rules that must see all replies: their time on few nodes, against a mean of the same replies."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
import types
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from simulation.bench.aggregate.model import new_model, replies
from strategies.fedavg import fedavg
from strategies.registry import rule_of
from strategies.rule import apply
from strategies.stack import stacked

RULES: dict[str, dict[str, Any]] = {
    "fedmedian": {}, "fedtrimmedavg": {}, "krum": {}, "multikrum": {}, "bulyan": {}, "geometric_median": {},
    "centred_clipping": {}, "nnm": {},
}  # fmt: skip
BYZFL: dict[str, Callable[[Any], Any]] = {  # how byzfl's are made that do the same
    "fedmedian": lambda b: b.Median(), "fedtrimmedavg": lambda b: b.TrMean(f=4), "krum": lambda b: b.Krum(f=1),
    "multikrum": lambda b: b.MultiKrum(f=1), "geometric_median": lambda b: b.GeometricMedian(nu=1e-6, T=8),
    "centred_clipping": lambda b: b.CenteredClipping(L=1, tau=1.0),
    "nnm": lambda b: lambda rows: b.Median()(b.NNM(1)(rows)),
}  # fmt: skip


def timed(work: Callable[[], object], repeats: int = 3) -> float:
    """The least seconds of a few repeats."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def robust(name: str, parameters: int, nodes: int) -> dict[str, float | None]:
    """Seconds of one round; over the plain mean's of the same replies; over byzfl's, where that can be imported."""
    current = new_model(parameters)
    sent = [reply for group in replies(parameters, nodes, nodes) for reply in group]
    seconds = timed(lambda: apply(rule_of(name, RULES[name]), current, {}, sent))
    mean = timed(lambda: fedavg([reply.block for reply in sent], [reply.weight for reply in sent]))
    theirs, found = None, byzfl()
    if found is not None and name in BYZFL:
        rows = np.ascontiguousarray(stacked(sent, current))
        theirs = timed(lambda: BYZFL[name](found)(rows))
    return {"seconds": seconds, "over_mean": seconds / mean, "over_byzfl": None if theirs is None else seconds / theirs}


@cache
def byzfl() -> Any:
    """byzfl's aggregators, or None where byzfl is not on Python's path.

    The package's own beginning is left out: it imports torchvision, which they do not need.
    """
    spec = importlib.util.find_spec("byzfl")
    if spec is None or spec.submodule_search_locations is None:
        return None
    for name, folder in (("byzfl", ""), ("byzfl.utils", "/utils"), ("byzfl.aggregators", "/aggregators")):
        package = types.ModuleType(name)
        package.__path__ = [path + folder for path in spec.submodule_search_locations]
        sys.modules.setdefault(name, package)
    return types.SimpleNamespace(
        **vars(importlib.import_module("byzfl.aggregators.aggregators")),
        NNM=importlib.import_module("byzfl.aggregators.preaggregators").NNM,
    )
