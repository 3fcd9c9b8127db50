"""Many jobs' results put together: mean, spread and per-seed values per method, what travelled, who was left out.

Fractions stay fractions (0 to 1). "std" is the sample standard deviation (divisor n - 1), null for one seed.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from server.tracking import without_nan

_WAYS = ("up", "down")
Result = Mapping[str, Any]

HEADLINE_METHOD = "fedbind"
_ALWAYS = ("accuracy", "macro_f1")
_WHERE_MEASURED = ("accuracy_epochs_81_200", "macro_f1_epochs_81_200", "accuracy_last_epoch")


def spread(values: Iterable[float | None]) -> dict[str, Any] | None:
    """{"mean", "std", "per_seed"} of one figure over seeds; None where no seed has it.

    A seed without the figure (or with NaN) keeps its place in per_seed as None and counts in neither mean nor std.
    """
    per_seed = without_nan(list(values))
    known = [value for value in per_seed if value is not None]
    if not known:
        return None
    return {
        "mean": statistics.fmean(known),
        "std": statistics.stdev(known) if len(known) > 1 else None,
        "per_seed": per_seed,
    }


def nested_spread(values: Sequence[Any]) -> Any:
    """`spread` of every number in a nest of figures, in the same nest; None where no seed has it."""
    nests = [value if isinstance(value, Mapping) else {} for value in values]
    keys = dict.fromkeys(key for nest in nests for key in nest)
    if keys:
        return {key: nested_spread([nest.get(key) for nest in nests]) for key in keys}
    return spread(None if isinstance(value, Mapping) else value for value in values)


def summarise(
    run_name: str,
    data: Mapping[str, Any],
    seeds: Sequence[int],
    results: Sequence[Result],
    methods: Sequence[str] | None = None,
) -> dict[str, Any]:
    """The summary of a run, in the form of summary.json.

    `results` are the result.json of the finished jobs, in any order; `methods` are those the run was asked for
    (else those that have results). Jobs without a result are listed under "incomplete" as [method, seed], a key
    that a whole run does not have; their seeds are left out of per_seed. A method with no result is only there.
    """
    asked = list(dict.fromkeys(methods if methods is not None else (result["method"] for result in results)))
    by_job = {(result["method"], result["seed"]): result for result in results}
    finished = {
        method: [by_job[method, seed] for seed in seeds if (method, seed) in by_job]
        for method in asked
        if any((method, seed) in by_job for seed in seeds)
    }
    incomplete = [[method, seed] for method in asked for seed in seeds if (method, seed) not in by_job]
    headline = headline_method(finished)
    shown = finished[headline] if headline is not None else []
    bound = finished.get(HEADLINE_METHOD, [])
    jobs = [result for of_method in finished.values() for result in of_method]
    summary: dict[str, Any] = {
        "run": run_name,
        "data": {"name": data["name"], "simulated": None if data["simulated"] is None else bool(data["simulated"])},
        "seeds": list(seeds),
        "methods": {method: _method(of_method) for method, of_method in finished.items()},
        "pairing_accuracy": _mean(result.get("pairing_accuracy") for result in bound),
        "pairing_raw_cosine": _mean(result.get("pairing_raw_cosine") for result in bound),
        "bytes": _bytes([result["bytes"] for result in shown]),
        "seconds": _seconds([result["seconds"] for result in jobs]),
        "nodes": _nodes(shown, jobs),
    }
    if any("strategy" in result for result in jobs):
        summary["strategy"] = _strategy([result for result in jobs if "strategy" in result])
    if incomplete:
        summary["incomplete"] = incomplete
    plain: dict[str, Any] = without_nan(summary)
    return plain


def headline_method(methods: Iterable[str]) -> str | None:
    """The method whose traffic and matrices stand for the run: fedbind, else the first; None where there is none."""
    names = list(methods)
    return HEADLINE_METHOD if HEADLINE_METHOD in names else next(iter(names), None)


def summary_without_times(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The summary without the run's name and without any "seconds" or "cpu_seconds": equal for equal seeds."""
    timeless: dict[str, Any] = _without_times({key: value for key, value in summary.items() if key != "run"})
    return timeless


def _without_times(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_times(item) for key, item in value.items() if key not in ("seconds", "cpu_seconds")}
    if isinstance(value, list | tuple):
        return [_without_times(item) for item in value]
    return value


