"""A linear discriminant of what latents are on average, from sums that nodes add up.

Fisher's discriminant (Annals of Eugenics, 1936) with a covariance drawn towards a multiple of the identity (Friedman, JASA
1989, eq. 18), each number first divided by its spread within classes. It takes one pass over cached latents, no steps, and
nothing is drawn. Sums of nodes give the very discriminant that all their samples in one place would, and any subset of the
modalities has its own from the same sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

NUMBERS = 256  # of a sample and modality, at the most
SHRINKAGE = 0.1  # share of the multiple of the identity
TEMPERATURES = (0.1, 100.0)  # least and most
FLOOR = 0.05  # of the mean spread: what varies less counts as if it varied so much

Values = NDArray[np.float64]


def averages(latents: Tensor, present: Tensor, numbers: int = NUMBERS) -> Values:
    """Means over the windows present and over time, by band of frequency: (n, T, number, h, w) -> (n, number · bands).

    As many bands as `numbers` holds, one at the least. Zeros where no window of a sample is present.
    """
    bands = max(1, min(latents.shape[3], numbers // latents.shape[2]))
    rows = torch.zeros(len(latents), latents.shape[2], bands)
    for row, each, here in zip(rows, latents, present, strict=True):
        if here.any():
            row.copy_(adaptive_avg_pool1d(each[here].float().mean(dim=(0, 3)), bands))
    return rows.flatten(1).double().numpy()


@dataclass(frozen=True)
class ClassSums:
    """Sums over samples, which add up over nodes: count (class,), total (class, number), products (number, number)."""

    count: Values
    total: Values
    products: Values

    @staticmethod
    def of(values: Values, label: NDArray[np.int64], classes: int) -> ClassSums:
        """Of samples (n, number) with their labels (n,). ValueError where a value is no finite number."""
        if not np.isfinite(values).all():
            raise ValueError("a sample holds numbers that are not finite")
        held = np.eye(classes)[label]  # (n, class)
        return ClassSums(held.sum(axis=0), held.T @ values, values.T @ values)

    @property
    def size(self) -> int:
        """Numbers that would travel: of the products one triangle."""
        number = len(self.products)
        return self.count.size + self.total.size + number * (number + 1) // 2

    def __add__(self, other: ClassSums) -> ClassSums:
        return ClassSums(self.count + other.count, self.total + other.total, self.products + other.products)

    def __sub__(self, other: ClassSums) -> ClassSums:
        return ClassSums(self.count - other.count, self.total - other.total, self.products - other.products)

    def of_columns(self, columns: NDArray[np.int64]) -> ClassSums:
        """What the sums would be if samples held these numbers alone."""
        return ClassSums(self.count, self.total[:, columns], self.products[np.ix_(columns, columns)])


@dataclass(frozen=True)
class LinearDiscriminant:
    """Log-odds of the classes, all held to be equally frequent: values (n, number) @ weight.T + bias -> (n, class)."""

    weight: Values
    bias: Values

    def __call__(self, values: Values) -> Values:
        return values @ self.weight.T + self.bias


def discriminant_of(sums: ClassSums, shrinkage: float = SHRINKAGE) -> LinearDiscriminant:
    """The discriminant of these samples; a class of no sample is never named.

    Raises ValueError where no class has a sample.
    """
    there = sums.count > 0
    if not there.any():
        raise ValueError("a discriminant needs samples")
    mean = sums.total[there] / sums.count[there, None]  # (class there, number)
    covariance = (sums.products - (sums.count[there, None] * mean).T @ mean) / sums.count.sum()
    spread = np.sqrt(np.clip(np.diagonal(covariance), 0.0, None))
    spread = np.sqrt(spread**2 + (FLOOR * spread.mean()) ** 2)
    spread = np.where(spread > 0, spread, 1.0)
    unit = covariance / np.outer(spread, spread)
    level = float(np.trace(unit)) / len(unit) or 1.0
    drawn = (1 - shrinkage) * unit + shrinkage * level * np.eye(len(unit))
    slope = np.linalg.solve(drawn, (mean / spread).T).T / spread  # (class there, number)
    weight, bias = np.zeros_like(sums.total), np.full(len(there), -np.inf)
    weight[there], bias[there] = slope, -0.5 * (slope * mean).sum(axis=1)
    return LinearDiscriminant(weight, bias)


def temperature_of(nodes: Sequence[ClassSums], values: Sequence[Values], label: Sequence[NDArray[np.int64]]) -> float:
    """What log-odds are to be divided by (Guo et al., ICML 2017): few samples of many numbers make them too sure.

    Every node judges its own samples, values (n, number) and label (n,), by the discriminant of the others' sums; the
    temperature is that of the least cross-entropy over all of them, each class counting alike. 1 where nothing can be
    judged so: a single node, or one class.
    """
    whole, odds, right = reduce(add, nodes), [], []
    for mine, held, named in zip(nodes, values, label, strict=True):
        others = whole - mine
        known = others.count[named] > 0.5  # counts are whole numbers
        if known.any():
            odds.append(discriminant_of(others)(held[known]))
            right.append(named[known])
    if not odds or len(classes := np.unique(np.concatenate(right))) < 2:
        return 1.0
    told, truth = np.concatenate(odds), np.concatenate(right)
    weight = 1.0 / np.bincount(truth)[truth] / len(classes)

    def loss(logarithm: float) -> float:
        return -float(weight @ log_softmax(told / np.exp(logarithm), axis=1)[np.arange(len(truth)), truth])

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))
