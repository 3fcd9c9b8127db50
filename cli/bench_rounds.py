"""`fedbind bench rounds`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

HELP = """What a round of many small nodes costs: a plain loop, fedbind's engines, Flower's own Ray simulation, Apple's pfl.

Every node takes 4 SGD steps of 32 samples from the round's weights; the server averages. mlp has 101,770 numbers; encoder
is fedbind's own encoder of a motion sensor. batched is the plain loop with ten nodes side by side in each step, ray_batched the
engine with run.batched_nodes=auto (it tries for four rounds, so --warm-up is 5); both agree with the others within
1e-4, and are of models whose layers can be stacked. All engines run the same ServerApp and ClientApp. Each system has processes
of its own, one thread each, and warms up; systems take turns. wall is the median of rounds; cpu is of the driver and all
processes it started, a round. Weights are checked to agree. Ratios in front are of the first model.

pfl has an environment of its own, which benchmarks/pfl_env.sh makes; it runs where --pfl names that folder, in as many
processes as the Ray engines have actors.

On a busy machine CPU times tell more than the wall's.

Examples:

  fedbind bench rounds --json

  fedbind bench rounds --model mlp --nodes 20 --rounds 3 --turns 1 --system plain --system ray
"""


def rounds(
    model: Annotated[list[str] | None, typer.Option(help="mlp, encoder; may be given several times.")] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Nodes.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that count, each turn.")] = 10,
    warm_up: Annotated[int, typer.Option(min=0, help="Rounds before them.")] = 5,
    turns: Annotated[int, typer.Option(min=1, help="How often every system has its turn.")] = 3,
    workers: Annotated[int, typer.Option(min=0, help="Actors of both Ray engines; 0: one per core.")] = 0,
    system: Annotated[
        list[str] | None,
        typer.Option(
            help="plain, batched, local, ray, ray_batched, flower_ray, pfl; may be repeated. Default: all there are."
        ),
    ] = None,
    pfl: Annotated[Path | None, typer.Option(help="The environment that benchmarks/pfl_env.sh made.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on one line.")] = False,
) -> None:
    """See HELP."""
    from configs.errors import UserError
    from simulation.bench.rounds.run import run
    from simulation.bench.rounds.systems.registry import SYSTEMS
    from simulation.bench.rounds.task import MODELS

    for given, known, what in ((model or [], MODELS, "model"), (system or [], (*SYSTEMS, "pfl"), "system")):
        for each in given:
            if each not in known:
                raise UserError(f"unknown {what} {each!r}", expected=", ".join(known))
    told = run(
        model or MODELS, nodes, rounds, warm_up, turns, workers,
        system or [*SYSTEMS, *(["pfl"] if pfl is not None else [])],
        lambda text: print(text, file=sys.stderr, flush=True), None if pfl is None else pfl.absolute(),
    )  # fmt: skip
    if as_json:
        print(json.dumps(told, allow_nan=False))
        return
    for name, value in told["ratios"].items():
        if name != "by_model":
            print(f"{name}: {'not measured' if value is None else f'{value:.2f}'}")