def _method(results: Sequence[Result]) -> dict[str, Any]:
    subsets = dict.fromkeys(subset for result in results for subset in result.get("by_subset") or {})
    by_subset = {
        subset: {
            figure: spread((result.get("by_subset") or {}).get(subset, {}).get(figure) for result in results)
            for figure in _ALWAYS
        }
        for subset in subsets
    }
    return {
        **{figure: spread(result.get(figure) for result in results) for figure in (*_ALWAYS, *_WHERE_MEASURED)},
        "by_subset": by_subset,
        "embeddings": nested_spread([result.get("embeddings") for result in results]),
        "seconds": spread((result.get("seconds") or {}).get("total") for result in results),
        "cpu_seconds": spread(result.get("cpu_seconds") for result in results),
        **_where_told(results),
    }


def _where_told(results: Sequence[Result]) -> dict[str, Any]:
    """Figures over nodes, of shared and own models, of pseudo-labels, and simulated seconds, each where a job has it."""
    found: dict[str, Any] = {}
    if any(result.get("by_node") for result in results):
        found["nodes"] = _over_nodes([result.get("by_node") for result in results])
    if any(result.get("personal") for result in results):
        found["personal"] = {
            which: _over_nodes([(result.get("personal") or {}).get(which) for result in results])
            for which in ("shared", "own")
        }
    if any(result.get("self_training") for result in results):
        found["accuracy_fine_tuned"] = spread(result.get("accuracy_fine_tuned") for result in results)
        found["self_training"] = nested_spread([result.get("self_training") for result in results])
    if any(result.get("simulated_seconds") for result in results):
        found["simulated_seconds"] = spread((result.get("simulated_seconds") or {}).get("total") for result in results)
    return found


def _over_nodes(figures: Sequence[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Mean, worst decile and spread over nodes, each over seeds; None where no job has them."""
    if not any(figures):
        return None
    return {name: spread((each or {}).get(name) for each in figures) for name in ("mean", "worst_decile", "std")}


def _strategy(jobs: Sequence[Result]) -> dict[str, Any]:
    """What aggregated in every job, and the blocks that stayed as they were because its rule refused."""
    told = {key: value for key, value in jobs[0]["strategy"].items() if key != "refused"}
    refused = [
        {**each, "method": job["method"], "seed": job["seed"]} for job in jobs for each in job["strategy"]["refused"]
    ]
    return {**told, "refused": refused}


def _mean(values: Iterable[float | None]) -> float | None:
    over = spread(values)
    return None if over is None else over["mean"]


def _of_block(part: Mapping[str, Any], phase: str, *block: str) -> Mapping[str, Any]:
    """A phase's bytes by block, or those of one block; nothing where a result has none."""
    found = (part.get("by_block") or {}).get(phase) or {}
    return found.get(block[0]) or {} if block else found


def _bytes(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean over seeds, in whole bytes; a phase, modality or block that a seed did not have counts as 0 there."""

    def mean(values: Sequence[int]) -> int:
        return round(sum(values) / len(values)) if values else 0

    def mean_by(key: str) -> dict[str, dict[str, int]]:
        names = dict.fromkeys(name for part in parts for name in part.get(key) or {})
        return {
            name: {
                direction: mean([(part.get(key) or {}).get(name, {}).get(direction) or 0 for part in parts])
                for direction in _WAYS
            }
            for name in names
        }

    return {
        "up": mean([part.get("up") or 0 for part in parts]),
        "down": mean([part.get("down") or 0 for part in parts]),
        "by_phase": mean_by("by_phase"),
        "by_modality": mean_by("by_modality"),
        "by_block": {
            phase: {block: {way: mean([_of_block(part, phase, block).get(way, 0) for part in parts]) for way in _WAYS}
                    for block in dict.fromkeys(name for part in parts for name in _of_block(part, phase))}
            for phase in dict.fromkeys(name for part in parts for name in part.get("by_block") or {})
        },
    }  # fmt: skip


def _seconds(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum over all jobs."""
    phases = dict.fromkeys(phase for part in parts for phase in part.get("by_phase") or {})
    return {
        "total": sum(part.get("total") or 0.0 for part in parts),
        "by_phase": {phase: sum((part.get("by_phase") or {}).get(phase) or 0.0 for part in parts) for phase in phases},
    }


def _nodes(shown: Sequence[Result], jobs: Sequence[Result]) -> dict[str, Any]:
    """`ok`: the fewest nodes that took part to the end in any seed of the headline method; `skipped`: over all jobs."""
    parts = [result.get("nodes") or {} for result in shown]
    return {
        "ok": min((part.get("ok") or 0 for part in parts), default=0),
        "skipped": [
            {**skip, "method": result["method"], "seed": result["seed"]}
            for result in jobs
            for skip in (result.get("nodes") or {}).get("skipped") or []
        ],
    }
