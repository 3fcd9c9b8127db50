"""One table and picture of a study that ran in pieces: other seeds, splits or methods on other machines.

    python -m benchmarks.join_study STUDY OUT PIECE...

STUDY is a study file or the name of a shipped one, PIECE a jobs.csv that it wrote. OUT gets jobs.csv, table.csv and
figure.png of all of them. A job that stands in two pieces must have the same figures in both, but for its costs.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from configs.errors import UserError
from configs.study import Study, cells, grids, load_study
from server.tracking import write_atomically
from simulation.study.picture import picture
from simulation.study.table import Row, jobs_csv, lines, table_csv

TIMED = ("cpu_seconds", "cpu_seconds_before")  # of the machine, not of the job
OF = " of "  # between a figure and the subset of modalities it is of


def rows_of(study: Study, file: Path) -> list[Row]:
    """The jobs of a jobs.csv; UserError where it is one of another study's axes."""
    axes = [axis.name for axis in study.axes]
    with file.open(newline="") as lines:
        told = csv.DictReader(lines)
        names = list(told.fieldnames or ())
        if names[: len(axes) + 2] != [*axes, "method", "seed"]:
            raise UserError("jobs of another study", where=str(file), expected=", ".join([*axes, "method", "seed"]))
        figures = names[len(axes) + 2 :]
        return [
            Row(
                tuple(line[axis] for axis in axes), line["method"], int(line["seed"]),
                {name: number(line[name]) for name in figures if OF not in name},
                by_subset({name: number(line[name]) for name in figures if OF in name}),
            )
            for line in told
        ]  # fmt: skip


def by_subset(figures: Mapping[str, float | None]) -> dict[str, dict[str, float | None]]:
    """Subset -> figure by name, of columns such as `accuracy of gyroscope + skeleton`."""
    found: dict[str, dict[str, float | None]] = {}
    for name, value in figures.items():
        figure, _, subset = name.partition(OF)
        found.setdefault(subset.replace(" + ", "+"), {})[figure] = value
    return found


def number(told: str) -> float | None:
    """What a cell of the file says; whole numbers stay whole."""
    if not told:
        return None
    return int(told) if told.lstrip("-").isdigit() else float(told)


def joined(study: Study, pieces: Iterable[Sequence[Row]]) -> list[Row]:
    """Each job once, in the study's order; UserError for one that is none of the study's, or of which two pieces disagree."""
    grid = cells(study)
    places, methods = [cell.place for cell in grid], grid[0].experiment.methods
    found: dict[tuple[int, int, int], Row] = {}
    for row in (row for piece in pieces for row in piece):
        called = f"{', '.join((*row.place, row.method))}, seed {row.seed}"
        if row.place not in places or row.method not in methods:
            raise UserError("a job of another study", where=called, expected=f"a job of {study.name}")
        before = found.setdefault((places.index(row.place), methods.index(row.method), row.seed), row)
        differ = [
            name for name, value in row.figures.items() if name not in TIMED and value != before.figures.get(name)
        ]
        differ += [] if row.by_subset == before.by_subset else ["figures of subsets"]
        if differ:
            raise UserError("two pieces disagree", where=called, expected=f"the same {', '.join(differ)}")
    return [found[key] for key in sorted(found)]


def main(name: str, out: Path, pieces: Sequence[Path]) -> None:
    study = load_study(name)
    if not isinstance(study, Study):
        raise UserError("no grid of methods", where=name, expected=f"one of {', '.join(grids())}")
    if study.picture == "curves":
        raise UserError("a study of curves, which stand in no jobs.csv", where=name, todo="run it in one folder")
    rows = joined(study, [rows_of(study, piece) for piece in pieces])
    table = lines(study, rows, cells(study)[0].experiment.methods)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "jobs.csv", jobs_csv(study, rows))
    write_atomically(out / "table.csv", table_csv(study, table))
    seeds = ", ".join(str(seed) for seed in sorted({row.seed for row in rows}))
    write_atomically(out / "figure.png", picture(study, table, f"{len(rows)} jobs, seeds {seeds}."))


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]), [Path(piece) for piece in sys.argv[3:]])
    except UserError as error:
        sys.exit(f"error: {error}")
