"""What becomes of a modality's shape when one encoder reads it."""

from __future__ import annotations

from configs.unified_settings import UnifiedSettings
from models.blocks import ModalityShape
from models.spectral import PictureForm
from models.vqvae import CELL

SIGNAL_KINDS = ("inertial", "physiological", "skeleton", "csi")  # the others are pictures or points already
MOST_MIXED = 256  # signals of which every pair's product is summed: 33,000 numbers a node, once
LATENTS = "latents"  # the kind of sensor that an adapter is told


def picture_form(settings: UnifiedSettings) -> PictureForm:
    """The form of the pictures that the settings ask for."""
    return PictureForm(settings.form, settings.low_db, settings.high_db)


def vector_length(shape: ModalityShape) -> int:
    """How many channels make one vector, whose length is what `axes: norm` keeps: a joint's, an axis triple's."""
    if shape.kind == "csi" and shape.layout:
        return shape.channels // shape.layout[0]
    if shape.layout:
        return shape.layout[-1]
    return 3 if shape.channels % 3 == 0 else shape.channels


def signals_before(shape: ModalityShape, settings: UnifiedSettings) -> int:
    """How many signals a window of this modality has before they are mixed into fewer."""
    return shape.channels // vector_length(shape) if settings.axes == "norm" else shape.channels


def signal_count(shape: ModalityShape, settings: UnifiedSettings) -> int:
    """How many pictures a window of this modality makes."""
    return min(signals_before(shape, settings), settings.signals)


def is_mixed(shape: ModalityShape, settings: UnifiedSettings) -> bool:
    """Whether its signals are mixed along directions that the nodes' sums tell; of very many a rotation is drawn."""
    if settings.mixture == "drawn":
        return False
    return shape.kind in SIGNAL_KINDS and settings.signals < signals_before(shape, settings) <= MOST_MIXED


def latent_shape(shape: ModalityShape, settings: UnifiedSettings, latent: int) -> ModalityShape:
    """The latents of a modality as an adapter sees them, of an encoder with so many numbers a cell; others as they are."""
    if shape.kind not in SIGNAL_KINDS:
        return shape
    return ModalityShape(LATENTS, settings.steps, min(settings.numbers, raw_numbers(shape, settings, latent)))


def raw_numbers(shape: ModalityShape, settings: UnifiedSettings, latent: int) -> int:
    """How many numbers a step has before it is turned to the agreed axes."""
    return signal_count(shape, settings) * latent * (settings.bins // CELL)
