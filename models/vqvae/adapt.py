"""Moving a codebook towards vectors that lie on many nodes: sums travel, vectors do not.

Adding up the nodes' counts and vector sums gives exactly the update that the pooled vectors give; averaging codebooks
would not. Dead codes are put where the busiest ones are spread widest, which squared sums tell: no vector is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.vqvae.quantisers import EmaQuantiser, Quantiser, ResidualQuantiser
from models.vqvae.quantisers.codebook import Codebook, CodeStatistics, dead, revived, statistics_of, updated


@dataclass(frozen=True)
class Spread:
    """Statistics of one codebook, and the sums of squared numbers, (size, latent); double precision. They add up."""

    statistics: CodeStatistics
    squares: Tensor

    def __add__(self, other: Spread) -> Spread:
        return Spread(self.statistics + other.statistics, self.squares + other.squares)

    def noised(self, std: float, generator: torch.Generator) -> Spread:
        """With Gaussian noise on every number; the same where `std` is 0."""
        if not std:
            return self
        counts, sums, squares = (
            each + std * torch.randn(each.shape, generator=generator, dtype=each.dtype)
            for each in (self.statistics.counts, self.statistics.sums, self.squares)
        )
        return Spread(CodeStatistics(counts, sums), squares)


def spreads_of(quantiser: Quantiser, vectors: Tensor) -> tuple[Spread, ...]:
    """Of (n, latent) vectors, one for each codebook in its turn."""
    found = []
    for book, met in quantiser.met(vectors):
        chosen = book(met).codes[:, 0]
        squares = statistics_of(met.double().square(), chosen, book.size).sums
        found.append(Spread(statistics_of(met, chosen, book.size), squares))
    return tuple(found)


def adapted(
    codebook: Codebook, spread: Spread, decay: float, generator: torch.Generator, share: float = 0.125
) -> tuple[Codebook, int]:
    """The codebook after a round, and how many dead codes were revived.

    With `decay` 0 a round is one of Lloyd's: each code becomes the mean of what chose it. Noise may make a count negative:
    such a code was chosen by nobody.
    """
    known = spread.statistics.counts > 0.5
    statistics = CodeStatistics(
        torch.where(known, spread.statistics.counts, 0.0), torch.where(known[:, None], spread.statistics.sums, 0.0)
    )
    moved = updated(codebook, statistics, decay)
    lost = int(dead(moved).sum())
    return revived(moved, halves(statistics, spread.squares, share, generator), generator), lost


def halves(statistics: CodeStatistics, squares: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Where dead codes may live again, (m, latent), float32: beside the `share` of codes that err most in all.

    A code's whole error is its count times the variance of what chose it. Beside it is one spread away, in a random
    direction among those of the corners of its box of spreads; the next round's means draw the two apart.
    """
    counts = statistics.counts.clamp(min=1.0)[:, None]
    mean = statistics.sums / counts
    variance = (squares / counts - mean.square()).clamp(min=0.0)
    error = (variance.sum(dim=1) * statistics.counts).clamp(min=0.0)
    worst = torch.topk(error, max(1, round(share * len(error)))).indices
    worst = worst[error[worst] > 0]
    sides = torch.randint(0, 2, (len(worst), mean.shape[1]), generator=generator) * 2.0 - 1.0
    return (mean[worst] + sides * variance[worst].sqrt()).float()


def books_of(quantiser: Quantiser) -> list[EmaQuantiser]:
    """The codebooks in their turn; none where there is nothing to learn."""
    if isinstance(quantiser, ResidualQuantiser):
        return quantiser.books()
    return [quantiser] if isinstance(quantiser, EmaQuantiser) else []
