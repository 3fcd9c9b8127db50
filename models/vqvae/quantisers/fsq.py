"""Finite scalar quantisation (Mentzer, Minnen, Agustsson and Tschannen 2023, arXiv 2309.15505): no codebook at all."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from models.vqvae.quantisers.quantiser import Quantised, Quantiser, straight_through

LEVELS = (8, 8, 8)
EDGE = 1e-3  # kept free at either end, so that rounding never leaves the levels


class FsqQuantiser(Quantiser):
    """Each number of a vector is bounded by tanh and rounded to its own count of levels; forms as in the appendix there.

    A code is the number whose digits the levels are, the first number's digit the lowest. Vectors lie in [-1, 1].
    """

    reach: Tensor
    shift: Tensor
    offset: Tensor
    scale: Tensor
    base: Tensor
    level: Tensor

    def __init__(self, levels: Sequence[int] = LEVELS):
        super().__init__()
        if not levels or min(levels) < 2:
            raise ValueError(f"every number needs 2 levels or more, got {tuple(levels)}")
        self.latent, self.size, self.levels = len(levels), prod(levels), tuple(levels)
        level = torch.tensor(levels)
        reach = (level - 1) * (1 - EDGE) / 2
        offset = torch.where(level % 2 == 1, 0.0, 0.5)  # an even count of levels has no middle one
        for name, value in {
            "level": level,
            "reach": reach,
            "offset": offset,
            "shift": torch.tan(offset / reach),
            "scale": level // 2,
            "base": torch.tensor([prod(levels[:place]) for place in range(len(levels))]),
        }.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, vectors: Tensor) -> Quantised:
        bounded = torch.tanh(vectors + self.shift) * self.reach - self.offset
        rounded = straight_through(bounded, bounded.round())
        digits = rounded.detach().round().long() + self.scale
        codes = (digits * self.base).sum(dim=1, keepdim=True)
        return Quantised(rounded / self.scale, codes, vectors.new_zeros(()))

    def vectors_of(self, codes: Tensor) -> Tensor:
        digits = codes // self.base % self.level  # (n, latent)
        return (digits - self.scale) / self.scale
