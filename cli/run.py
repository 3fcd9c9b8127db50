"""`fedbind run`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

HELP = """Run an experiment: every method under every seed, then a report.

CONFIG is a YAML file, or the name of one shipped with fedbind: demo, utd_mhad_acc, utd_mhad_label, motionsense,
motionsense_own, wesad_wrist, shoaib, mmfi, utd_mhad_nodes, wesad_nodes. Anything in it can be overridden as key.path=value.

Examples:

  fedbind run demo

  fedbind run utd_mhad_acc data.root=/data/UTD-MHAD seeds=[0,1] split.test=[7]

  fedbind run --resume runs/20260101-120000-demo
"""


class Engine(StrEnum):
    """Where the nodes live."""

    local = "local"
    ray = "ray"
    flower = "flower"


def run(
    config: Annotated[str | None, typer.Argument(help="YAML file, or the name of a shipped one.")] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, read as YAML.")] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            help="local: nodes in this machine's processes, a process per job. ray: many nodes resident in each Ray "
            "actor, here or on a cluster (run.address). flower: Flower's own Ray simulation."
        ),
    ] = Engine.local,
    out: Annotated[Path | None, typer.Option(help="Run folder to make; default runs/<time>-<name>.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with an earlier run; finished jobs are kept.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Last line of standard output: the summary as one JSON object.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """See HELP."""
    from configs.errors import UserError
    from configs.load import check, load
    from server.progress import ProgressView, headline_lines
    from server.report.finish import as_line, stored_experiment
    from simulation.engines import run_experiment

    if resume is not None:
        if config is not None or overrides:
            raise UserError("--resume takes the configuration of the run folder", todo="leave CONFIG and overrides out")
        if out is not None:
            raise UserError("--resume goes on in the run's own folder", where=f"--out {out}", todo="leave --out out")
        experiment, out = check(stored_experiment(resume), where=str(resume / "config.yaml")), resume
    elif config is None:
        raise UserError("which experiment?", expected="fedbind run CONFIG", todo="try `fedbind run demo`")
    else:
        experiment = load(config, overrides or [])
    view = ProgressView(open("/dev/null", "w") if quiet else sys.stderr)  # noqa: SIM115
    folder, summary = run_experiment(experiment, engine.value, out, view, resume is not None)
    if json:
        print(as_line(summary))
    else:
        if quiet or not (sys.stderr.isatty() and sys.stdout.isatty()):  # on a terminal the progress has just said it
            print("\n".join(headline_lines(summary)))
        print(f"report: {folder / 'report.html'}")
