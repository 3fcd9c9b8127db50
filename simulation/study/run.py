"""Runs a study: every cell of its grid in a run folder of its own, the finished ones not again."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from client.data.holdings import check_holdings
from configs.errors import UserError
from configs.schema import Experiment
from configs.study import Cell, Study, cells
from server.methods.catalogue import METHODS
from server.methods.method import learning
from server.pretraining import key_of
from server.report.finish import differing
from server.tracking import without_private_paths, write_atomically
from simulation.jobs import check_files, make_shared_folder
from simulation.side_by_side import Task, run_tasks
from simulation.study.curves import curves
from simulation.study.page import page
from simulation.study.picture import picture
from simulation.study.table import Line, Row, jobs_csv, lines, row_of, table_csv

_SECONDS = "seconds.json"
_PRETRAINING = "pretraining"

Tell = Callable[[str], None]
Run = Callable[[Experiment, Path, bool], object]


@dataclass(frozen=True)
class Outcome:
    """A study's folder, its table, and what failed in words."""

    folder: Path
    table: list[Line]
    failed: list[str]


def run_study(
    study: Study,
    name: str,
    overrides: Sequence[str],
    out: Path,
    tell: Tell,
    run: Run | None = None,
) -> Outcome:
    """Every cell, seed by seed, and the table after each step of it, so that nothing is lost on the way.

    name  as the user called the study, for the command on its page
    run   runs one cell: its experiment, its folder, and whether it goes on with what lies there. None: jobs of all cells
          run side by side in processes here, as many as run.workers says
    What fails is told and the others go on. Raises UserError for a faulty grid before anything runs, and where the
    folder holds the cells of other settings.
    """
    grid = _sharing(cells(study, overrides), out / _PRETRAINING)
    for cell in grid:
        same_settings(cell, out / "cells" / cell.folder)
    waiting = [cell for cell in grid if _missing(cell, out, cell.experiment.seeds)]
    unfit = _unfit_cells(waiting)
    if waiting and len(unfit) == len(waiting) and len({str(fault) for fault in unfit.values()}) == 1:
        raise unfit[waiting[0].folder]  # all for one reason, such as recordings that are not there: begin nothing
    out.mkdir(parents=True, exist_ok=True)
    for cell in grid:
        make_shared_folder(cell.experiment)
    write_atomically(
        out / "study.yaml", yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    )
    command = without_private_paths(shlex.join(["fedbind", "study", name, *overrides]))
    earlier, began = _seconds(out), time.monotonic()

    def written(failed: Sequence[str]) -> list[Line]:
        write_atomically(out / _SECONDS, json.dumps({"wall": earlier + time.monotonic() - began}))
        return write(study, grid, out, command, failed)

    for cell in grid:
        if not any(_missing(cell, out, [seed]) for seed in cell.experiment.seeds):
            tell(f"{_called(cell, grid)}: finished before")
    if run is None:
        failed = _side_by_side(grid, out, tell, written, unfit)
    else:
        failed = _cell_by_cell(grid, out, tell, written, unfit, run)
    table = written(failed)
    if not any(_missing(cell, out, cell.experiment.seeds) for cell in grid):
        shutil.rmtree(out / _PRETRAINING, ignore_errors=True)
    return Outcome(out, table, failed)


def _sharing(grid: Sequence[Cell], folder: Path) -> list[Cell]:
    """The grid, with pre-training that several jobs have in common kept in `folder` for them, unless another is named.

    Of two such jobs that run at the same time, both pre-train.
    """
    keys = {
        cell.folder: [key_of(cell.experiment, m, s) for s in cell.experiment.seeds for m in cell.experiment.methods
                      if learning(METHODS[m], cell.experiment)]
        for cell in grid if cell.experiment.run.pretraining is None
    }  # fmt: skip
    wanted = Counter(key for found in keys.values() for key in found)
    return [
        Cell(
            cell.place,
            cell.experiment.model_copy(
                update={"run": cell.experiment.run.model_copy(update={"pretraining": str(folder)})}
            ),
        )
        if any(wanted[key] > 1 for key in keys.get(cell.folder, []))
        else cell
        for cell in grid
    ]


Written = Callable[[Sequence[str]], object]


def _unfit_cells(waiting: Sequence[Cell]) -> dict[str, UserError]:
    """By the folders of those cells that cannot run: what the user must mend."""
    seen: dict[str, UserError | None] = {}
    found = {cell.folder: _unfit(cell.experiment, seen) for cell in waiting}
    return {folder: fault for folder, fault in found.items() if fault is not None}


def _told_unfit(grid: Sequence[Cell], faults: Mapping[str, UserError], tell: Tell) -> dict[str, str]:
    """Tells of every cell that cannot run; by its folder, in words for the end."""
    unfit = {}
    for cell in grid:
        if cell.folder in faults:
            fault = _in_a_line(faults[cell.folder])
            unfit[cell.folder] = f"{', '.join(cell.place)}: {fault}"
            tell(f"{_called(cell, grid)} cannot run: {fault}")
    return unfit


def _side_by_side(
    grid: Sequence[Cell], out: Path, tell: Tell, written: Written, faults: Mapping[str, UserError]
) -> list[str]:
    """Jobs of all cells as processes come free; what failed, in words."""
    unfit = _told_unfit(grid, faults, tell)
    tasks = [
        Task(f"{', '.join([*cell.place, method])}, seed {seeds[-1]}", cell.experiment, out / "cells" / cell.folder,
             method, seeds[-1])
        for cell, seeds in by_seed(grid) if cell.folder not in unfit for method in cell.experiment.methods
    ]  # fmt: skip
    failed = run_tasks(tasks, grid[0].experiment.run.workers, tell, lambda: written(list(unfit.values())))
    return [*unfit.values(), *(f"{tasks[at].called}: {why}" for at, why in failed.items())]


