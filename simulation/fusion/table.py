"""What the jobs of a study of fusion come to: means over people, their spread over seeds, and the methods' difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from configs.fusion_study import USELESS, FusionStudy
from simulation.csv_text import as_csv
from simulation.fusion.job import JOIN, MEASURES
from simulation.study.table import bootstrap

Result = Mapping[str, Any]  # of one job, with its method
Spread = dict[str, float | None]  # mean and std


@dataclass(frozen=True)
class Line:
    """One method under one regime on one set.

    figures     by measure: mean over seeds of the mean over people, and its standard deviation over seeds (None for one)
    people_std  by measure: standard deviation over people, of each one's mean over seeds
    difference  by measure: `unified` less `bev`, paired by person and seed, with 95 % limits where there are enough;
                on the lines of `unified` alone
    """

    method: str
    regime: str
    modalities: tuple[str, ...]
    figures: dict[str, Spread]
    people_std: dict[str, float | None]
    seeds: int
    folds: int
    difference: dict[str, tuple[float, float | None, float | None]]


Values = dict[tuple[str, int], float]  # person, seed -> figure


def lines(study: FusionStudy, results: Sequence[Result]) -> list[Line]:
    """Every line of which there is a job; a person without a figure (an AUC of one class) is left out of its mean."""
    found = []
    for modalities in study.modality_sets:
        for regime in study.regimes:
            values = {(m, measure): _values(results, m, regime, modalities, measure)
                      for m in study.methods for measure in MEASURES}  # fmt: skip
            for method in study.methods:
                own = {measure: values[method, measure] for measure in MEASURES}
                if not own["accuracy"]:
                    continue
                difference = {}
                for measure in MEASURES if method == "unified" and "bev" in study.methods else ():
                    other = values["bev", measure]
                    paired = [((who,), v - other[who, s]) for (who, s), v in own[measure].items() if (who, s) in other]
                    if paired:
                        difference[measure] = bootstrap(paired)
                found.append(Line(
                    method, regime, modalities,
                    {measure: over_seeds(each) for measure, each in own.items()},
                    {measure: _over_people(each) for measure, each in own.items()},
                    len({s for _, s in own["accuracy"]}), len({who for who, _ in own["accuracy"]}), difference,
                ))  # fmt: skip
    return found


def _values(results: Sequence[Result], method: str, regime: str, modalities: Sequence[str], measure: str) -> Values:
    told = {
        (each["held_out"], each["seed"]): each["sets"][JOIN.join(modalities)][measure]
        for each in results
        if each["method"] == method and each["regime"] == regime
    }
    return {key: value for key, value in told.items() if value is not None}


def over_seeds(values: Values) -> Spread:
    """Mean over seeds of the mean over people, and the standard deviation over seeds."""
    means = [np.mean([v for (_, s), v in values.items() if s == seed]) for seed in sorted({s for _, s in values})]
    return {
        "mean": float(np.mean(means)) if means else None,
        "std": float(np.std(means, ddof=1)) if len(means) > 1 else None,
    }


def _over_people(values: Values) -> float | None:
    means = [np.mean([v for (w, _), v in values.items() if w == who]) for who in sorted({w for w, _ in values})]
    return float(np.std(means, ddof=1)) if len(means) > 1 else None


def floor(results: Sequence[Result]) -> dict[str, Spread]:
    """What the class that is most frequent among the training people comes to, whatever the sensors say."""
    return {
        measure: over_seeds({
            (each["held_out"], each["seed"]): value
            for each in results if (value := each["always_the_most_frequent"][measure]) is not None
        })
        for measure in MEASURES
    }  # fmt: skip


def summary(study: FusionStudy, table: Sequence[Line], results: Sequence[Result], finished: bool) -> dict[str, Any]:
    """One JSON object: figures by method, regime and number of modalities; shares from 0 to 1.

    figures            number of modalities -> accuracy, macro_f1, auc, each {mean, std}; where several sets are of one
                       number, means over them. `useless` has the set with noise, and by how much it is worse than
                       without: near 0 where the curve stays level
    unified_less_bev   regime -> number -> measure -> mean, low, high
    """
    figures: dict[str, Any] = {}
    difference: dict[str, Any] = {}
    for method in study.methods:
        for regime in study.regimes:
            own = [each for each in table if (each.method, each.regime) == (method, regime)]
            plain = [each for each in own if USELESS not in each.modalities]
            told = {str(n): _of_number([e for e in plain if len(e.modalities) == n])
                    for n in sorted({len(e.modalities) for e in plain})}  # fmt: skip
            for each in (e for e in own if USELESS in e.modalities):
                before = max(plain, key=lambda e: len(e.modalities))
                lost = {m: _less(before.figures[m]["mean"], each.figures[m]["mean"]) for m in MEASURES}
                told[USELESS] = {**_of_number([each]), "lost": lost}
            figures.setdefault(method, {})[regime] = told
            for each in (e for e in own if e.difference):
                limits = {m: dict(zip(("mean", "low", "high"), d, strict=True)) for m, d in each.difference.items()}
                difference.setdefault(regime, {})[JOIN.join(each.modalities)] = limits
    return {
        "study": study.name, "finished": finished, "figures": figures, "unified_less_bev": difference,
        "always_the_most_frequent": floor(results),
    }  # fmt: skip


def _of_number(same: Sequence[Line]) -> dict[str, Any]:
    """Lines of one number of modalities as one."""
    told: dict[str, Any] = {"sets": [JOIN.join(each.modalities) for each in same]}
    for measure in MEASURES:
        told[measure] = {key: _mean([each.figures[measure][key] for each in same]) for key in ("mean", "std")}
    return {**told, "seeds": min(each.seeds for each in same), "people": min(each.folds for each in same)}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _less(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else before - after


def table_csv(table: Sequence[Line]) -> str:
    """The table, one line each; shares from 0 to 1."""
    head = ["method", "regime", "modalities", "set", "seeds", "people"]
    head += [f"{measure}{part}" for measure in MEASURES for part in ("", " std over seeds", " std over people")]
    head += [f"{measure}, unified less bev{part}" for measure in MEASURES for part in ("", " low", " high")]
    rows = []
    for each in table:
        row: list[Any] = [
            each.method,
            each.regime,
            len(each.modalities),
            JOIN.join(each.modalities),
            each.seeds,
            each.folds,
        ]
        for m in MEASURES:
            row += [each.figures[m]["mean"], each.figures[m]["std"], each.people_std[m]]
        for m in MEASURES:
            row += each.difference.get(m, (None, None, None))
        rows.append(row)
    return as_csv(head, rows)


def jobs_csv(results: Sequence[Result]) -> str:
    """Every job and set, one line each."""
    head = ["method", "regime", "seed", "held_out", "set", *MEASURES]
    return as_csv(
        head,
        [
            [each["method"], each["regime"], each["seed"], each["held_out"], name, *(told[m] for m in MEASURES)]
            for each in results
            for name, told in each["sets"].items()
        ],
    )
