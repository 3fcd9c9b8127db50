"""What stands where a sensor recorded nothing, for methods that fill in what is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Generator, Tensor

from client.training.views import View
from models.augment import Strength
from models.autoencoder import SharedAutoencoder
from models.blocks import ModalityShape


@dataclass(frozen=True)
class ZeroFilled:
    """A view of which the windows never recorded count as present, and are all zeros however they are augmented."""

    inner: View

    def __len__(self) -> int:
        return len(self.inner)

    @property
    def present(self) -> Tensor:
        """All of them, bool (n,)."""
        return torch.ones_like(self.inner.present)

    @property
    def recorded(self) -> Tensor:
        """Which windows a sensor recorded, bool (n,)."""
        return self.inner.present

    def take(self, rows: Tensor) -> Self:
        """These rows (indices or a mask)."""
        return replace(self, inner=self.inner.take(rows))

    def clean(self) -> Tensor:
        """Normalised windows, (n, time, channel)."""
        return self._or_zero(self.inner.clean())

    def augmented(self, strength: Strength, jitter: float, generator: Generator) -> Tensor:
        """Normalised windows after a random change; the filled ones stay zeros."""
        return self._or_zero(self.inner.augmented(strength, jitter, generator))

    def _or_zero(self, windows: Tensor) -> Tensor:
        return torch.where(self.recorded[:, None, None], windows, torch.zeros(()))


def nobody(count: int, shape: ModalityShape) -> View:
    """A modality of which a node holds no window: `count` rows, none present."""
    raw, row = torch.zeros(count, shape.frames, shape.channels), torch.zeros(count, 1, shape.channels)
    return View(raw, row, row + 1.0, torch.zeros(count, dtype=torch.bool))


def zero_filled(view: View) -> ZeroFilled:
    """The same windows, with zeros where there is none."""
    return ZeroFilled(view)


def generated(network: SharedAutoencoder, source: View, target: View) -> View:
    """`target` with windows made by the network from `source` where it has none and the source has one.

    The network speaks of normalised windows; what it makes is put back into the recording's own units, in which
    windows are augmented.
    """
    wanted = source.present & ~target.present  # (n,)
    if not wanted.any():
        return target
    network.eval()
    with torch.no_grad():
        made = network(source.take(wanted).clean())
    return target.with_made(wanted, made)
