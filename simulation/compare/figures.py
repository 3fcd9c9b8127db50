"""A comparison's figures: one row a job, then a line a strategy and setting, and when each came near the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from server.report.summary import spread

Place = tuple[str, ...]
PERSONAL = tuple(
    which + of for which in ("personal", "shared") for of in ("", "_worst_decile", "_node_std")
)  # of `Row` and `Line`


@dataclass(frozen=True)
class Row:
    """One finished job. `place` are its settings beside the strategy.

    by_node  accuracy by test node
    curve    round of the contrast -> (accuracy between rounds, bytes sent so far, simulated seconds so far or None)
    """

    strategy: str
    place: Place
    seed: int
    accuracy: float
    worst_decile: float | None = None
    node_std: float | None = None
    bytes: int = 0
    cpu_seconds: float = 0.0
    simulated_seconds: float | None = None
    curve: Mapping[int, tuple[float, int, float | None]] = field(default_factory=dict)
    # What personal or clusters' models get right on fine-tuning nodes, where there are some, and the shared one there: the
    # mean over nodes, their worst tenth and their spread.
    personal: float | None = None
    personal_worst_decile: float | None = None
    personal_node_std: float | None = None
    shared: float | None = None
    shared_worst_decile: float | None = None
    shared_node_std: float | None = None


@dataclass(frozen=True)
class Line:
    """A strategy at one place, or over all of them (`place` None): accuracies as `spread`, the rest as means.

    The three `…_to_target` are None where the target was not reached, or nothing was measured between rounds; over
    several places they are means, and None where one of these has none.
    """

    strategy: str
    place: Place | None
    accuracy: Mapping[str, Any]
    worst_decile: float | None
    node_std: float | None
    rounds_to_target: float | None
    bytes_to_target: float | None
    seconds_to_target: float | None
    bytes: float
    cpu_seconds: float
    simulated_seconds: float | None
    personal: float | None
    personal_worst_decile: float | None
    personal_node_std: float | None
    shared: float | None
    shared_worst_decile: float | None
    shared_node_std: float | None
    jobs: int


def row_of(place: Place, result: Mapping[str, Any]) -> Row:
    """A job's result.json; the first of its place is the strategy."""
    nodes, curve = result.get("by_node") or {}, result.get("round_curve") or {}
    simulated = result.get("simulated_seconds")
    personal = result.get("personal") or {}
    times = curve.get("simulated_seconds") or [None] * len(curve.get("round", ()))
    told = zip(curve.get("round", ()), curve.get("accuracy", ()), curve.get("bytes", ()), times, strict=True)
    return Row(
        place[0], place[1:], result["seed"], result["accuracy"], nodes.get("worst_decile"), nodes.get("std"),
        result["bytes"]["up"] + result["bytes"]["down"], result["cpu_seconds"],
        None if simulated is None else simulated["total"],
        {round: (accuracy, sent, seconds) for round, accuracy, sent, seconds in told if accuracy is not None},
        *((personal.get(which) or {}).get(key) for which in ("own", "shared") for key in ("mean", "worst_decile", "std")),
    )  # fmt: skip


def mean_curve(rows: Sequence[Row]) -> dict[int, tuple[float, float, float | None]]:
    """Round -> mean accuracy, bytes and simulated seconds, at the rounds that all these jobs have."""
    drawn = [row.curve for row in rows if row.curve]
    shared = sorted(set.intersection(*(set(curve) for curve in drawn))) if drawn else []
    return {
        round: (
            fmean(curve[round][0] for curve in drawn),
            fmean(curve[round][1] for curve in drawn),
            _mean([curve[round][2] for curve in drawn]),
        )
        for round in shared
    }


def target_of(rows: Sequence[Row], share: float) -> float | None:
    """`share` of the best strategy's mean accuracy at its last measured round, of rows of one place; None without any."""
    last = [curve[max(curve)][0] for of in by_strategy(rows).values() if (curve := mean_curve(of))]
    return share * max(last) if last else None


def reached(rows: Sequence[Row], target: float | None) -> tuple[int, float, float | None] | None:
    """The first measured round at which a strategy's mean accuracy is at the target; its bytes and simulated seconds."""
    for round, (accuracy, sent, seconds) in mean_curve(rows).items():
        if target is not None and accuracy >= target:
            return round, sent, seconds
    return None


def lines(rows: Sequence[Row], strategies: Sequence[str], share: float) -> list[Line]:
    """For each place each strategy; where there are several places, each strategy over all of them at last."""
    places = list(dict.fromkeys(row.place for row in rows))
    found = []
    for place in places:
        here = [row for row in rows if row.place == place]
        target = target_of(here, share)
        for strategy, of in by_strategy(here, strategies).items():
            found.append(_line(strategy, place, of, reached(of, target)))
    if len(places) < 2:
        return found
    return [*found, *(_over_all(strategy, of, found) for strategy, of in by_strategy(rows, strategies).items())]


def by_strategy(rows: Sequence[Row], strategies: Sequence[str] | None = None) -> dict[str, list[Row]]:
    """The rows of each strategy that has any, in the order given."""
    order = strategies if strategies is not None else list(dict.fromkeys(row.strategy for row in rows))
    found = {name: [row for row in rows if row.strategy == name] for name in order}
    return {name: of for name, of in found.items() if of}


def _line(strategy: str, place: Place | None, rows: Sequence[Row], at: tuple | None) -> Line:
    seeds = sorted({row.seed for row in rows})
    per_seed = [fmean(row.accuracy for row in rows if row.seed == seed) for seed in seeds]
    rounds, sent, seconds = at or (None, None, None)

    def mean(name: str) -> float | None:
        return _mean([getattr(row, name) for row in rows])

    return Line(
        strategy=strategy, place=place, accuracy=spread(per_seed) or {}, worst_decile=mean("worst_decile"),
        node_std=mean("node_std"), rounds_to_target=rounds, bytes_to_target=sent, seconds_to_target=seconds,
        bytes=fmean(row.bytes for row in rows), cpu_seconds=fmean(row.cpu_seconds for row in rows),
        simulated_seconds=mean("simulated_seconds"), jobs=len(rows), **{name: mean(name) for name in PERSONAL},
    )  # fmt: skip


def _over_all(strategy: str, rows: Sequence[Row], found: Sequence[Line]) -> Line:
    own = [line for line in found if line.strategy == strategy]
    at = tuple(_mean([getattr(line, name) for line in own])
               for name in ("rounds_to_target", "bytes_to_target", "seconds_to_target"))  # fmt: skip
    return _line(strategy, None, rows, at)


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean; None where one is missing."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
