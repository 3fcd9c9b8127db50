"""Windows of any signal as latents of one frozen encoder: what adapters learn from in the place of windows.

window    (batch, time, channel) normalised, in the frames of its modality
signals   (batch, signal, record) on the clock that all modalities share; many are mixed into a few, along the directions in
          which those of all nodes vary most
latents   (batch, step, number): what the encoder says of every cell of every signal, averaged over each step's records,
          until all nodes agree on `axes`; behind these fewer numbers
"""

from models.unified.axes import LatentAxes, LatentSums, axes_of, sums_of
from models.unified.latents import latents_of, pictures_of
from models.unified.shape import (
    MOST_MIXED,
    SIGNAL_KINDS,
    is_mixed,
    latent_shape,
    picture_form,
    raw_numbers,
    signal_count,
    signals_before,
)
from models.unified.signals import signals_apart, signals_of

__all__ = [
    "MOST_MIXED", "SIGNAL_KINDS", "LatentAxes", "LatentSums", "axes_of", "is_mixed", "latent_shape", "latents_of",
    "picture_form", "pictures_of", "raw_numbers", "signal_count", "signals_apart", "signals_before",
    "signals_of", "sums_of",
]  # fmt: skip
