"""What every quantiser does."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.vqvae.quantisers.codebook import CodeStatistics


@dataclass(frozen=True)
class Quantised:
    """Vectors in the place of those that came in, (n, latent), whose gradient passes straight through to them.

    codes  (n, stages) int64
    loss   what draws the vectors that came in towards their codes; 0 where the quantiser bounds them itself
    """

    vectors: Tensor
    codes: Tensor
    loss: Tensor


class Quantiser(nn.Module, ABC):
    """forward: (n, latent) -> Quantised. `size` codes to choose from in each of `stages` turns."""

    latent: int
    size: int
    stages: int = 1
    learns: bool = False  # whether statistics and update do anything

    @abstractmethod
    def forward(self, vectors: Tensor) -> Quantised:
        """See the class."""

    @abstractmethod
    def vectors_of(self, codes: Tensor) -> Tensor:
        """(n, stages) int64 -> (n, latent): exactly the vectors that `forward` gives with these codes."""

    def statistics(self, vectors: Tensor) -> tuple[CodeStatistics, ...]:
        """Of (n, latent) vectors, one per stage; what travels from a node. Changes nothing."""
        return ()

    def update(self, statistics: Sequence[CodeStatistics], decay: float) -> None:
        """Moves the codes towards the means in `statistics`, of this or of all nodes' vectors."""

    def begin(self, vectors: Tensor, generator: torch.Generator) -> None:
        """Starts the codes from vectors."""

    def met(self, vectors: Tensor) -> "Iterable[tuple[Quantiser, Tensor]]":
        """Every codebook with the (n, latent) vectors that it is to quantise; nothing where there is none."""
        return ()

    def revive(self, vectors: Tensor, generator: torch.Generator) -> int:
        """Gives codes that nothing chooses a new start among `vectors`; returns how many."""
        return 0


def straight_through(vectors: Tensor, chosen: Tensor) -> Tensor:
    """The value of `chosen` with the gradient of `vectors` (Bengio et al. 2013)."""
    return vectors + (chosen - vectors).detach()
