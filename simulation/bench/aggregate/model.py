"""A model of a given size and replies to it, made from a seed: figures of speed do not hang on what the numbers are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from strategies.rule import Block, Reply

_TENSORS = 24  # as in an encoder: a few hold most numbers
_KEPT = 4  # replies are drawn from so many, since drawing each anew would take longer than adding it


def new_model(parameters: int, seed: int = 0) -> Block:
    """So many float32 numbers in tensors of different sizes."""
    generator = np.random.default_rng(seed)
    share = np.geomspace(1.0, 0.05, _TENSORS)
    sizes = np.maximum(1, np.floor(parameters * share / share.sum())).astype(int)
    sizes[0] += parameters - sizes.sum()
    return {f"layer{at}.weight": generator.standard_normal(size, dtype=np.float32) for at, size in enumerate(sizes)}


def replies(parameters: int, nodes: int, at_a_time: int, seed: int = 0) -> Iterator[list[Reply]]:
    """Every node's reply once, a fresh copy as if off a message, in groups that arrive together, out of order within."""
    kept = [new_model(parameters, seed + 1 + at) for at in range(_KEPT)]
    generator = np.random.default_rng(seed)
    for start in range(0, nodes, at_a_time):
        group = list(range(start, min(start + at_a_time, nodes)))
        generator.shuffle(group)
        yield [
            Reply(
                {name: value.copy() for name, value in kept[node % _KEPT].items()},
                float(50 + node % 200),
                node,
                {"loss": 1.0, "steps": 4.0 + node % 3, "rate": 1e-3, "quality": 0.5, "entropy": 0.5, "weight_all": 0.0},
            )
            for node in group
        ]


def size(block: Block) -> int:
    """Bytes of a block."""
    return sum(value.nbytes for value in block.values())
