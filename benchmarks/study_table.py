"""The tables under docs/results: a study's jobs as Markdown, from the jobs.csv that it wrote.

python benchmarks/study_table.py FOLDER [FIGURE [OF]]
python benchmarks/study_table.py FOLDER each FIGURE...
python benchmarks/study_table.py FOLDER less OTHER [FIGURE [OF]]      # either may be FOLDER::VALUE, the jobs at a value of an axis

FIGURE  a column of jobs.csv: accuracy (the default), accuracy_fine_tuned, macro_f1, …
OF      the column of fedbind's own figure in the differences, or of the other study's, where it is another one

The first form has a row for each method and a column for each place on the study's axis (a split, a number of labels): mean
± standard deviation over seeds in per cent, number of jobs in brackets; then the mean of the places' means, and fedbind less
each method, paired by place and seed, with a 95 % bootstrap interval over places and seeds. The second has a row for each
place and method, and a column for each figure: shares in per cent, seconds as they are. The third tells in a line fedbind's figure
of one study less that of the same jobs of another, with the same interval.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simulation.study.table import bootstrap

OURS = "fedbind"
WHOLE = ("cpu_seconds", "bytes_up", "bytes_down", "alignment", "uniformity", "labels_used")  # no shares
Jobs = dict[tuple[str, str, str], dict[str, str]]  # (place, method, seed) -> the job's line


def jobs_of(folder: Path, value: str = "") -> Jobs:
    """The lines of a study's jobs.csv; the columns before the method's say where on the axes a job lies.

    value  only jobs that have it on an axis, which their places then lack
    """
    with (folder / "jobs.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    axes = list(lines[0])[: list(lines[0]).index("method")] if lines else []
    found = {}
    for line in lines:
        place = [line[axis] for axis in axes]
        if value and value not in place:
            continue
        if value:
            place.remove(value)
        found[", ".join(place), line["method"], line["seed"]] = line
    return found


def asked_for(word: str) -> Jobs:
    """The jobs of FOLDER or FOLDER::VALUE; ends the command where there are none."""
    folder, _, value = word.partition("::")
    try:
        jobs = jobs_of(Path(folder), value)
    except OSError as error:
        sys.exit(f"{folder}/jobs.csv: {error.strerror}")
    return jobs or sys.exit(f"no job in {word}")


def each_place(jobs: Jobs, figures: Sequence[str]) -> list[str]:
    """One Markdown row a place and method."""
    lines = [f"| | method | {' | '.join(figures)} |", "|" + " --- |" * (len(figures) + 2)]
    for place, method in dict.fromkeys((place, method) for place, method, _ in jobs):
        told = []
        for figure in figures:
            values = _values(jobs, place, method, figure)
            told.append(_spread([value / 100 for value in values] if figure in WHOLE else values))
        lines.append(f"| {place} | `{method}` | {' | '.join(told)} |")
    return lines


def rows(jobs: Jobs, figure: str = "accuracy", of: str | None = None) -> list[str]:
    """One Markdown row a method."""
    splits, methods = (list(dict.fromkeys(key[at] for key in jobs)) for at in (0, 1))
    lines = [
        f"| method | {' | '.join(splits)} | mean | fedbind less this (95 % interval) | CPU-s a job |",
        "|" + " --- |" * (len(splits) + 4),
    ]
    for method in methods:
        each = [_values(jobs, split, method, figure) for split in splits]
        means = [np.mean(values) for values in each if values]
        told = " | ".join(_spread(values) for values in each)
        cpu = np.mean([float(line["cpu_seconds"]) for (_, m, _), line in jobs.items() if m == method])
        lines.append(
            f"| `{method}` | {told} | {np.mean(means):.1f} | {_difference(jobs, method, figure, of or figure)} | {cpu:.0f} |"
        )
    return lines


def less(jobs: Jobs, others: Jobs, figure: str = "accuracy", of: str | None = None) -> str:
    """fedbind's share here less that of another study's job of the same place and seed, in points, with the interval."""
    theirs = of or figure
    ours = {key: 100 * float(line[figure]) for key, line in jobs.items() if key[1] == OURS and line[figure]}
    paired = [
        ((place,), value - 100 * float(others[place, method, seed][theirs]))
        for (place, method, seed), value in ours.items()
        if others.get((place, method, seed), {}).get(theirs)
    ]
    return f"{_told(paired)}, {len(paired)} pairs" if paired else "no job stands in both"


def _values(jobs: Jobs, split: str, method: str, figure: str) -> list[float]:
    return [100 * float(line[figure]) for (s, m, _), line in jobs.items() if (s, m) == (split, method) and line[figure]]


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return (
        f"{np.mean(values):.1f}" + (f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else "") + f" ({len(values)})"
    )


def _difference(jobs: Jobs, method: str, figure: str, of: str) -> str:
    paired = [
        ((split,), 100 * (float(jobs[split, OURS, seed][of]) - float(line[figure])))
        for (split, m, seed), line in jobs.items()
        if m == method and line[figure] and jobs.get((split, OURS, seed), {}).get(of)
    ]
    if not paired or (method == OURS and figure == of):
        return ""
    return _told(paired)


def _told(paired: Sequence[tuple[tuple[str, ...], float]]) -> str:
    """The mean of paired differences, each with its place, and its interval."""
    mean, low, high = bootstrap(paired)
    return f"{mean:+.1f}" + ("" if low is None else f" ({low:+.1f} to {high:+.1f})")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[2:] == ["less"]:
        sys.exit(__doc__)
    found, told = asked_for(sys.argv[1]), sys.argv[2:]
    figures = {"less": told[2:], "each": told[1:]}.get("".join(told[:1]), told[:2])
    if strange := [figure for figure in figures if figure not in next(iter(found.values()))]:
        sys.exit(f"no figure {strange[0]}; there are {', '.join(next(iter(found.values())))}")
    if told[:1] == ["less"]:
        print(less(found, asked_for(told[1]), *figures))
        sys.exit()
    print("\n".join(each_place(found, figures) if told[:1] == ["each"] else rows(found, *figures)))
