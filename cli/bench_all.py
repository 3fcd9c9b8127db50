"""`fedbind bench all`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.commands import check_folder

HELP = """All benches one after another: one table of ratios beside what they should be at most, and one JSON object.

Each has processes of its own and is measured against something else in the same run. What is finished is kept in --out: the
same command goes on where it stopped. In full this takes an hour or more on two cores, which nothing else should use;
--quick only tries that everything runs, its figures mean nothing. --pfl names the environment that
benchmarks/pfl_env.sh makes.

Examples:

  fedbind bench all --quick

  fedbind bench all --only match --only scale --out bench/all --json
"""


def everything(
    only: Annotated[list[str] | None, typer.Option(help="A bench; may be given several times. Default: all.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Reduced sizes.")] = False,
    pfl: Annotated[Path | None, typer.Option(help="The environment of Apple's pfl.")] = None,
    utd_mhad: Annotated[
        Path | None,
        typer.Option("--utd-mhad", help="UTD-MHAD for the bench of the wire; without it SIMULATED wearables."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of bench.json and of each bench's own figures.")] = Path(
        "bench/all"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on one line.")] = False,
) -> None:
    """See HELP."""
    from cli.bench import app
    from configs.errors import UserError
    from simulation.bench.together import run, table

    check_folder(pfl, "--pfl", "the environment that benchmarks/pfl_env.sh makes")
    check_folder(utd_mhad, "--utd-mhad", "a folder with Inertial/ and Skeleton/")
    commands = {command.name or "" for command in app.registered_commands}
    further = {
        **dict.fromkeys(("rounds", "rounds_encoder"), ["--pfl", str(pfl.absolute())] if pfl is not None else []),
        "wire": [f"data.root={utd_mhad.absolute()}"] if utd_mhad is not None else [],
    }
    told = run(only or (), commands, quick, further, out, lambda text: print(text, file=sys.stderr, flush=True))
    print(table(told), file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(told, allow_nan=False))
    if told["failed"]:
        reasons = "; ".join(f"{name} {why}" for name, why in told["failed"].items())
        raise UserError(f"{len(told['failed'])} benches failed", str(out), reasons, "what they said stands above")
