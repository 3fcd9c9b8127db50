"""A setting's figures from its finished jobs, and ratios over full models in 32 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from server.report.summary import spread
from simulation.bench.wire.settings import FLOAT32, FULL
from simulation.compare.figures import Row, mean_curve, reached, row_of


def rows_of(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Row]:
    """One row a finished job, its setting where a comparison has the strategy."""
    return [row_of((setting,), result) for setting, found in results.items() for result in found]


def figures(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """{"target", "ratios", "settings"} from result.json by setting; all of a setting's bytes are means over its seeds.

    target  what full models in 32 bits reach between rounds, at their last, mean over seeds. A setting is there at the first
            measured round at which its own mean is; all that training sent both ways until then are its `bytes_to_target`.

    Where jobs are missing yet, all of it is over the seeds that every setting with a result has. A ratio is None where one
    of its sides is not there.
    """
    seeds = [{each["seed"] for each in found} for found in results.values() if found]
    common = set.intersection(*seeds) if seeds else set[int]()
    results = {name: [each for each in found if each["seed"] in common] for name, found in results.items()}
    by_setting = {setting: rows_of({setting: found}) for setting, found in results.items() if found}
    full = mean_curve(by_setting.get(FULL, []))
    target = full[max(full)][0] if full else None
    told = {setting: _line(rows, results[setting], target) for setting, rows in by_setting.items()}
    plain = {row.seed: row.accuracy for row in by_setting.get(FLOAT32, [])}
    for setting, rows in by_setting.items():
        both = [row.accuracy - plain[row.seed] for row in rows if row.seed in plain]
        told[setting]["accuracy_minus_float32"] = spread(both) if both else None
    ratios = {name: ratios_over(told, name) for name in ("bytes_to_target", "bytes_training")}
    best = {name: min((v for v in each.values() if v is not None), default=None) for name, each in ratios.items()}
    return {
        "target": target,
        "ratios": {
            "bytes_to_target_over_full_float32": best["bytes_to_target"],
            "bytes_over_full_float32": best["bytes_training"],
            "by_setting": ratios,
        },
        "settings": told,
    }


def ratios_over(told: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, float | None]:
    """Every other setting's figure over that of full models in 32 bits."""
    whole = told.get(FULL, {}).get(name)
    return {
        setting: line[name] / whole if whole and line[name] is not None else None
        for setting, line in told.items()
        if setting != FULL
    }


def _line(rows: Sequence[Row], results: Sequence[Mapping[str, Any]], target: float | None) -> dict[str, Any]:
    curve, there = mean_curve(rows), reached(rows, target)
    last = curve[max(curve)] if curve else None

    def mean(way: str, phases: Sequence[str]) -> float:
        return fmean(
            sum(result["bytes"]["by_phase"].get(phase, {}).get(way, 0) for phase in phases) for result in results
        )

    training = ("autoencoder", "embed", "contrast")
    return {
        "accuracy": spread([row.accuracy for row in rows]),
        "accuracy_between_rounds": last[0] if last else None,
        "bytes": mean("up", tuple(results[0]["bytes"]["by_phase"]))
        + mean("down", tuple(results[0]["bytes"]["by_phase"])),
        "bytes_training": last[1] if last else None,
        "bytes_up": mean("up", training),
        "bytes_down": mean("down", training),
        "bytes_to_target": there[1] if there else None,
        "rounds_to_target": there[0] if there else None,
        "cpu_seconds": fmean(row.cpu_seconds for row in rows),
        "seeds": [row.seed for row in rows],
    }
