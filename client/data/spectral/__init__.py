"""Recordings as spectral images: signals at one common rate, normalised, in windows that a picture is painted of."""

from client.data.spectral.series import AXES, Series, is_signal, series_of
from client.data.spectral.windows import SpectralWindows, spectral_windows

__all__ = ["AXES", "Series", "SpectralWindows", "is_signal", "series_of", "spectral_windows"]
