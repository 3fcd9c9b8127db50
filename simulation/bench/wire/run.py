"""Every setting under every seed as a job of a run folder of its own; what is finished is not run again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from client.data.holdings import check_holdings
from configs.load import load
from configs.study import Cell
from server.tracking import write_atomically
from simulation.bench.wire.figures import figures
from simulation.bench.wire.settings import SETTINGS, overrides_of
from simulation.csv_text import as_csv
from simulation.side_by_side import Task, run_tasks
from simulation.study.run import by_seed, same_settings

_COLUMNS = (
    "bytes_training", "bytes_up", "bytes_down", "rounds_to_target", "bytes_to_target", "accuracy_between_rounds",
    "cpu_seconds",
)  # fmt: skip


def run(
    config: str,
    own: Sequence[str],
    names: Sequence[str],
    seeds: int,
    workers: int,
    out: Path,
    tell: Callable[[str], None],
) -> tuple[dict[str, Any], list[str]]:
    """The figures of all settings, also written to `out`/wire.json and wire.csv, and what failed in words.

    own      key.path=value for all settings alike
    names    of settings; empty: all
    workers  jobs side by side; 0: one a core

    Raises UserError for a faulty configuration, and where the folder holds runs of other settings.
    """
    grid = [
        Cell((name,), load(config, [*overrides_of(name, own), f"seeds={list(range(seeds))}"]))
        for name in names or SETTINGS
    ]
    check_holdings(grid[0].experiment)
    for cell in grid:
        same_settings(cell, out / cell.folder)
    tasks = [_task(cell, out, upto[-1]) for cell, upto in by_seed(grid)]
    tell(f"{len(tasks)} jobs, {sum(task.result.is_file() for task in tasks)} finished before")
    failed = run_tasks(tasks, workers, tell)
    told = {"config": config, "overrides": list(own), "seeds": list(range(seeds)), **_told(grid, out)}
    write_atomically(out / "wire.json", json.dumps(told, indent=1, allow_nan=False) + "\n")
    write_atomically(out / "wire.csv", table(told))
    return told, [f"{tasks[at].called}: {why}" for at, why in failed.items()]


def table(told: Mapping[str, Any]) -> str:
    """One line a setting, as CSV; accuracies from 0 to 1, bytes as means over seeds."""
    ratios = told["ratios"]["by_setting"]["bytes_to_target"]
    return as_csv(
        ["setting", "accuracy", "accuracy_std", "minus_float32", "jobs", *_COLUMNS, "bytes_to_target_over_full_float32"],
        (
            [
                name, line["accuracy"]["mean"], line["accuracy"].get("std"),
                (line["accuracy_minus_float32"] or {}).get("mean"), len(line["seeds"]), *(line[key] for key in _COLUMNS),
                ratios.get(name),
            ]
            for name, line in told["settings"].items()
        ),
    )  # fmt: skip


def _task(cell: Cell, out: Path, seed: int) -> Task:
    return Task(f"{cell.place[0]}, seed {seed}", cell.experiment, out / cell.folder, cell.experiment.methods[0], seed)


def _told(grid: Sequence[Cell], out: Path) -> dict[str, Any]:
    """Figures of the jobs that have a result, and what data they are of."""
    results: dict[str, list[dict[str, Any]]] = {}
    for cell in grid:
        found = [_task(cell, out, seed).result for seed in cell.experiment.seeds]
        results[cell.place[0]] = [json.loads(path.read_text(encoding="utf-8")) for path in found if path.is_file()]
    data = next((each["data"] for found in results.values() for each in found), None)
    return {"data": data, **figures(results)}
