"""The autoencoder of the shared modality (MMBind section 4.2, eq. 1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.encoders import FEATURE, STEPS, build_encoder


def interpolation_matrix(steps: int, frames: int) -> Tensor:
    """Linear interpolation from `steps` bin centres to `frames`, as a constant (frames, steps) matrix."""
    centres = torch.linspace(0, steps - 1, frames)
    left = centres.floor().long().clamp(max=steps - 2)
    matrix = torch.zeros(frames, steps)
    rows = torch.arange(frames)
    matrix[rows, left] = 1 - (centres - left)
    matrix[rows, left + 1] = centres - left
    return matrix


class SharedAutoencoder(nn.Module):
    """Window -> latent of a few numbers -> window, trained with the mean squared error of eq. 1.

    The latent is a real bottleneck (64 numbers for a window of 360): the decoder sees nothing else. Windows enter
    normalised; the latent is not (whoever matches by cosine normalises it). With `out`, (channels, frames) of another
    sensor, it is trained to give that sensor's window instead: cross-modal generation.
    """

    def __init__(
        self, channels: int, frames: int, latent: int = 64, kind: str = "inertial", width: int = 32,
        layout: tuple[int, ...] = (), out: tuple[int, int] | None = None,
    ):  # fmt: skip
        super().__init__()
        out_channels, out_frames = out or (channels, frames)
        self.encoder = build_encoder(kind, channels, frames, width=width, layout=layout)
        self.squeeze = nn.Linear(STEPS * FEATURE, latent)
        self.expand = nn.Linear(latent, STEPS * width)
        self.width = width
        self.register_buffer("stretch", interpolation_matrix(STEPS, out_frames), persistent=False)  # (time, step)
        self.refine = nn.Sequential(
            nn.Conv1d(width, width, 5, padding=2), nn.GELU(), nn.Conv1d(width, out_channels, 5, padding=2)
        )

    def encode(self, window: Tensor) -> Tensor:
        """(batch, time, channel) -> (batch, latent)."""
        return self.squeeze(self.encoder(window).flatten(1))

    def decode(self, latent: Tensor) -> Tensor:
        """(batch, latent) -> (batch, time, channel)."""
        coarse = self.expand(latent).view(-1, self.width, STEPS)  # (batch, width, step)
        return self.refine(F.gelu(coarse @ self.stretch.T)).transpose(1, 2)

    def forward(self, window: Tensor) -> Tensor:
        return self.decode(self.encode(window))


def reconstruction_error(model: SharedAutoencoder, window: Tensor, clean: Tensor | None = None) -> Tensor:
    """Eq. 1: mean squared error of the reconstruction. With `clean` given, `window` is its corrupted form (denoising)."""
    return F.mse_loss(model(window), window if clean is None else clean)


__all__ = ["SharedAutoencoder", "interpolation_matrix", "reconstruction_error"]
