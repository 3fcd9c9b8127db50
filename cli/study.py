"""`fedbind study`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.run import Engine

HELP = """Run a study: a grid of methods, settings and seeds, and the table and picture it gives.

STUDY is a YAML file, or the name of one shipped with fedbind; without one they are listed. Overrides (key.path=value)
apply to every cell; of a study of `kind: fusion`, to the study itself. What is finished is kept: the same command goes
on where it stopped.

Examples:

  fedbind study

  fedbind study utd_mhad_methods data.root=/data/UTD-MHAD

  fedbind study utd_mhad_labels data.root=/data/UTD-MHAD seeds=[0,1] methods=[lower_bound,fedbind]

  fedbind study wesad_fusion data.root=/data/WESAD --json
"""


def study(
    study: Annotated[str | None, typer.Argument(help="YAML file, or the name of a shipped one.")] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, read as YAML, for every cell.")] = None,
    engine: Annotated[Engine, typer.Option(help="Where the nodes live; see `fedbind run --help`.")] = Engine.local,
    out: Annotated[Path | None, typer.Option(help="The study's folder; default studies/<name>.")] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No progress within a cell (other engines than local).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with the figures as one JSON object on stdout.")] = False,
) -> None:
    """See HELP."""
    from configs.errors import UserError
    from configs.schema import Experiment
    from configs.study import STUDIES, load_study
    from server.progress import ProgressView
    from server.tracking import without_nan
    from simulation.engines import run_experiment
    from simulation.study.kinds import as_object, run_of_kind

    if study is None:
        for path in sorted(STUDIES.glob("*.yaml")):
            shipped = load_study(path)
            typer.echo(f"{path.stem}: {shipped.title}\n  {shipped.explains}\n")
        return
    further = overrides or []
    asked = load_study(study, further)
    folder = out or Path("studies") / asked.name

    with open(os.devnull, "w") as nowhere:
        screen = nowhere if quiet else sys.stderr

        def run(experiment: Experiment, cell: Path, resume: bool) -> None:
            run_experiment(experiment, engine.value, cell, ProgressView(screen), resume)

        apart = None if engine is Engine.local else run  # here, jobs of all cells run side by side
        outcome = run_of_kind(asked, study, further, folder, lambda text: typer.echo(text, err=True), apart)
    print((folder / "table.csv").read_text(), end="")
    print(f"page: {folder / 'index.html'}")
    if as_json:
        print(json.dumps(without_nan(as_object(asked, outcome)), allow_nan=False))
    if outcome.failed:
        raise UserError(f"{len(outcome.failed)} jobs or cells failed", where=str(folder), expected="\n".join(outcome.failed),
                        todo="mend what is named, and give the same command again")  # fmt: skip
