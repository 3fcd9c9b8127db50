"""One modality of some samples as latents, in the place of windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Generator, Tensor

from client.training.views import View
from models.augment import Strength


@dataclass(frozen=True)
class LatentView(View):
    """Latents and what normalises them, in the forms of a View: (n, step, number).

    variants  (m, variant, step, number): of each window, augmented before its picture was drawn; m may be above n
    at        int64 (n,), each row's place in `variants`
    mix       whether a training step sees a point between two variants, or one of them
    noise     of white noise, in standard deviations of a normalised latent
    """

    variants: Tensor
    at: Tensor
    mix: bool = True
    noise: float = 0.0

    def take(self, rows: Tensor) -> Self:
        """These rows (indices or a mask)."""
        return replace(super().take(rows), at=self.at[rows])

    def augmented(self, strength: Strength, jitter: float, generator: Generator) -> Tensor:
        """Normalised latents of windows that were changed when the variants were made, alike for every method.

        Latents cannot be turned or stretched, so `strength` and `jitter` have no say any more; between two variants of
        one window there are as many further ones as training has steps. Without variants the clean latents serve.
        """
        n, count = len(self), self.variants.shape[1]
        latents = self.raw.float()
        if count:
            latents = self._drawn(count, generator)
            if self.mix and count > 1:
                share = torch.rand(n, 1, 1, generator=generator)
                latents = latents * share + self._drawn(count, generator) * (1 - share)
        latents = (latents - self.mean) / self.std
        if self.noise:
            latents = latents + self.noise * torch.randn(latents.shape, generator=generator)
        return torch.where(self.present[:, None, None], latents, torch.zeros(()))

    def _drawn(self, count: int, generator: Generator) -> Tensor:
        return self.variants[self.at, torch.randint(count, (len(self),), generator=generator)].float()

    def with_made(self, rows: Tensor, made: Tensor) -> Self:
        """The same with normalised latents (row, step, number) put where `rows`, bool (n,), says; they have no variants."""
        raw, variants = self.raw.clone(), self.variants.clone()
        raw[rows] = (made * self.std[rows] + self.mean[rows]).to(raw.dtype)
        variants[self.at[rows]] = raw[rows][:, None]
        return replace(self, raw=raw, variants=variants, present=self.present | rows)
