"""From a node's windows to their latents: once as recorded, and so many times augmented."""

from __future__ import annotations

import torch
from torch import Tensor

from client.training.views import View
from configs.unified_settings import UnifiedSettings
from models.augment import Strength
from models.blocks import ModalityShape
from models.unified import latents_of, raw_numbers
from models.unified.latents import PRECISION
from models.vqvae import VqVae

WINDOWS = 64  # at once, so that augmenting them takes little memory


def make_latents(
    model: VqVae,
    view: View,
    shape: ModalityShape,
    settings: UnifiedSettings,
    varied: Tensor,
    change: Strength,
    jitter: float,
    seed: int,
    turn: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Latents (n, step, number), zero where a window is absent, and variants (n, settings.variants, step, number).

    varied  bool (n,), windows that are trained on; of the others no variant is made, nor of any where none is: then
            there are none at all, (n, 0, step, number)
    turn    how its signals are mixed, (signal before, signal); None: by the drawn rotation, or not at all
    """
    size = (len(view), settings.steps, raw_numbers(shape, settings, model.quantiser.latent))
    latents = torch.zeros(size, dtype=PRECISION)
    count = settings.variants if varied.any() else 0
    variants = torch.zeros((size[0], count, *size[1:]), dtype=PRECISION)
    for rows in _parts(view.present):
        latents[rows] = latents_of(model, view.take(rows).clean(), shape, settings, turn)
    variants[:] = latents[:, None]
    for rows in _parts(view.present & varied) if count else ():
        some = view.take(rows)
        generator = torch.Generator().manual_seed(seed + int(rows[0]))
        for variant in range(count):
            windows = some.augmented(change, jitter, generator)
            variants[rows, variant] = latents_of(model, windows, shape, settings, turn)
    return latents, variants


def _parts(rows: Tensor) -> list[Tensor]:
    """The places of a mask, (n,), a few at once."""
    places = torch.nonzero(rows)[:, 0]
    return list(places.split(WINDOWS)) if len(places) else []
