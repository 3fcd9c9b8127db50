"""A codebook that follows its vectors by moving averages."""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from models.vqvae.quantisers.codebook import (
    Codebook,
    CodeStatistics,
    dead,
    kmeans,
    nearest,
    revived,
    started,
    statistics_of,
    updated,
)
from models.vqvae.quantisers.quantiser import Quantised, Quantiser, straight_through


class EmaQuantiser(Quantiser):
    """The nearest of `size` codes. The codebook is no parameter: gradients reach the encoder alone."""

    learns = True
    vectors: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, latent: int, size: int = 512):
        super().__init__()
        self.latent, self.size = latent, size
        begun = started(torch.randn(size, latent) / latent**0.5)
        for name in ("vectors", "counts", "sums"):
            self.register_buffer(name, getattr(begun, name))

    @property
    def codebook(self) -> Codebook:
        """The codebook as a value."""
        return Codebook(self.vectors, self.counts, self.sums)

    def hold(self, codebook: Codebook) -> None:
        """Takes on another codebook of the same size."""
        for name in ("vectors", "counts", "sums"):
            getattr(self, name).copy_(getattr(codebook, name))

    def forward(self, vectors: Tensor) -> Quantised:
        codes = nearest(vectors, self.vectors)
        chosen = self.vectors[codes]
        return Quantised(straight_through(vectors, chosen), codes[:, None], F.mse_loss(vectors, chosen))

    def vectors_of(self, codes: Tensor) -> Tensor:
        return self.vectors[codes[:, 0]]

    def statistics(self, vectors: Tensor) -> tuple[CodeStatistics, ...]:
        return (statistics_of(vectors, nearest(vectors, self.vectors), self.size),)

    def update(self, statistics: Sequence[CodeStatistics], decay: float) -> None:
        self.hold(updated(self.codebook, statistics[0], decay))

    def begin(self, vectors: Tensor, generator: torch.Generator) -> None:
        self.hold(started(kmeans(vectors.detach(), self.size, generator)))

    def met(self, vectors: Tensor) -> "Iterable[tuple[EmaQuantiser, Tensor]]":
        return ((self, vectors.detach()),)

    def revive(self, vectors: Tensor, generator: torch.Generator) -> int:
        lost = int(dead(self.codebook).sum())
        self.hold(revived(self.codebook, vectors, generator))
        return lost
