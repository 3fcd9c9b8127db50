"""A study's figures: one row a job, then means over seeds and splits, and paired differences with their intervals."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from configs.study import BY_SUBSET, MEASURES, Study
from simulation.csv_text import as_csv

_DRAWS = 10_000
LEAST_PAIRED = 5
_AFTER = (
    "measure",
    "probe",
    "fine-tune",
    "self-train",
    "evaluate",
)  # alike for every method; what measuring costs is no cost of a method
COSTS = {
    "cpu_seconds": "CPU, s",
    "cpu_seconds_before": "CPU before fine-tuning, s",
    "bytes_up_before": "sent by nodes before it, MB",
    "bytes_down_before": "sent to nodes before it, MB",
}


@dataclass(frozen=True)
class Row:
    """One finished job: its place on the axes, method, seed, and figures by name (None where there is none).

    by_subset  subset of the test modalities -> figure by name
    curve      fine-tuning epoch -> test accuracy
    """

    place: tuple[str, ...]
    method: str
    seed: int
    figures: Mapping[str, float | None]
    by_subset: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    curve: Mapping[int, float] = field(default_factory=dict)

    def figure(self, measure: str, subset: str | None) -> float | None:
        """The measure, of all fine-tuned modalities or of one subset."""
        return self.figures[measure] if subset is None else self.by_subset.get(subset, {}).get(measure)


@dataclass(frozen=True)
class Line:
    """One line of the table: mean, standard deviation and number of jobs; and `study.of` less this method, paired.

    mean        each place on the axes that are taken over counts once, however many seeds it has
    std         over all jobs
    costs       means, by `COSTS`
    difference  None for `study.of` itself and where no job is paired
    low, high   None there, and where too few jobs are paired for an interval
    """

    place: tuple[str, ...]
    method: str
    mean: float
    std: float
    count: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    costs: Mapping[str, float | None] = field(default_factory=dict)


def row_of(place: tuple[str, ...], result: Mapping[str, Any]) -> Row:
    """A job's result.json as a row."""
    told = {**(result.get("embeddings") or {}), **result}
    figures = {name: told.get(name) for name in MEASURES}
    figures |= {"cpu_seconds": result.get("cpu_seconds"), "labels_used": result.get("labels_used")}
    figures |= {f"bytes_{way}": result["bytes"][way] for way in ("up", "down")}
    phases = (result.get("seconds") or {}).get("cpu_by_phase") or {}
    before = [seconds for phase, seconds in phases.items() if phase not in _AFTER]
    figures["cpu_seconds_before"] = sum(before) if before else None
    travelled = [part for phase, part in (result["bytes"].get("by_phase") or {}).items() if phase not in _AFTER]
    figures |= {f"bytes_{way}_before": sum(part[way] for part in travelled) for way in ("up", "down")}
    drawn = result.get("curve") or {}
    tested = zip(drawn.get("epoch") or (), drawn.get("test_accuracy") or (), strict=False)
    curve = {epoch: accuracy for epoch, accuracy in tested if accuracy is not None}
    return Row(place, result["method"], result["seed"], figures, result.get("by_subset") or {}, curve)


def lines(study: Study, rows: Sequence[Row], methods: Sequence[str]) -> list[Line]:
    """The table: for each combination on the axes that have columns, each method in the order given.

    In a study of subsets there is a line for each subset there, those of fewest modalities first.
    """
    found = []
    for place, of_place in by_place(study, rows).items():
        for subset in subsets_of(of_place) if study.subsets else [None]:
            told = place if subset is None else (*place, subset_title(subset))
            found += _lines_of(study, of_place, methods, told, subset)
    return found


def by_place(study: Study, rows: Sequence[Row]) -> dict[tuple[str, ...], list[Row]]:
    """The rows at each combination on the axes that have columns; one may count at several (`Axis.rows_of`)."""
    shown = [at for at, axis in enumerate(study.axes) if axis.shown]
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        for place in itertools.product(*(study.axes[at].rows_of(row.place[at]) for at in shown)):
            found.setdefault(place, []).append(row)
    return found


