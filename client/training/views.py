"""One modality of some samples, as networks see it: normalised, and augmented before that where training asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
from torch import Generator, Tensor

from configs.schema import AugmentSettings
from models.augment import Strength, augment


class Seen(Protocol):
    """What training asks of a modality's samples."""

    def __len__(self) -> int: ...

    @property
    def present(self) -> Tensor: ...

    @property
    def recorded(self) -> Tensor: ...

    def take(self, rows: Tensor) -> Self: ...

    def clean(self) -> Tensor: ...

    def augmented(self, strength: Strength, jitter: float, generator: Generator) -> Tensor: ...


@dataclass(frozen=True)
class View:
    """Raw windows and what normalises them.

    raw      (n, time, channel) in the recording's units
    mean     (n, 1, channel), std (n, 1, channel)
    present  bool (n,); absent rows come out as zeros
    """

    raw: Tensor
    mean: Tensor
    std: Tensor
    present: Tensor

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def recorded(self) -> Tensor:
        """Which windows a sensor recorded, bool (n,)."""
        return self.present

    def take(self, rows: Tensor) -> Self:
        """These rows (indices or a mask)."""
        return replace(self, raw=self.raw[rows], mean=self.mean[rows], std=self.std[rows], present=self.present[rows])

    def clean(self) -> Tensor:
        """Normalised windows, (n, time, channel)."""
        return self._normalised(self.raw)

    def augmented(self, strength: Strength, jitter: float, generator: Generator) -> Tensor:
        """Normalised windows after a random change in the recording's own frame: a rotation must turn gravity too.

        `jitter` is white noise in standard deviations of the normalised signal.
        """
        windows = self._normalised(augment(self.raw, strength, generator))
        return windows + jitter * torch.randn(windows.shape, generator=generator) if jitter else windows

    def with_made(self, rows: Tensor, made: Tensor) -> Self:
        """The same with normalised windows (row, time, channel) put where `rows`, bool (n,), says; these count as present."""
        raw = self.raw.clone()
        raw[rows] = made * self.std[rows] + self.mean[rows]
        return replace(self, raw=raw, present=self.present | rows)

    def _normalised(self, windows: Tensor) -> Tensor:
        return torch.where(self.present[:, None, None], (windows - self.mean) / self.std, torch.zeros(()))


Views = Mapping[str, Seen]


def take(views: Views, rows: Tensor) -> dict[str, Seen]:
    """These rows of every modality."""
    return {modality: view.take(rows) for modality, view in views.items()}


def strength_for(kind: str, settings: AugmentSettings, layout: tuple[int, ...] = ()) -> Strength:
    """How strongly a kind of sensor is changed.

    Pictures move within their frame and change their gain (light, distance); they are never turned. Points turn about
    the vertical, come and go, and keep their frames apart. CSI and physiology change in time and gain alone. Latents were
    varied before they were made.
    """
    if kind == "latents":
        return Strength()
    if kind in ("image", "depth", "infrared"):
        return Strength(
            scale=settings.scale, crop=settings.crop, warp=settings.warp, shift=settings.shift, picture=layout
        )  # fmt: skip
    if kind == "points" and layout:
        spatial = layout[1] >= 3
        return Strength(
            yaw_deg=settings.cloud_yaw_deg if spatial else 0.0, crop=settings.crop, warp=settings.warp, up=2,
            item=layout[1], nearest=True, point_drop=settings.point_drop,
        )  # fmt: skip
    if kind in ("physiological", "csi") or (kind == "skeleton" and layout and layout[1] != 3):  # joints in a picture
        return Strength(scale=settings.scale, crop=settings.crop, warp=settings.warp)
    if kind == "skeleton":
        return Strength(
            turn_deg=settings.skeleton_turn_deg, yaw_deg=settings.skeleton_yaw_deg, scale=settings.scale,
            crop=settings.crop, warp=settings.warp, joint_drop=settings.joint_drop, up=1,
        )  # fmt: skip
    if kind == "points":
        return Strength(crop=settings.crop, warp=settings.warp, nearest=True)
    return Strength(turn_deg=settings.turn_deg, scale=settings.scale, crop=settings.crop, warp=settings.warp)
