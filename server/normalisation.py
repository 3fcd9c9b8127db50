"""Normalisation that the training nodes agree on, from sums that add up exactly over nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from protocol.limits import MOST_COUNT, MOST_VALUE
from protocol.payload import Block, ProtocolError

_KEYS = ("count", "total", "squares")
_LOST = 1e-150


SKELETON_FLOOR = 0.3  # joints share one unit: a joint that hardly moves must not be blown up to the size of a hand


def agreed(moments: Iterable[Mapping[str, Block]], kinds: Mapping[str, str] | None = None) -> dict[str, Block]:
    """`moments.<modality>` blocks of mean and standard deviation per channel, float32, from the nodes' sums.

    kinds    modality -> kind; a skeleton's spreads have a floor of SKELETON_FLOOR of their root mean square
    moments  one mapping per node, in rising order of partition: modality -> count, total and squares, float64 (channel,)
    """
    added: dict[str, Block] = {}
    for node in moments:
        for modality, block in node.items():
            before = added.setdefault(modality, {key: np.zeros_like(block[key]) for key in _KEYS})
            if any(block[key].shape != before[key].shape for key in _KEYS):
                raise ProtocolError(f"{modality}: nodes disagree on the number of channels")
            added[modality] = {key: before[key] + block[key] for key in _KEYS}
    agreement = {}
    for modality, sums in sorted(added.items()):
        count = np.maximum(sums["count"], 1.0)
        mean = sums["total"] / count
        spread = np.sqrt(np.maximum(sums["squares"] / count - mean**2, 0.0))
        if (kinds or {}).get(modality) == "skeleton":
            spread = np.maximum(spread, SKELETON_FLOOR * np.sqrt((spread**2).mean()))
        still = spread <= 1e-6 * np.maximum(np.abs(mean), 1.0)  # a channel that never moves: only its mean is taken off
        agreement[f"moments.{modality}"] = {
            "mean": mean.astype(np.float32),
            "std": np.where(still, 1.0, spread).astype(np.float32),
        }
    return agreement


def moments_of(reply_blocks: Mapping[str, Block], partition: int) -> dict[str, Block]:
    """One node's sums out of its host's reply: modality -> count, total, squares; raises ProtocolError where one lacks."""
    found: dict[str, Block] = {}
    for name, block in reply_blocks.items():
        own = {key.partition("/")[2]: value for key, value in block.items() if key.startswith(f"{partition}/")}
        if not own:
            continue
        check_sums(name, own)
        found[name.removeprefix("moments.")] = own
    return found


def check_sums(name: str, sums: Block) -> None:
    """Raises ProtocolError unless these are counts, sums and sums of squares that some numbers can have, one a channel."""
    shapes = {value.shape for value in sums.values()}
    one_each = len(shapes) == 1 and len(next(iter(shapes))) == 1
    if set(sums) != set(_KEYS) or not one_each or any(value.dtype != np.float64 for value in sums.values()):
        raise ProtocolError(f"{name[:60]}: expected {', '.join(_KEYS)}, one number per channel each")
    count, total, squares = (sums[key] for key in _KEYS)
    if (count < 0).any() or (squares < 0).any():
        raise ProtocolError(f"{name[:60]}: counts and sums of squares cannot be negative")
    far = (count > MOST_COUNT).any()
    if far or (np.sqrt(squares) > np.sqrt(count) * MOST_VALUE).any() or (abs(total) > count * MOST_VALUE).any():
        raise ProtocolError(f"{name[:60]}: counts above {MOST_COUNT:g}, or values above {MOST_VALUE:g}")
    least = _LOST * count  # squares of numbers below it are 0 in double precision
    if (abs(total) > np.sqrt(count) * np.sqrt(squares) * (1 + 1e-6) + least).any():  # Cauchy and Schwarz
        raise ProtocolError(f"{name[:60]}: no numbers have this sum and these squares")