def subsets_of(rows: Sequence[Row]) -> list[str]:
    """Subsets of the test modalities, those of fewest modalities first."""
    return sorted(dict.fromkeys(subset for row in rows for subset in row.by_subset), key=lambda name: name.count("+"))


def subset_title(subset: str) -> str:
    """A subset as it is read: its modalities apart."""
    return subset.replace("+", " + ")


def _lines_of(
    study: Study, rows: Sequence[Row], methods: Sequence[str], told: tuple[str, ...], subset: str | None
) -> list[Line]:
    """One place's lines, `told` as the given words; a method without the figure has none."""
    by_method = {
        method: {(row.place, row.seed): row.figure(study.measure, subset) for row in rows if row.method == method}
        for method in methods
    }
    found = []
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
        difference, low, high = bootstrap(paired) if paired else (None, None, None)
        costs = _costs([row for row in rows if row.method == method]) if study.costs else {}
        mean = _mean_of_places([(where, value) for (where, _), value in known.items()])
        found.append(Line(told, method, mean, spread, len(numbers), difference, low, high, costs))
    return found


def _costs(rows: Sequence[Row]) -> dict[str, float | None]:
    """Means over the rows by `COSTS`; bytes as millions of them."""
    found: dict[str, float | None] = {}
    for name in COSTS:
        known = [value for row in rows if (value := row.figures.get(name)) is not None]
        found[name] = float(np.mean(known)) / (1e6 if name.startswith("bytes") else 1.0) if known else None
    return found


def _mean_of_places(values: Sequence[tuple[tuple[str, ...], float]]) -> float:
    """The mean of the places' means."""
    return float(np.mean([group.mean() for group in _grouped(values)]))


def _grouped(values: Sequence[tuple[tuple[str, ...], float]]) -> list[np.ndarray]:
    groups: dict[tuple[str, ...], list[float]] = {}
    for where, value in values:
        groups.setdefault(where, []).append(value)
    return [np.array(group) for group in groups.values()]


def bootstrap(
    paired: Sequence[tuple[tuple[str, ...], float]], draws: int = _DRAWS
) -> tuple[float, float | None, float | None]:
    """Mean of paired differences and its 95 % percentile interval, resampled over splits and over seeds within them.

    paired  (where: the place on the axes that are taken over, difference of one seed there); each place counts once
    The draws are always the same. Of fewer than LEAST_PAIRED differences no interval is told: resampling a few values
    gives one that is far too narrow.
    """
    if len(paired) < LEAST_PAIRED:
        return _mean_of_places(paired), None, None
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
    """Every job, one line each; in a study of subsets with a column for each of a subset's figures."""
    names = list(rows[0].figures) if rows else list(MEASURES)
    subsets = [(figure, subset) for subset in subsets_of(rows) for figure in BY_SUBSET] if study.subsets else []
    head = [
        *(axis.name for axis in study.axes),
        "method",
        "seed",
        *names,
        *(f"{f} of {subset_title(s)}" for f, s in subsets),
    ]
    return as_csv(
        head,
        (
            [
                *row.place,
                row.method,
                row.seed,
                *(row.figures[n] for n in names),
                *(row.figure(*each) for each in subsets),
            ]
            for row in rows
        ),
    )


def table_csv(study: Study, table: Sequence[Line]) -> str:
    """The table, one line each; fractions from 0 to 1."""
    costs = list(COSTS) if study.costs else []
    head = [*study.columns, "method", study.measure, "std", "jobs", f"{study.of} less this", "low", "high"]
    return as_csv(
        [*head, *(COSTS[name] for name in costs)],
        (
            [*t.place, t.method, t.mean, t.std, t.count, t.difference, t.low, t.high, *(t.costs.get(n) for n in costs)]
            for t in table
        ),
    )
