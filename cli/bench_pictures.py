"""`fedbind bench pictures`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

HELP = """A signal's picture for the unified encoder: fedbind's way, torch.stft, scipy.signal.ShortTimeFFT.

All three go from SIMULATED records to the same levels of decibels (checked; one level of 256 apart at most), in single
precision, in turn; ratios are of medians.
"""


def pictures(
    signals: Annotated[int, typer.Option(min=1, help="Signals at once.")] = 6,
    pictures: Annotated[int, typer.Option(min=1, help="Windows of 128 columns of each signal.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="How often every way has its turn.")] = 100,
    threads: Annotated[int, typer.Option(min=1, help="For torch.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on one line.")] = False,
) -> None:
    """See HELP."""
    from simulation.bench.pictures.run import run

    told = run(signals, pictures, repeats, threads, lambda text: print(text, file=sys.stderr, flush=True))
    if as_json:
        print(json.dumps(told, allow_nan=False))
        return
    for name, value in told["ratios"].items():
        print(f"{name}: {value:.2f}")
