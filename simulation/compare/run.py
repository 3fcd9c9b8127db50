"""Runs a comparison: equal tuning for each strategy, then the grid, side by side, and what it gave; nothing runs twice."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from client.data.holdings import check_holdings
from configs.comparison import Plan, axes_of, tries_of
from configs.errors import UserError
from configs.load import load
from configs.study import Cell, Study, cells
from server.tracking import without_private_paths, write_atomically
from simulation.compare.figures import Row, lines, row_of, target_of
from simulation.compare.page import page
from simulation.compare.plots import ends, ways
from simulation.compare.ranking import ranking
from simulation.compare.tables import as_json, curves_csv, jobs_csv, ranking_csv, table_csv
from simulation.compare.tune import Tuned, overrides_at, server_rate_of, tune, tuned_at
from simulation.side_by_side import Task, Tell, run_tasks
from simulation.study.run import by_seed, same_settings

_MEASURED = 10  # points between the rounds, where the configuration does not say how many


@dataclass(frozen=True)
class Comparison:
    """What is compared: the grid as a study, how rates are searched, and the command that asked for it."""

    study: Study
    plan: Plan
    command: str


@dataclass(frozen=True)
class Outcome:
    """The folder, the JSON object, and what failed in words."""

    folder: Path
    told: dict[str, Any]
    failed: list[str]


def comparison_of(
    config: str, overrides: Sequence[str], over: Sequence[str], parameters: Sequence[str], seeds: int | None, plan: Plan
) -> Comparison:
    """The grid of a command's words; raises UserError for what does not fit.

    seeds  so many, from 0 on; None: the configuration's
    """
    named = {word.partition("=")[0] for word in overrides}
    first = load(config, overrides)
    asked = [f"seeds={list(range(seeds))}"] if seeds is not None else []
    if "methods" not in named:
        asked.append("methods=[fedbind]")
    elif len(first.methods) != 1:
        raise UserError("strategies are compared under one method", where="methods", todo="such as methods=[fedbind]")
    if "evaluation.every" not in named and not first.evaluation.every:
        asked.append(f"evaluation.every={max(1, -(-first.rounds.contrast // _MEASURED))}")
    if "evaluation.personal" not in named:
        asked.append("evaluation.personal=true")
    study = Study(
        name=f"compare-{first.name}", title=f"Aggregation strategies, {first.name}",
        explains="Each strategy under the same rounds, with equally many tries for its rates.", base=config,
        overrides=[*overrides, *asked], axes=axes_of(over, parameters, first),
    )  # fmt: skip
    tries_of(1.0, None, plan.tries)
    if plan.tries > 1 and not plan.tune_each and any(axis.name in ("models", "models.encoder") for axis in study.axes):
        raise UserError(
            "rates that are found with one encoder are none for another",
            where="--over models.encoder",
            todo="add --tune-each",
        )
    options = [
        *(f"--over={word}" for word in over), *(f"--parameter={word}" for word in parameters),
        *([f"--seeds={seeds}"] if seeds is not None else []), *_told(plan),
    ]  # fmt: skip
    return Comparison(study, plan, shlex.join(["fedbind", "compare", config, *overrides, *options]))


def run_comparison(asked: Comparison, out: Path, workers: int | None, tell: Tell) -> Outcome:
    """The whole comparison in `out`, as far as it is not there yet.

    workers  jobs side by side; None: as the configuration's run.workers says

    Raises UserError for a faulty grid before anything runs, and where the folder holds runs of other settings.
    """
    study, plan = asked.study, asked.plan
    grid = cells(study)
    for cell in grid:
        server_rate_of(cell.experiment)  # a strategy that cannot be made is told now
    check_holdings(grid[0].experiment)
    width = grid[0].experiment.run.workers if workers is None else workers
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(
        out / "compare.yaml", yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    )
    tuned = tune(study, grid, plan, out, width, tell) if plan.tries > 1 else []
    grid = [
        Cell(cell.place, load(study.base, [*overrides_at(study, cell.place), *tuned_at(tuned, cell.place)]))
        for cell in grid
    ]
    for cell in grid:
        same_settings(cell, _folder(out, cell))
    tasks = [_task(cell, out, seeds[-1]) for cell, seeds in by_seed(grid)]
    left = sum(not task.result.is_file() for task in tasks)
    tell(f"{len(tasks)} jobs, {len(tasks) - left} finished before")
    failed: dict[int, str] = {}
    try:
        failed = run_tasks(tasks, width, tell)
    finally:  # stopped by hand too
        told = write(asked, grid, tuned, out, [f"{tasks[at].called}: {why}" for at, why in failed.items()])
    return Outcome(out, told, [f"{tasks[at].called}: {why}" for at, why in failed.items()])


def write(
    asked: Comparison, grid: Sequence[Cell], tuned: Sequence[Tuned], out: Path, failed: Sequence[str]
) -> dict[str, Any]:
    """Tables, pictures, page and result.json from the results that there are; returns that JSON object."""
    study = asked.study
    rows: list[Row] = []
    wanted, data = 0, {}
    for cell in grid:
        for seed in cell.experiment.seeds:
            wanted += 1
            path = _task(cell, out, seed).result
            if path.is_file():
                result = json.loads(path.read_text())
                rows.append(row_of(cell.place, result))
                data[result["data"]["name"]] = result["data"]["simulated"]
    strategies, settings = [value.name for value in study.axes[0].values], [axis.name for axis in study.axes[1:]]
    found, order = lines(rows, strategies, asked.plan.target), ranking(rows, strategies)
    kinds = ", ".join(f"{name} ({'simulated' if made else 'real recordings'})" for name, made in sorted(data.items()))
    seeds = ", ".join(map(str, sorted({row.seed for row in rows})))
    note = f"Data: {kinds or 'none yet'}. Seeds: {seeds or 'none yet'}."
    places = dict.fromkeys(row.place for row in rows)
    targets = {place: target_of([row for row in rows if row.place == place], asked.plan.target) for place in places}
    pictures = {
        "ends": ends(settings, found, order, note) if rows else None,
        "ways": ways(settings, rows, strategies, targets, note),
    }
    told = as_json(found, order, tuned)
    for name, png in pictures.items():
        if png:
            write_atomically(out / f"{name}.png", png)
    for name, text in {
        "table.csv": table_csv(settings, found), "jobs.csv": jobs_csv(settings, rows),
        "curves.csv": curves_csv(settings, rows), "ranking.csv": ranking_csv(order),
        "result.json": json.dumps(told, indent=1, allow_nan=False) + "\n",
        "index.html": page(
            title=study.title, settings=settings, lines=found, ranking=order, tuned=tuned, pictures=pictures,
            share=asked.plan.target, note=note, command=without_private_paths(asked.command), failed=failed,
            status="Finished." if len(rows) == wanted else f"{len(rows)} of {wanted} jobs so far.",
            warnings=["SIMULATED data."] if any(data.values()) else [],
        ),
    }.items():  # fmt: skip
        write_atomically(out / name, text)
    return told


def _folder(out: Path, cell: Cell) -> Path:
    return out / "cells" / cell.folder


def _task(cell: Cell, out: Path, seed: int) -> Task:
    called = f"{', '.join(cell.place)}, seed {seed}"
    return Task(called, cell.experiment, _folder(out, cell), cell.experiment.methods[0], seed)


def _told(plan: Plan) -> list[str]:
    """The plan as options, as far as it is not the default."""
    default, words = Plan(), []
    if plan.tries != default.tries:
        words.append(f"--tries={plan.tries}")
    if plan.tune_seed is not None:
        words.append(f"--tune-seed={plan.tune_seed}")
    if plan.tune_each:
        words.append("--tune-each")
    if plan.target != default.target:
        words.append(f"--target={plan.target:g}")
    return words
