"""`fedbind bench tune`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

HELP = """What fine-tuning on a board costs: a head on cached latents against training from scratch.

UNIFIED is a finished run with models.encoder=unified, AGAINST one of the same data with an encoder for each sensor. For
every seed that both have, the first node that fine-tunes does so three times, each in a process of its own: the head alone
on latents that the frozen encoder made once; head and adapters; and, from AGAINST, encoders and head from scratch on the
same labels. A held-out part of its own samples chooses the epoch; test nodes are counted after every epoch, which is not
timed and chooses nothing.

The goal is the lower of the two ways' accuracies; ratios are CPU-seconds of training from scratch over those of the head,
until each first reaches it. `..._with_latents` also counts what came before training: reading, and making the latents.

Examples:

  fedbind bench tune runs/unified runs/modality --json

  fedbind bench tune runs/unified runs/modality data.root=/data/UTD-MHAD --epochs 100
"""


def tune(
    unified: Annotated[Path, typer.Argument(help="Run folder with models.encoder=unified.")],
    against: Annotated[Path, typer.Argument(help="Run folder with an encoder for each sensor.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value for both, such as data.root=FOLDER.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="At most, of each way.")] = 200,
    patience: Annotated[int, typer.Option(help="Epochs without a better one that end a way.")] = 40,
    threads: Annotated[int, typer.Option(help="Of torch.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on one line.")] = False,
) -> None:
    """See HELP."""
    from simulation.bench.tune.run import run

    options = ["--epochs", str(epochs), "--patience", str(patience), "--threads", str(threads)]
    told = run(
        unified, against, overrides or [], options, lambda text: print(text, file=sys.stderr, flush=True)
    )  # fmt: skip
    if as_json:
        print(json.dumps(told, allow_nan=False))
        return
    for name, over in told["ratios"].items():
        print(f"{name}: {over['mean']:.1f} ± {over['std']:.1f} over seeds, least {over['least']:.1f}")
