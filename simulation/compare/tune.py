"""An equal search of rates for every strategy, judged by what folds of the fine-tuning people say, never by test people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from configs.comparison import Plan, tries_of
from configs.load import load
from configs.schema import Experiment
from configs.study import Cell, Study
from simulation.side_by_side import Task, Tell, run_tasks
from simulation.study.run import same_settings
from strategies.registry import rule_of

_SERVER_RATES = ("server_rate", "eta")
# What a search needs nothing of; with folds, since these judge.
_CHEAP = ("evaluation.curve=false", "evaluation.curve_every=0", "evaluation.audit_pairs=false",
          "evaluation.embeddings=false", "evaluation.every=0", "evaluation.personal=false")  # fmt: skip


@dataclass(frozen=True)
class Try:
    """One setting of the rates: its overrides, and what the folds got right (None where the job failed)."""

    overrides: list[str]
    validation: float | None
    cpu_seconds: float


@dataclass(frozen=True)
class Tuned:
    """A strategy's search at one combination of the other settings: its tries and which was taken."""

    strategy: str
    place: tuple[str, ...]
    tries: list[Try]
    taken: int

    @property
    def overrides(self) -> list[str]:
        """The rates that were taken; none for the defaults."""
        return self.tries[self.taken].overrides

    @property
    def cpu_seconds(self) -> float:
        """What the whole search cost."""
        return sum(each.cpu_seconds for each in self.tries)


def server_rate_of(experiment: Experiment) -> tuple[str, float] | None:
    """The parameter that is the strategy's own rate, and its value; None where it has none. Raises UserError."""
    rule = rule_of(experiment.strategy.name, experiment.strategy.parameters)
    known: list[str] = [each.name for each in fields(rule)] if is_dataclass(rule) else []
    return next(((name, float(getattr(rule, name))) for name in _SERVER_RATES if name in known), None)


def searches(
    study: Study, grid: Sequence[Cell], plan: Plan
) -> dict[tuple[str, ...], list[tuple[list[str], Experiment]]]:
    """By the grid's places, those where rates are searched, the tries: overrides, and the experiment of one job.

    Once for each strategy, at the first of each other axis' settings, unless the plan says at every place.
    """
    first = tuple(axis.values[0].name for axis in study.axes[1:])
    wanted = [cell for cell in grid if plan.tune_each or cell.place[1:] == first]
    return {cell.place: _tries(study, cell, plan) for cell in wanted}


def _tries(study: Study, cell: Cell, plan: Plan) -> list[tuple[list[str], Experiment]]:
    experiment = cell.experiment
    seed = experiment.seeds[0] if plan.tune_seed is None else plan.tune_seed
    own = [f"seeds=[{seed}]", *_CHEAP, f"evaluation.folds={max(experiment.evaluation.folds, 2)}"]
    found = []
    for rates in tries_of(experiment.contrast.rate, server_rate_of(experiment), plan.tries):
        found.append((rates, load(study.base, [*overrides_at(study, cell.place), *own, *rates])))
    return found


def overrides_at(study: Study, place: tuple[str, ...]) -> list[str]:
    """What a cell of the grid is made of."""
    values = [next(v for v in axis.values if v.name == name) for axis, name in zip(study.axes, place, strict=True)]
    return [*study.overrides, *(each for value in values for each in value.overrides)]


def tune(study: Study, grid: Sequence[Cell], plan: Plan, out: Path, workers: int, tell: Tell) -> list[Tuned]:
    """Every strategy's search, with the results that lie in `out`/tune already; writes tuning.json.

    Raises UserError where these are of other settings.
    """
    asked = searches(study, grid, plan)
    tasks: dict[tuple[tuple[str, ...], int], Task] = {}
    for place, found in asked.items():
        folder = out / "tune" / next(cell.folder for cell in grid if cell.place == place)
        for number, (rates, experiment) in enumerate(found):
            called = f"tuning {', '.join(place)}: {', '.join(rates) or 'defaults'}"
            same_settings(Cell(place, experiment), folder / str(number))
            tasks[place, number] = Task(
                called, experiment, folder / str(number), experiment.methods[0], experiment.seeds[0]
            )
    run_tasks(list(tasks.values()), workers, tell)
    done = [
        chosen(place, [_told(rates, tasks[place, n].result) for n, (rates, _) in enumerate(found)])
        for place, found in asked.items()
    ]
    (out / "tuning.json").write_text(json.dumps([_plain(each) for each in done], indent=1) + "\n")
    return done


def chosen(place: tuple[str, ...], tries: list[Try]) -> Tuned:
    """The try with the best validation; of equals the first, which is nearest to the defaults."""
    known = [at for at, each in enumerate(tries) if each.validation is not None]
    best = max(known, key=lambda at: (tries[at].validation or 0.0, -at), default=0)
    return Tuned(place[0], place[1:], tries, best)


def tuned_at(done: Sequence[Tuned], place: tuple[str, ...]) -> list[str]:
    """The rates of a cell: those searched at its own place, else those of its strategy; none without a search."""
    of_strategy = [each for each in done if each.strategy == place[0]]
    own = [each for each in of_strategy if each.place == place[1:]] or of_strategy
    return own[0].overrides if own else []


def validation_of(result: Mapping[str, Any]) -> float | None:
    """What the folds got right under the chosen share of the fine-tuning rate, mean of the second half of its epochs."""
    levels = [each for each in (result.get("validation_by_share") or {}).values() if each is not None]
    return max(levels) if levels else None


def _told(rates: list[str], path: Path) -> Try:
    if not path.is_file():
        return Try(rates, None, 0.0)
    result = json.loads(path.read_text())
    return Try(rates, validation_of(result), float(result["cpu_seconds"]))


def _plain(each: Tuned) -> dict[str, Any]:
    tries = [{"overrides": t.overrides, "validation": t.validation, "cpu_seconds": t.cpu_seconds} for t in each.tries]
    return {"strategy": each.strategy, "place": list(each.place), "taken": each.taken, "tries": tries,
            "cpu_seconds": each.cpu_seconds}  # fmt: skip
