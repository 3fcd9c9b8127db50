"""`fedbind study`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.run import Engine

HELP = """Run a study: a grid of methods, settings and seeds, and the table and picture it gives.

STUDY is a YAML file, or the name of one shipped with fedbind; without one they are listed. Overrides (key.path=value)
apply to every cell. What is finished is kept: the same command goes on where it stopped.

Examples:

  fedbind study

  fedbind study utd_mhad_methods data.root=/data/UTD-MHAD

  fedbind study utd_mhad_labels data.root=/data/UTD-MHAD seeds=[0,1] methods=[lower_bound,fedbind]
"""


def study(
    study: Annotated[str | None, typer.Argument(help="YAML file, or the name of a shipped one.")] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, read as YAML, for every cell.")] = None,
    engine: Annotated[Engine, typer.Option(help="Where the nodes live; see `fedbind run --help`.")] = Engine.local,
    out: Annotated[Path | None, typer.Option(help="The study's folder; default studies/<name>.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress within a cell.")] = False,
) -> None:
    """See HELP."""
    from configs.errors import UserError
    from configs.schema import Experiment
    from configs.study import STUDIES, cells, load_study
    from server.progress import ProgressView
    from simulation.engines import run_experiment
    from simulation.study.run import run_study

    if study is None:
        for path in sorted(STUDIES.glob("*.yaml")):
            shipped = load_study(path)
            typer.echo(f"{path.stem}: {shipped.title}\n  {shipped.explains}\n")
        return
    asked, further = load_study(study), overrides or []
    folder = out or Path("studies") / asked.name
    jobs = sum(len(cell.experiment.methods) * len(cell.experiment.seeds) for cell in cells(asked, further))
    typer.echo(f"{asked.title}: {jobs} jobs in {folder}", err=True)

    with open(os.devnull, "w") as nowhere:
        screen = nowhere if quiet else sys.stderr

        def run(experiment: Experiment, cell: Path, resume: bool) -> None:
            run_experiment(experiment, engine.value, cell, ProgressView(screen), resume)

        outcome = run_study(asked, study, further, folder, run, lambda text: typer.echo(text, err=True))
    print((folder / "table.csv").read_text(), end="")
    print(f"page: {folder / 'index.html'}")
    if outcome.failed:
        raise UserError(f"{len(outcome.failed)} cells failed", where=str(folder), expected="\n".join(outcome.failed),
                        todo="mend what is named, and give the same command again")  # fmt: skip
