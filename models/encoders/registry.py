"""The families by name. Every kind of sensor is one; `inertial2d` and `skeleton_graph` are choices for their kinds."""

import math
from collections.abc import Callable
from functools import partial

from torch import nn

from models.encoders.adapter import LatentAdapter
from models.encoders.csi import CsiEncoder
from models.encoders.graph import GraphEncoder
from models.encoders.image import ImageEncoder
from models.encoders.points import PointEncoder
from models.encoders.sequence import STEMS, ConvRecurrentEncoder, PlaneEncoder
from models.encoders.steps import FEATURE

VECTORS: dict[str, Callable[[int, int, int, int], nn.Module]] = {  # of (channels, frames, width, feature)
    **{kind: partial(ConvRecurrentEncoder, stem) for kind, stem in STEMS.items()},
    "inertial2d": PlaneEncoder,
    "latents": lambda channels, frames, _, feature: LatentAdapter(channels, frames, feature),  # of one frozen encoder
}
FRAMES: dict[str, Callable[[tuple[int, ...], int, int, int], nn.Module]] = {  # of (layout, frames, width, feature)
    "skeleton_graph": GraphEncoder,
    "image": ImageEncoder,
    "depth": ImageEncoder,
    "infrared": ImageEncoder,
    "points": PointEncoder,
    "csi": CsiEncoder,
}
ENCODERS = (*VECTORS, *FRAMES)
SINGLE_FRAME = ("image", "depth", "infrared", "points", "csi")  # whose windows may be one frame long


def build_encoder(
    kind: str,
    channels: int,
    frames: int,
    width: int = 64,
    feature: int = FEATURE,
    layout: tuple[int, ...] = (),
) -> nn.Module:
    """The encoder of one modality: (batch, frames, channels) -> (batch, STEPS, feature).

    Raises ValueError for an unknown kind, a width that is no multiple of 8, a window too short or without channels, and
    a layout that is not of the kind or whose product is not `channels`.
    """
    if kind not in ENCODERS:
        raise ValueError(f"unknown kind of modality {kind!r}: one of {', '.join(ENCODERS)}")
    if width % 8 or width < 8:
        raise ValueError(f"width must be a multiple of 8, got {width}")
    least = 1 if kind in SINGLE_FRAME else 2
    if channels < 1 or frames < least:
        raise ValueError(f"a window needs at least {least} frames and 1 channel, got {frames} and {channels}")
    if layout and math.prod(layout) != channels:
        raise ValueError(f"the layout {layout} does not make {channels} channels")
    if kind in VECTORS:
        return VECTORS[kind](channels, frames, width, feature)
    return FRAMES[kind](layout, frames, width, feature)
