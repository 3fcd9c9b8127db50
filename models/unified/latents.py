"""From windows to the frozen encoder's latents, a few pictures at once."""

from __future__ import annotations

import torch
from torch import Tensor

from configs.unified_settings import UnifiedSettings
from models.blocks import ModalityShape
from models.encoders import pooling_matrix
from models.spectral import paint, running
from models.unified.shape import picture_form, raw_numbers
from models.unified.signals import signals_of
from models.vqvae import VqVae

AT_ONCE = 16  # pictures; the encoder's layers then stay in a small core's cache
PRECISION = torch.float16  # of latents that are kept: they lie within a few units of zero


def pictures_of(signals: Tensor, settings: UnifiedSettings) -> Tensor:
    """(n, record) -> (n, 3, settings.bins, record) between 0 and 1; every column is computed once."""
    form = picture_form(settings)
    return paint(running(signals, form, settings.bins), form)


@torch.no_grad()
def latents_of(
    model: VqVae, window: Tensor, shape: ModalityShape, settings: UnifiedSettings, turn: Tensor | None = None
) -> Tensor:
    """(batch, time, channel) normalised windows -> (batch, step, number) in PRECISION, finite whatever came in.

    turn  how signals are mixed; see `signals_of`

    A step is the mean of the columns that lie in it. A whole window is one wide picture: the encoder is convolutional, and
    pictures that overlap would encode the same columns several times. It is shown nothing above `settings.bins`.
    """
    size = (len(window), settings.steps, raw_numbers(shape, settings, model.quantiser.latent))
    found = torch.zeros(size, dtype=PRECISION)
    signals = signals_of(window.float(), shape, settings, turn)  # (batch, signal, record)
    of_row = signals.shape[1]
    kept = []
    for part in signals.flatten(0, 1).split(AT_ONCE) if len(signals) else ():
        picture = pictures_of(part, settings)
        cells = model.latents(picture) if settings.latents == "continuous" else model.code(picture).quantised
        kept.append(cells.permute(0, 3, 1, 2).flatten(2))  # (signal of a window, column, number of a cell × row)
    if kept:
        cells = torch.cat(kept).unflatten(0, (-1, of_row))  # (batch, signal, column, number)
        rows = cells.transpose(1, 2).flatten(2).clamp(-1e4, 1e4)  # (batch, column, number)
        found[:] = rows if rows.shape[1] == settings.steps else pooling_matrix(rows.shape[1], settings.steps) @ rows
    return found
