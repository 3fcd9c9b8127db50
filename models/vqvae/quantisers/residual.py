"""Several codebooks in turn, each for what the ones before it left (Zeghidour et al. 2021, algorithm 1)."""

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from models.vqvae.quantisers.codebook import CodeStatistics
from models.vqvae.quantisers.ema import EmaQuantiser
from models.vqvae.quantisers.quantiser import Quantised, Quantiser, straight_through


class ResidualQuantiser(Quantiser):
    """`stages` codebooks of `size` codes each; a vector stands for the sum of its codes."""

    learns = True

    def __init__(self, latent: int, size: int = 512, stages: int = 2):
        super().__init__()
        if stages < 1:
            raise ValueError(f"at least one codebook, got {stages}")
        self.latent, self.size, self.stages = latent, size, stages
        self.turns = nn.ModuleList(EmaQuantiser(latent, size) for _ in range(stages))

    def books(self) -> list[EmaQuantiser]:
        """The codebooks in their order."""
        return [cast(EmaQuantiser, turn) for turn in self.turns]

    def forward(self, vectors: Tensor) -> Quantised:
        chosen, loss = torch.zeros_like(vectors), vectors.new_zeros(())
        codes = []
        for book in self.books():
            found = book(vectors - chosen)
            chosen = chosen + book.vectors_of(found.codes)
            loss = loss + found.loss
            codes.append(found.codes)
        return Quantised(straight_through(vectors, chosen), torch.cat(codes, dim=1), loss / self.stages)

    def vectors_of(self, codes: Tensor) -> Tensor:
        return torch.stack([book.vectors_of(codes[:, [turn]]) for turn, book in enumerate(self.books())]).sum(dim=0)

    def met(self, vectors: Tensor) -> Iterator[tuple[EmaQuantiser, Tensor]]:
        """Every codebook with what it is to quantise; the next one's is worked out when it is asked for, of codes as they are
        then."""
        left = vectors.detach()
        for book in self.books():
            yield book, left
            left = left - book.vectors_of(book(left).codes)

    def statistics(self, vectors: Tensor) -> tuple[CodeStatistics, ...]:
        return tuple(each for book, left in self.met(vectors) for each in book.statistics(left))

    def update(self, statistics: Sequence[CodeStatistics], decay: float) -> None:
        for book, each in zip(self.books(), statistics, strict=True):
            book.update((each,), decay)

    def begin(self, vectors: Tensor, generator: torch.Generator) -> None:
        for book, left in self.met(vectors):  # each starts from what the ones before it, once started, leave
            book.begin(left, generator)

    def revive(self, vectors: Tensor, generator: torch.Generator) -> int:
        return sum(book.revive(left, generator) for book, left in self.met(vectors))
