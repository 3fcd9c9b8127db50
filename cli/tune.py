"""`fedbind tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HELP = """Fine-tune one node by itself, as a board would, from what a run's pre-training left.

RUN is a run folder. The node's own labelled samples are read again; a part of them is held out and chooses the epoch.
With models.encoder=unified the frozen encoder reads every window once; then only adapters and head learn. The head begins as
the means of its classes in the bound space: --epochs 0 leaves it at that, which costs next to nothing.

Every epoch is on disk before the next begins: stopped or killed at any moment, the same command goes on, and ends with
the very weights it would have had. --seconds, --memory-mib and --threads are limits; the best network so far is kept
when one is reached.

Examples:

  fedbind tune runs/20260101-120000-demo

  fedbind tune runs/20260101-120000-demo --threads 2 --seconds 60 --memory-mib 900 --bf16

  fedbind tune runs/20260101-120000-demo --epochs 0 --test

  fedbind tune runs/20260101-120000-demo --scratch --test --json
"""


def tune(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value of the run's configuration, such as data.root=FOLDER.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="Whose networks; default fedbind, else the first.")] = None,
    seed: Annotated[int | None, typer.Option(help="Which seed's; default the first.")] = None,
    node: Annotated[int, typer.Option(min=0, help="Which of the nodes that fine-tune.")] = 0,
    scratch: Annotated[bool, typer.Option("--scratch", help="Fresh networks, to compare with.")] = False,
    head_only: Annotated[bool, typer.Option("--head-only", help="Adapters and encoders stay as they are.")] = False,
    epochs: Annotated[int, typer.Option(help="At most; 0: class means alone.")] = 200,
    patience: Annotated[int, typer.Option(help="Epochs without a better one that end it.")] = 40,
    held: Annotated[float, typer.Option(help="Share of the labelled samples that is held out.")] = 0.2,
    seconds: Annotated[float | None, typer.Option(help="Of training, all sittings together.")] = None,
    memory_mib: Annotated[int | None, typer.Option(help="Largest resident size.")] = None,
    threads: Annotated[int, typer.Option(help="Of torch.")] = 1,
    bf16: Annotated[bool, typer.Option("--bf16", help="Arithmetic in bfloat16.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Count on the test nodes at the end.")] = False,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve", help="Count on the test nodes after every epoch too; not timed, and nothing is chosen by it."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder; default RUN/tuned-METHOD-SEED-NODE, with main and first where neither is named."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="End with the figures as one JSON object on one line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """See HELP."""
    from client.edge import EdgeSettings
    from server.report.finish import as_line
    from simulation.tune import Asked, out_folder, told_lines, tune_run

    asked = Asked(method, seed, node, scratch, test, curve)
    limits = EdgeSettings(epochs, patience, held, seconds, memory_mib, threads, bf16, not head_only)
    folder = out or out_folder(run, asked, limits)
    tell = (lambda text: None) if quiet else (lambda text: typer.echo(text, err=True))
    found = tune_run(run, asked, limits, folder, overrides or [], tell)
    print(as_line(found) if json else "\n".join(told_lines(found, folder)))
