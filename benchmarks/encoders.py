"""Milliseconds per window of every family of encoders, as ratios to the inertial one: python benchmarks/encoders.py

One thread, a batch of 16, the median of several passes forward, and forward with backward. Sizes are those of the data
sets at their loaders' defaults. Nothing is read: inputs are random numbers.
"""

from __future__ import annotations

import math
import statistics
import sys
import time

import torch
from torch import nn

from models.encoders import build_encoder

CASES: dict[str, tuple[str, tuple[int, ...], int]] = {  # what -> family, layout of a frame, frames
    "inertial, 3 axes": ("inertial", (3,), 120),
    "inertial2d, 3 axes": ("inertial2d", (3,), 120),
    "physiological": ("physiological", (1,), 256),
    "skeleton, 20 joints": ("skeleton", (20, 3), 40),
    "skeleton_graph, 20 joints": ("skeleton_graph", (20, 3), 40),
    "depth, 24 × 32": ("depth", (24, 32, 1), 40),
    "image, 24 × 32": ("image", (24, 32, 3), 40),
    "image alone, 64 × 64": ("image", (64, 64, 3), 1),
    "points, 32 of radar": ("points", (32, 5), 40),
    "csi, 3 × 114 × 10": ("csi", (3, 114, 10), 40),
}
BATCH = 16


def milliseconds(encoder: nn.Module, window: torch.Tensor, backward: bool, passes: int) -> float:
    """Median time of one window of the batch."""
    taken = []
    for _ in range(passes + 2):  # the first two warm up
        start = time.perf_counter()
        with torch.set_grad_enabled(backward):
            out = encoder(window)
            if backward:
                out.square().mean().backward()
        taken.append((time.perf_counter() - start) * 1000 / len(window))
    return statistics.median(taken[2:])


def main(passes: int = 7) -> None:
    """Prints the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{'family':28}{'parameters':>11}{'forward':>10}{'ratio':>7}{'training':>10}{'ratio':>7}   ms per window")
    first: tuple[float, float] | None = None
    for what, (kind, layout, frames) in CASES.items():
        encoder = build_encoder(kind, math.prod(layout), frames, layout=layout)
        window = torch.randn(BATCH, frames, math.prod(layout))
        taken = (milliseconds(encoder, window, False, passes), milliseconds(encoder, window, True, passes))
        first = first or taken
        count = sum(parameter.numel() for parameter in encoder.parameters())
        times = "".join(f"{ms:>10.3f}{ms / base:>7.1f}" for ms, base in zip(taken, first, strict=True))
        print(f"{what:28}{count:>11,}{times}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
