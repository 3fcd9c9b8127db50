"""Pictures made by rule, where there are no others: dead leaves (Lee, Mumford and Huang 2001).

Shapes of all sizes fall on one another and hide what lies below. The edges, their sizes (as many small ones as a
photograph has) and flat or shaded areas are those of natural images, and networks trained on them see well enough
(Baradad et al., NeurIPS 2021). Still, what is trained on them was trained on no photograph, and its card says so.
"""

import numpy as np
from numpy.typing import NDArray

LEAVES = 40
SMALLEST, LARGEST = 0.04, 0.6  # of the side
AT_ONCE = 256  # pictures held in memory as float32


def made_images(count: int, side: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """(count, side, side, 3)."""
    parts = [_made(min(AT_ONCE, count - start), side, generator) for start in range(0, count, AT_ONCE)]
    return np.concatenate([np.zeros((0, side, side, 3), np.uint8), *parts])


def _made(count: int, side: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side
    down, across = axis[:, None], axis[None, :]
    pictures = np.zeros((count, side, side, 3), dtype=np.float32)
    for leaf in range(LEAVES + 1):  # the first covers all
        angle, y, x, draw, stretch = (
            generator.random((5, count, 1, 1), dtype=np.float32) * np.array([np.pi, 1, 1, 1, 0.7])[:, None, None, None]
        ).astype(np.float32)
        size = ((1 - draw) / SMALLEST**2 + draw / LARGEST**2) ** -0.5  # density falls with the cube of the size
        along = (down - y) * np.cos(angle) + (across - x) * np.sin(angle)  # (count, side, side)
        beside = ((across - x) * np.cos(angle) - (down - y) * np.sin(angle)) / (1 - stretch)
        round_ = generator.random((count, 1, 1)) < 0.5
        far = np.where(round_, np.hypot(along, beside), np.maximum(np.abs(along), np.abs(beside)))
        inside = (far < size) | (leaf == 0)
        shade = generator.normal(0, 0.3, (count, 1, 1, 3)).astype(np.float32) * along[..., None]
        colour = generator.random((count, 1, 1, 3), dtype=np.float32) + shade
        pictures = np.where(inside[..., None], colour, pictures)
    pictures += generator.normal(0, 0.02, pictures.shape).astype(np.float32)
    return (pictures.clip(0, 1) * 255).round().astype(np.uint8)
