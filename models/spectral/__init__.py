"""Signals as pictures, so that one encoder reads every sensor (Latent Sensor Fusion, Ahmed and Gummeson, ICMR 2025).

The paper cuts a signal into windows of 128 records, stride 32, takes the short-time Fourier transform and draws its
log-magnitude as 128×128×3. Here a signal enters normalised (mean 0, spread 1 over all nodes' recordings), at a common
rate, and the decibels that the colours span are fixed: how strong a signal is stays visible, which it would not if each
picture were stretched to its own least and greatest value.

Columns are what is computed and kept (`columns`, one byte a pixel); they become a picture when they are painted.
"""

from models.spectral.columns import columns, running, windows_in
from models.spectral.fill import filled
from models.spectral.form import FORMS, PictureForm
from models.spectral.paint import paint
from models.spectral.shape import BANDS, BINS, LEAD, PICTURE, RECORDS, STRIDE
from models.spectral.stream import SpectralStream

__all__ = [
    "BANDS", "BINS", "FORMS", "LEAD", "PICTURE", "RECORDS", "STRIDE", "PictureForm", "SpectralStream", "columns", "filled",
    "paint", "running", "windows_in",
]  # fmt: skip