def _unfit(experiment: Experiment, seen: dict[str, UserError | None]) -> UserError | None:
    """What of its recordings and weights the user must mend; asked once of experiments that read the same."""
    key = experiment.model_dump_json(
        include={"data", "further_data", "split", "groups", "partition", "gaps", "models", "seeds"}
    )
    if key not in seen:
        seen[key] = _refused(check_holdings, experiment)
    return _refused(check_files, experiment) or seen[key]  # strategies and traces are each cell's own


def _refused(check: Callable[[Experiment], None], experiment: Experiment) -> UserError | None:
    try:
        check(experiment)
    except UserError as error:
        return error
    return None


def _in_a_line(error: UserError) -> str:
    return f"{error.what} ({error.where})"


def _cell_by_cell(
    grid: Sequence[Cell], out: Path, tell: Tell, written: Written, faults: Mapping[str, UserError], run: Run
) -> list[str]:
    """Every cell as a run of its own, one after another; what failed, in words."""
    failed = _told_unfit(grid, faults, tell)
    for cell, seeds in by_seed(grid):
        missing = _missing(cell, out, seeds[-1:])
        if not missing or cell.folder in failed:
            continue
        folder = out / "cells" / cell.folder
        tell(f"{_called(cell, grid)}, seed {seeds[-1]}: {len(missing)} jobs to run")
        try:
            run(cell.experiment.model_copy(update={"seeds": seeds}), folder, (folder / "config.yaml").is_file())
        except UserError as error:
            failed[cell.folder] = f"{', '.join(cell.place)}: {_in_a_line(error)}"
            tell(f"  failed: {error.what}")
        finally:  # stopped by hand too
            written(list(failed.values()))
    return list(failed.values())


def by_seed(grid: Sequence[Cell]) -> Iterator[tuple[Cell, list[int]]]:
    """Every cell under its first seed, then every cell under its second, and so on; each with its seeds so far.

    A study that is stopped on the way then holds a bit of every cell, and not all of some.
    """
    for turn in range(max(len(cell.experiment.seeds) for cell in grid)):
        for cell in grid:
            if turn < len(cell.experiment.seeds):
                yield cell, cell.experiment.seeds[: turn + 1]


def _missing(cell: Cell, out: Path, seeds: Sequence[int]) -> list[str]:
    """Jobs of these seeds without a result."""
    jobs = [f"{method}-seed{seed}" for seed in seeds for method in cell.experiment.methods]
    return [job for job in jobs if not (out / "cells" / cell.folder / "jobs" / job / "result.json").is_file()]


def _called(cell: Cell, grid: Sequence[Cell]) -> str:
    return f"cell {grid.index(cell) + 1}/{len(grid)} ({', '.join(cell.place) or 'one cell'})"


def write(study: Study, grid: Sequence[Cell], out: Path, command: str, failed: Sequence[str]) -> list[Line]:
    """jobs.csv, table.csv, figure.png and index.html from the results that there are; returns the table."""
    rows: list[Row] = []
    wanted, data = 0, {}
    for cell in grid:
        for job in _jobs(cell):
            wanted += 1
            path = out / "cells" / cell.folder / "jobs" / job / "result.json"
            if path.is_file():
                result = json.loads(path.read_text())
                rows.append(row_of(cell.place, result))
                data[result["data"]["name"]] = result["data"]["simulated"]
    methods = list(dict.fromkeys(method for cell in grid for method in cell.experiment.methods))
    table = lines(study, rows, methods)
    kinds = ", ".join(
        f"{n} ({'simulated' if simulated else 'real recordings'})" for n, simulated in sorted(data.items())
    )
    seeds = sorted({row.seed for row in rows})
    hours = _seconds(out) / 3600
    note = f"Data: {kinds or 'none yet'}. Seeds: {', '.join(map(str, seeds)) or 'none yet'}. {hours:.2f} hours of wall time."
    status = "Finished." if len(rows) == wanted else f"{len(rows)} of {wanted} jobs so far."
    drawn = curves(study, rows, methods, note) if study.picture == "curves" else None
    png = drawn or (picture(study, table, note) if table and study.picture != "curves" else None)
    write_atomically(out / "jobs.csv", jobs_csv(study, rows))
    write_atomically(out / "table.csv", table_csv(study, table))
    if png:
        write_atomically(out / "figure.png", png)
    write_atomically(out / "index.html", page(study, table, png, status, note, command, failed))
    return table


def _jobs(cell: Cell) -> list[str]:
    return [f"{method}-seed{seed}" for seed in cell.experiment.seeds for method in cell.experiment.methods]


def same_settings(cell: Cell, folder: Path) -> None:
    """Raises UserError where the folder holds a run of the same cell under other settings."""
    if (folder / "config.yaml").is_file() and (differ := differing(folder, cell.experiment)):
        raise UserError(
            f"an earlier run of this cell has other settings: {', '.join(differ)}",
            where=str(folder),
            todo="give the same overrides again, or another --out",
        )


def _seconds(out: Path) -> float:
    """Wall time over all the times the study was started."""
    path = out / _SECONDS
    return sum(json.loads(path.read_text()).values()) if path.is_file() else 0.0
