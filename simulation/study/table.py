"""A study's figures: one row a job, then means over seeds and splits, and paired differences with their intervals."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from configs.study import MEASURES, Study

_DRAWS = 10_000


@dataclass(frozen=True)
class Row:
    """One finished job: its place on the axes, method, seed, and figures by name (None where there is none)."""

    place: tuple[str, ...]
    method: str
    seed: int
    figures: Mapping[str, float | None]


@dataclass(frozen=True)
class Line:
    """One line of the table: mean, standard deviation and number of jobs; and `study.of` less this method, paired.

    mean        each place on the axes that are taken over counts once, however many seeds it has
    std         over all jobs
    difference, low, high are None for `study.of` itself and where no job is paired.
    """

    place: tuple[str, ...]
    method: str
    mean: float
    std: float
    count: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None


def row_of(place: tuple[str, ...], result: Mapping[str, Any]) -> Row:
    """A job's result.json as a row."""
    told = {**(result.get("embeddings") or {}), **result}
    figures = {name: told.get(name) for name in MEASURES}
    figures |= {"cpu_seconds": result.get("cpu_seconds"), "labels_used": result.get("labels_used")}
    figures |= {f"bytes_{way}": result["bytes"][way] for way in ("up", "down")}
    return Row(place, result["method"], result["seed"], figures)


def lines(study: Study, rows: Sequence[Row], methods: Sequence[str]) -> list[Line]:
    """The table: for each combination on the axes that are not taken over, each method in the order given."""
    shown = [at for at, axis in enumerate(study.axes) if axis.shown]
    found = []
    by_place: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        for place in itertools.product(*(study.axes[at].rows_of(row.place[at]) for at in shown)):
            by_place.setdefault(place, []).append(row)
    for place, of_place in by_place.items():
        by_method = {
            method: {(row.place, row.seed): row.figures[study.measure] for row in of_place if row.method == method}
            for method in methods
        }
        for method, values in by_method.items():
            known = {key: value for key, value in values.items() if value is not None}
            if not known:
                continue
            numbers = np.array(list(known.values()))
            spread = float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0
            paired = [
                (where, ours - known[where, seed])
                for (where, seed), ours in by_method.get(study.of, {}).items()
                if ours is not None and (where, seed) in known and method != study.of
            ]
            interval = bootstrap(paired) if paired else (None, None, None)
            mean = _mean_of_places([(where, value) for (where, _), value in known.items()])
            found.append(Line(place, method, mean, spread, len(numbers), *interval))
    return found


def _mean_of_places(values: Sequence[tuple[tuple[str, ...], float]]) -> float:
    """The mean of the places' means."""
    return float(np.mean([group.mean() for group in _grouped(values)]))


def _grouped(values: Sequence[tuple[tuple[str, ...], float]]) -> list[np.ndarray]:
    groups: dict[tuple[str, ...], list[float]] = {}
    for where, value in values:
        groups.setdefault(where, []).append(value)
    return [np.array(group) for group in groups.values()]


def bootstrap(paired: Sequence[tuple[tuple[str, ...], float]], draws: int = _DRAWS) -> tuple[float, float, float]:
    """Mean of paired differences and its 95 % percentile interval, resampled over splits and over seeds within them.

    paired  (where: the place on the axes that are taken over, difference of one seed there); each place counts once
    The draws are always the same. One difference alone has no interval: it is its own bounds.
    """
    values = _grouped(paired)
    generator = np.random.default_rng(0)
    means = np.empty(draws)
    for draw in range(draws):
        chosen = generator.integers(0, len(values), len(values))
        picked = [values[at][generator.integers(0, len(values[at]), len(values[at]))] for at in chosen]
        means[draw] = np.mean([group.mean() for group in picked])
    low, high = np.percentile(means, [2.5, 97.5])
    return _mean_of_places(paired), float(low), float(high)


def jobs_csv(study: Study, rows: Sequence[Row]) -> str:
    """Every job, one line each."""
    names = list(rows[0].figures) if rows else list(MEASURES)
    head = [*(axis.name for axis in study.axes), "method", "seed", *names]
    return _csv(head, ([*row.place, row.method, row.seed, *(row.figures[n] for n in names)] for row in rows))


def table_csv(study: Study, table: Sequence[Line]) -> str:
    """The table, one line each; fractions from 0 to 1."""
    shown = [axis.name for axis in study.axes if axis.shown]
    head = [*shown, "method", study.measure, "std", "jobs", f"{study.of} less this", "low", "high"]
    return _csv(head, ([*t.place, t.method, t.mean, t.std, t.count, t.difference, t.low, t.high] for t in table))


def _csv(head: Sequence[str], body: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([["" if cell is None else cell for cell in row] for row in body])
    return text.getvalue()
