"""A signal as plain SVG text: one line per channel, broken where there is a gap. Only numbers come into it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from client.data.recording import Signal

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c99", "#6b6b6b")  # Okabe and Ito
WIDTH, HEIGHT, EDGE = 260, 84, 3
MOST_CHANNELS, MOST_POINTS = 12, 180


def trace_svg(signal: Signal, low: float, high: float, said: str) -> str:
    """The signal between the values `low` and `high`, which the picture's lower and upper edge stand for.

    Of more than MOST_CHANNELS channels some are drawn, evenly spread. `said` names the picture to those who cannot see
    it; it must be escaped already.
    """
    channels = shown_channels(signal.values.shape[1])
    lines = [_line(signal.values[:, channel], low, high, number) for number, channel in enumerate(channels)]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{said}">'
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" fill="#fff" stroke="#dde3ea"/>'
        f"{''.join(lines)}</svg>"
    )


def shown_channels(channels: int) -> list[int]:
    """The numbers of the channels that are drawn."""
    if channels <= MOST_CHANNELS:
        return list(range(channels))
    return [int(each) for each in np.linspace(0, channels - 1, MOST_CHANNELS).round()]


def _line(values: NDArray[np.float32], low: float, high: float, number: int) -> str:
    records, known = thinned(values)
    x = EDGE + records / max(len(values) - 1, 1) * (WIDTH - 2 * EDGE)
    share = np.clip((known - low) / (high - low), -0.02, 1.02)
    y = HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE)
    path, broken = [], True
    for at_x, at_y in zip(x.tolist(), y.tolist(), strict=True):
        if at_y != at_y:
            broken = True
            continue
        path.append(f"{'M' if broken else 'L'}{at_x:.1f} {at_y:.1f}")
        broken = False
    colour = COLOURS[number % len(COLOURS)]
    return f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-linecap="round"/>' if path else ""


def thinned(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(record, value) of what is drawn of (time,): every record, or the least and greatest of each of equal parts.

    A part without any value is a gap, NaN.
    """
    if len(values) <= MOST_POINTS:
        return np.arange(len(values), dtype=np.float64), values.astype(np.float64)
    records, drawn = [], []
    for part in np.array_split(np.arange(len(values)), MOST_POINTS // 2):
        finite = part[np.isfinite(values[part])]
        ends: Sequence[int] = [finite[values[finite].argmin()], finite[values[finite].argmax()]] if len(finite) else []
        for record in sorted(ends) if len(finite) else [part[0]]:
            records.append(float(record))
            drawn.append(float(values[record]) if len(finite) else np.nan)
    return np.array(records), np.array(drawn)
