"""`fedbind bench wire`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

HELP = """Accuracy and bytes under different lists of codecs, beside shipping full models of every modality in 32 bits.

All settings run the same experiment, rounds and seeds; only what travels differs. Bytes are those of serialised messages.
bytes_to_target is what training sent both ways until the mean over seeds first reached, between rounds, what the full
models reach at their last round. With data.root=… recordings are UTD-MHAD's (or CONFIG's); without, SIMULATED wearables.

What is finished is kept: the same command goes on where it stopped.

Examples:

  fedbind bench wire data.root=/data/UTD-MHAD --seeds 3 --json

  fedbind bench wire --setting full_float32 --setting delta_top_k_int8 rounds.contrast=10
"""


def wire(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value, read as YAML, for all settings.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="YAML file or shipped name; default utd_mhad_acc with data.root, demo without.")
    ] = None,
    setting: Annotated[list[str] | None, typer.Option(help="May be given several times; default: all.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="So many seeds from 0.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Jobs side by side; 0: one per core.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the runs and of wire.json and wire.csv.")] = Path("bench/wire"),
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on one line.")] = False,
) -> None:
    """See HELP."""
    from configs.errors import UserError
    from simulation.bench.wire.run import run, table

    own = overrides or []
    named = config or ("utd_mhad_acc" if any(word.startswith("data.root=") for word in own) else "demo")
    told, failed = run(
        named, own, setting or [], seeds, workers, out, lambda text: print(text, file=sys.stderr, flush=True)
    )
    data = told["data"] or {"name": "no data yet", "simulated": False}
    kind = "SIMULATED" if data["simulated"] else "real recordings"
    print(f"{data['name']}: {kind}; {named}, {seeds} seeds", file=sys.stderr)
    print(json.dumps(told, allow_nan=False) if as_json else table(told).rstrip())
    if failed:
        raise UserError(f"{len(failed)} jobs failed", str(out), "\n".join(failed), "give the same command again")
