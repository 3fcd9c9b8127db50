"""`fedbind bench scale`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

HELP = """How a run grows with its nodes: time a round and node, memory of driver and actors, bytes.

Every node holds SIMULATED recordings of one person and trains a small encoder of a few thousand numbers by the same ServerApp
and ClientApp as any run (phases describe, then rounds of training). Each size has processes of its own; rounds count
after a warm-up. Memory is the peak that was resident, pages shared with others included. With --out every size is
kept, and a run that was stopped goes on there.

Examples:

  fedbind bench scale --json

  fedbind bench scale --nodes 10 --nodes 100 --engine ray --engine local --rounds 5

  fedbind bench scale --nodes 10000 --rounds 3 --warm-up 0 --out bench/scale
"""


def scale(
    nodes: Annotated[
        list[int] | None, typer.Option(help="A size; may be given several times. Default: 10, 100, 1,000, 10,000.")
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(help="ray, local; may be given several times, ratios are of the first. Default: ray."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that count.")] = 3,
    warm_up: Annotated[int, typer.Option(min=0, help="Rounds before them.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Actors of the engine ray; 0: one per core.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder that keeps every size's figures.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on one line.")] = False,
) -> None:
    """See HELP."""
    from configs.errors import unknown_name
    from simulation.bench.scale.run import ENGINES, run

    for each in engine or []:
        if each not in ENGINES:
            raise unknown_name("engine", each, ENGINES, "--engine")
    told = run(
        nodes or (10, 100, 1_000, 10_000), engine or ENGINES[:1], rounds, warm_up, workers, out,
        lambda text: print(text, file=sys.stderr, flush=True),
    )  # fmt: skip
    if as_json:
        print(json.dumps(told, allow_nan=False))
        return
    if told["ratios"]["per_node_1000_over_100"] is not None:
        print(f"{told['ratios']['per_node_1000_over_100']:.2f} of the time a node takes at 100, at 1,000 nodes")
    if told["growth"] is not None:
        print(f"a round's time grows as nodes^{told['growth']:.2f}")
    print(f"{told['driver_peak_bytes'] / 2**20:,.0f} MiB in the driver at {told['driver_peak_nodes']:,} nodes")
