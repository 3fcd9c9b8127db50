"""The tables of docs/results/methods.md: a study's methods over splits of people, from the jobs.csv that it wrote.

python benchmarks/study_table.py FOLDER [FIGURE [OF]]

FIGURE  a column of jobs.csv: accuracy (the default), accuracy_fine_tuned, macro_f1, …
OF      the column of fedbind's own figure in the differences, where it is another one

Prints Markdown: per split mean ± standard deviation over seeds in per cent (number of jobs in brackets), the mean of the
splits' means, and fedbind less each method, paired by split and seed, with a 95 % bootstrap interval over splits and seeds.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simulation.study.table import bootstrap

OURS = "fedbind"
Jobs = dict[tuple[str, str, str], dict[str, str]]  # (split, method, seed) -> the job's line


def jobs_of(folder: Path) -> Jobs:
    """The lines of a study's jobs.csv."""
    with (folder / "jobs.csv").open(newline="") as file:
        return {(line["split"], line["method"], line["seed"]): line for line in csv.DictReader(file)}


def rows(jobs: Jobs, figure: str = "accuracy", of: str | None = None) -> list[str]:
    """One Markdown row a method."""
    splits, methods = (list(dict.fromkeys(key[at] for key in jobs)) for at in (0, 1))
    lines = [
        f"| method | {' | '.join(splits)} | mean of splits | fedbind less this (95 % interval) | CPU-s a job |",
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
    mean, low, high = bootstrap(paired)
    return f"{mean:+.1f}" + ("" if low is None else f" ({low:+.1f} to {high:+.1f})")


if __name__ == "__main__":
    print("\n".join(rows(jobs_of(Path(sys.argv[1])), *sys.argv[2:4])))
