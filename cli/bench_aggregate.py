"""`fedbind bench aggregate`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

HELP = """How fast the server adds up replies, and how many models it holds meanwhile.

Replies of a model come in one after another, out of order among those asked at a time. The time a mean-like rule takes for
a reply is told as a ratio to one pass over memory, numpy's add of the same arrays in the same run. Rules that must see
all replies are timed on fewer nodes, against the plain mean, and against byzfl where that can be imported.
"""


def aggregate(
    parameters: Annotated[int, typer.Option(min=100, help="Numbers in the model.")] = 10_000_000,
    nodes: Annotated[int, typer.Option(min=1, help="Replies that are streamed.")] = 1000,
    at_a_time: Annotated[int, typer.Option(min=1, help="Replies that arrive together, in any order.")] = 4,
    robust_parameters: Annotated[int, typer.Option(min=100, help="Numbers in the model for robust rules.")] = 1_000_000,
    robust_nodes: Annotated[int, typer.Option(min=7, help="Nodes for robust rules.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on one line.")] = False,
) -> None:
    """See HELP."""
    from simulation.bench.aggregate.run import run

    told = run(
        parameters,
        nodes,
        at_a_time,
        robust_parameters,
        robust_nodes,
        lambda text: print(text, file=sys.stderr, flush=True),
    )
    if as_json:
        print(json.dumps(told, allow_nan=False))
    else:
        print(f"{told['ratios']['per_reply_over_memory_pass']:.2f} passes over memory a reply (FedAvg)")
        print(f"{told['models_in_memory']:.1f} models in memory beside the current one, for {nodes:,} nodes")
