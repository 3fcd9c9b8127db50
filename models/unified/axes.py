"""The few directions in which the latents of a modality say most, or its signals where there are many, found from sums that
nodes add up.

One affine map for all nodes stands between the frozen encoder and the adapters: the principal axes of the latents'
correlations (Pearson 1901), each shrunk by the fourth root of its variance. Whitened by halves: the strong directions stay
strong, but no longer drown the rest, which is where people and movements differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FAINT = 1e-5  # of the largest variance: what lies below is the rounding of half precision, and is left out


@dataclass(frozen=True)
class LatentSums:
    """Sums over rows of latents, which add up over nodes: count, total (number,), products (number · (number + 1) / 2,).

    The products are the upper triangle of the sum of outer products, row by row; all double precision.
    """

    count: float
    total: Tensor
    products: Tensor

    def __add__(self, other: LatentSums) -> LatentSums:
        return LatentSums(self.count + other.count, self.total + other.total, self.products + other.products)

    def spread(self) -> Tensor:
        """Count times covariance, (number, number); zeros where nothing was counted."""
        size = len(self.total)
        whole = torch.zeros(size, size, dtype=torch.float64)
        above = torch.triu_indices(size, size)
        whole[above[0], above[1]] = whole[above[1], above[0]] = self.products.double()
        return whole - torch.outer(self.total, self.total) / max(self.count, 1.0)


def sums_of(latents: Tensor, present: Tensor) -> LatentSums:
    """Over all steps of the windows present; latents (n, step, number), present bool (n,)."""
    rows = latents[present].flatten(0, 1).double()  # (step of a window, number)
    above = torch.triu_indices(latents.shape[2], latents.shape[2])
    return LatentSums(float(len(rows)), rows.sum(dim=0), (rows.T @ rows)[above[0], above[1]])


@dataclass(frozen=True)
class LatentAxes:
    """latents (…, number) -> (latents − mean) @ turn, (…, fewer); a mean square of 1 over what the sums were of."""

    mean: Tensor
    turn: Tensor

    def __call__(self, latents: Tensor) -> Tensor:
        return (latents.float() - self.mean) @ self.turn


def axes_of(sums: Sequence[LatentSums], numbers: int) -> list[LatentAxes]:
    """One for each data set: a mean of its own, and one turn for all, which their adapters share.

    Directions are ordered by variance, each with its largest part positive, so that they follow from the sums alone.
    Columns are zero beyond what the latents span, and where nothing was counted.
    """
    count = max(sum(each.count for each in sums), 1.0)
    covariance = torch.stack([each.spread() for each in sums]).sum(dim=0) / count
    deviation = covariance.diagonal().clamp(min=0.0).sqrt()
    unit = torch.where(deviation > 1e-3 * deviation.max().clamp(min=1e-30), 1.0 / deviation, 0.0)
    variance, direction = torch.linalg.eigh(covariance * unit[:, None] * unit[None, :])
    variance, direction = variance.flip(0)[:numbers], direction.flip(1)[:, :numbers]
    largest = direction.gather(0, direction.abs().argmax(dim=0, keepdim=True))
    clear = variance > FAINT * variance[0].clamp(min=1e-30)
    gain = torch.where(clear, variance.clamp(min=1e-30) ** -0.25, 0.0)
    kept = (gain**2 * variance).mean().clamp(min=1e-30).sqrt()  # the root mean square of what comes out
    turn = unit[:, None] * direction * largest.sign() * gain / (kept if clear.any() else 1.0)
    return [LatentAxes((each.total / max(each.count, 1.0)).float(), turn.float()) for each in sums]
