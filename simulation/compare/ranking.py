"""Which strategy stands above which, and how sure that is: paired bootstrap, and the critical difference of mean ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.stats import friedmanchisquare, rankdata, studentized_range

from simulation.compare.figures import Row
from simulation.study.table import bootstrap

LEAST_BLOCKS = 10  # of fewer the normal form of the test by ranks is far off


@dataclass(frozen=True)
class Ranked:
    """One strategy: its mean accuracy, its mean rank over the blocks (1 best), and the best's accuracy less its own.

    low, high  95 % interval of that difference; None for the best itself, and of too few pairs
    """

    strategy: str
    mean: float
    rank: float | None
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Ranking:
    """The strategies, the best first.

    blocks      combinations of settings and seed that every strategy has
    critical    mean ranks closer than this do not differ at 5 % (Nemenyi); None of too few blocks
    p           of the Friedman test that all are alike; None of too few blocks
    """

    order: list[Ranked]
    blocks: int
    critical: float | None
    p: float | None


def ranking(rows: Sequence[Row], strategies: Sequence[str]) -> Ranking:
    """By mean accuracy over the blocks that all have, each place counting once; every other one against the best.

    A strategy without a job is left out. Critical difference: Demšar, JMLR 7 (2006), eq. in section 3.2.2. Seeds of one
    setting share its recordings, so both intervals and critical difference speak of these recordings alone.
    """
    values = {
        name: {(row.place, row.seed): row.accuracy for row in rows if row.strategy == name} for name in strategies
    }
    values = {name: of for name, of in values.items() if of}
    if not values:
        return Ranking([], 0, None, None)
    blocks = sorted(set.intersection(*(set(of) for of in values.values())))
    ranks = [rankdata([-of[block] for of in values.values()]) for block in blocks]
    mean_rank = {name: float(fmean(each[at] for each in ranks)) if ranks else None for at, name in enumerate(values)}
    mean = {name: _mean_of_places(of, blocks or sorted(of)) for name, of in values.items()}
    order = sorted(values, key=lambda name: -mean[name])  # equal ones stay in the order given
    best = order[0]
    found = [Ranked(best, mean[best], mean_rank[best], None, None, None)]
    for name in order[1:]:
        paired = [(place, values[best][place, seed] - values[name][place, seed]) for place, seed in blocks]
        found.append(Ranked(name, mean[name], mean_rank[name], *(bootstrap(paired) if paired else (None, None, None))))
    enough = len(blocks) >= LEAST_BLOCKS and len(values) > 2
    return Ranking(
        found, len(blocks),
        critical_difference(len(values), len(blocks)) if enough else None,
        _friedman([[of[block] for block in blocks] for of in values.values()]) if enough else None,
    )  # fmt: skip


def critical_difference(strategies: int, blocks: int) -> float:
    """How far two mean ranks must lie apart to differ at 5 % (Nemenyi's test in Demšar's form)."""
    q = float(studentized_range.ppf(0.95, strategies, math.inf)) / math.sqrt(2)
    return q * math.sqrt(strategies * (strategies + 1) / (6 * blocks))


def _friedman(values: Sequence[Sequence[float]]) -> float | None:
    p = float(friedmanchisquare(*values).pvalue)
    return None if math.isnan(p) else p  # where all are alike in every block


def _mean_of_places(values: dict[tuple[tuple[str, ...], int], float], blocks: Sequence) -> float:
    places = dict.fromkeys(place for place, _ in blocks)
    return fmean(fmean(values[block] for block in blocks if block[0] == place) for place in places)
