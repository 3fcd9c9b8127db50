"""A comparison's figures as CSV and as the one JSON object that machines read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulation.compare.figures import PERSONAL, Line, Row
from simulation.compare.ranking import Ranking
from simulation.compare.tune import Tuned
from simulation.csv_text import as_csv

EVERYWHERE = "all"
_FIGURES = (
    "worst_decile", "node_std", "rounds_to_target", "bytes_to_target", "seconds_to_target", "bytes", "cpu_seconds",
    "simulated_seconds", *PERSONAL,
)  # fmt: skip


def table_csv(settings: Sequence[str], lines: Sequence[Line]) -> str:
    """One line a strategy and setting; fractions from 0 to 1, bytes, seconds."""
    return as_csv(
        ["strategy", *settings, "accuracy", "std", "jobs", *_FIGURES],
        ([each.strategy, *_place(each, settings), each.accuracy["mean"], each.accuracy["std"], each.jobs,
          *(getattr(each, name) for name in _FIGURES)] for each in lines),
    )  # fmt: skip


def jobs_csv(settings: Sequence[str], rows: Sequence[Row]) -> str:
    """Every finished job."""
    names = ("accuracy", "worst_decile", "node_std", "bytes", "cpu_seconds", "simulated_seconds", *PERSONAL)
    return as_csv(
        ["strategy", *settings, "seed", *names],
        ([row.strategy, *row.place, row.seed, *(getattr(row, name) for name in names)] for row in rows),
    )


def curves_csv(settings: Sequence[str], rows: Sequence[Row]) -> str:
    """Accuracy between rounds, one line a job and measured round."""
    return as_csv(
        ["strategy", *settings, "seed", "round", "accuracy", "bytes", "simulated_seconds"],
        ([row.strategy, *row.place, row.seed, round, *told] for row in rows for round, told in row.curve.items()),
    )


def ranking_csv(ranking: Ranking) -> str:
    """The strategies, the best first."""
    names = ("strategy", "mean", "rank", "difference", "low", "high")
    return as_csv(names, ([getattr(each, name) for name in names] for each in ranking.order))


def as_json(lines: Sequence[Line], ranking: Ranking, tuned: Sequence[Tuned]) -> dict[str, Any]:
    """{"strategies": {name: {"accuracy", "worst_decile", "rounds_to_target", "bytes_to_target", …}}, "ranking": […]}.

    A strategy's figures are over all settings; where there are several, `settings` has those of each.
    """
    whole = {line.strategy: line for line in lines if line.place is None} or {line.strategy: line for line in lines}
    several = any(line.place is None for line in lines)
    told = {}
    for name, line in whole.items():
        own = [each for each in lines if each.strategy == name and each.place is not None]
        of = [each for each in tuned if each.strategy == name]
        told[name] = {
            **_told(line),
            **({"settings": {", ".join(each.place or ()): _told(each) for each in own}} if several else {}),
            "tuning": {"cpu_seconds": sum(each.cpu_seconds for each in of), "tries": sum(len(each.tries) for each in of),
                       "taken": [each.overrides for each in of]},
        }  # fmt: skip
    order = [
        {
            "strategy": e.strategy,
            "mean": e.mean,
            "rank": e.rank,
            "difference": e.difference,
            "low": e.low,
            "high": e.high,
        }
        for e in ranking.order
    ]
    more = {"blocks": ranking.blocks, "critical_difference": ranking.critical, "friedman_p": ranking.p}
    return {"strategies": told, "ranking": order, "ranks": more}


def _told(line: Line) -> dict[str, Any]:
    return {"accuracy": dict(line.accuracy), **{name: getattr(line, name) for name in _FIGURES}}


def _place(line: Line, settings: Sequence[str]) -> list[str]:
    return [EVERYWHERE] * len(settings) if line.place is None else list(line.place)
