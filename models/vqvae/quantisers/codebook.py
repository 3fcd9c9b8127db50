"""A codebook as a value, and what is done with it: pure functions, nothing is changed in place.

The codebook follows its vectors by exponential moving averages of counts and sums (van den Oord et al. 2017, appendix
A.1). Both are sums over vectors, so those of several nodes add up, and an update from the total is exactly the update
from the pooled vectors; averaging the nodes' codebooks would not be.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

LEAST = 1e-6  # a moving count below it is rounding, and its quotient means nothing
DEAD = 0.02  # of the mean count: a code chosen less is dead


@dataclass(frozen=True)
class Codebook:
    """Moving averages: `counts` of the vectors that chose each code, (size,), and their `sums`, (size, latent).

    `vectors` are the codes themselves, (size, latent).
    """

    vectors: Tensor
    counts: Tensor
    sums: Tensor


@dataclass(frozen=True)
class CodeStatistics:
    """How many vectors chose each code, (size,), and their sums, (size, latent), in double precision. They add up."""

    counts: Tensor
    sums: Tensor

    def __add__(self, other: "CodeStatistics") -> "CodeStatistics":
        if self.sums.shape != other.sums.shape:
            raise ValueError(f"statistics of {tuple(self.sums.shape)} and {tuple(other.sums.shape)} do not add up")
        return CodeStatistics(self.counts + other.counts, self.sums + other.sums)


def nearest(vectors: Tensor, codes: Tensor) -> Tensor:
    """The code nearest to each of (n, latent) among (size, latent), the first of equals: (n,) int64."""
    score = vectors @ codes.T - 0.5 * codes.square().sum(dim=1)  # half the squared distance but for sign and a constant
    return score.argmax(dim=1)


def statistics_of(vectors: Tensor, chosen: Tensor, size: int) -> CodeStatistics:
    """Of (n, latent) vectors and the codes (n,) they chose."""
    sums = torch.zeros(size, vectors.shape[1], dtype=torch.float64, device=vectors.device)
    sums.index_add_(0, chosen, vectors.detach().double())
    return CodeStatistics(torch.bincount(chosen, minlength=size).double(), sums)


def started(vectors: Tensor) -> Codebook:
    """The codebook of these codes, (size, latent), as if each had been chosen once."""
    return Codebook(vectors.clone(), torch.ones(len(vectors), device=vectors.device), vectors.clone())


def updated(codebook: Codebook, statistics: CodeStatistics, decay: float) -> Codebook:
    """The codebook after a batch: N ← decay · N + (1 - decay) · n, the sums likewise, and the codes their quotient.

    A code that nothing chooses stays where it is. Laplace smoothing of the counts, which is common here, would draw it
    towards the origin instead, into the midst of the others.
    """
    counts = decay * codebook.counts.double() + (1 - decay) * statistics.counts
    sums = decay * codebook.sums.double() + (1 - decay) * statistics.sums
    vectors = torch.where((counts > LEAST)[:, None], sums / counts.clamp(min=LEAST)[:, None], codebook.vectors.double())
    return Codebook(*(each.to(codebook.vectors.dtype) for each in (vectors, counts, sums)))


def dead(codebook: Codebook) -> Tensor:
    """Which codes are dead, (size,) bool."""
    return codebook.counts < DEAD * codebook.counts.mean()


def revived(codebook: Codebook, candidates: Tensor, generator: torch.Generator) -> Codebook:
    """Each dead code put in the place of a random candidate, (m, latent), with the mean count so that it may live.

    Candidates are vectors at hand: a batch's latents, or a server's busiest codes slightly moved.
    """
    lost = dead(codebook)
    if not lost.any() or not len(candidates):
        return codebook
    drawn = torch.randint(len(candidates), (int(lost.sum()),), generator=generator).to(candidates.device)
    vectors, counts, sums = codebook.vectors.clone(), codebook.counts.clone(), codebook.sums.clone()
    vectors[lost] = candidates[drawn].detach()
    counts[lost] = codebook.counts.mean()
    sums[lost] = vectors[lost] * counts[lost, None]
    return Codebook(vectors, counts, sums)


def kmeans(vectors: Tensor, size: int, generator: torch.Generator, rounds: int = 10) -> Tensor:
    """Lloyd's algorithm from `size` random vectors: (n, latent) -> (size, latent). A code without vectors is drawn anew.

    Where there are fewer vectors than codes, vectors stand for several codes, each a little moved.
    """
    order = torch.randperm(len(vectors), generator=generator)
    codes = vectors[order[torch.arange(size) % len(vectors)]].detach().clone()
    if len(vectors) < size:
        codes[len(vectors) :] += (
            1e-3 * vectors.std(dim=0, correction=0) * torch.randn(codes[len(vectors) :].shape, generator=generator)
        )
    for _ in range(rounds):
        found = statistics_of(vectors, nearest(vectors, codes), size)
        empty = found.counts == 0
        codes = (found.sums / found.counts.clamp(min=1)[:, None]).to(vectors.dtype)
        codes[empty] = vectors[torch.randint(len(vectors), (int(empty.sum()),), generator=generator)].detach()
    return codes
