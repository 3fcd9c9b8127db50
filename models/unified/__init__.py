"""Windows of any signal as latents of one frozen encoder: what adapters learn from in the place of windows.

window    (batch, time, channel) normalised, in the frames of its modality
signals   (batch, signal, record) on the clock that all modalities share
latents   (batch, column, number): for each eighth record, what the encoder says of every cell of every signal there
"""

from models.unified.latents import latents_of, pictures_of
from models.unified.shape import SIGNAL_KINDS, latent_shape, picture_form, signal_count
from models.unified.signals import signals_of

__all__ = [
    "SIGNAL_KINDS", "latent_shape", "latents_of", "picture_form", "pictures_of", "signal_count", "signals_of",
]  # fmt: skip
