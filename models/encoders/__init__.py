"""Modality encoders that keep eight coarse time steps: (batch, frames, channels) -> (batch, STEPS, FEATURE).

MMBind (Ouyang et al., SenSys 2025) encodes each sensor with convolutions followed by a recurrent layer. Here the
encoders are small (about 50 to 200 thousand parameters) and do *not* average over all time: on whole recordings of an
action, what happens first and what happens last tells the classes apart.

What one frame looks like is its `layout`: integers whose product is `channels`, () for a plain vector. No BatchNorm:
parameters are averaged over nodes, and running statistics of different nodes do not average.
"""

from models.encoders.registry import ENCODERS, SINGLE_FRAME, build_encoder
from models.encoders.steps import FEATURE, STEPS, pooling_matrix

__all__ = ["ENCODERS", "FEATURE", "SINGLE_FRAME", "STEPS", "build_encoder", "pooling_matrix"]
