"""`fedbind retrieve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HELP = """Look into a finished run: for a recording of one sensor, the most alike recordings of another.

RUN is a run folder. The recordings are read again from where the run had them (or from data.root=FOLDER) and embedded by
the networks that pre-training left, before any label tuned them. Each query is shown with its most alike recordings, then
how often the whole group finds the right one.

Examples:

  fedbind retrieve runs/20260101-120000-demo

  fedbind retrieve runs/20260101-120000-demo --from eda --to ecg --recording 4 --top 10

  fedbind retrieve runs/20260101-120000-utd data.root=/data/UTD-MHAD --method upper_bound --seed 1 --json
"""


def retrieve(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="data.root=FOLDER (further_data.NAME.root=FOLDER): where the recordings lie now."),
    ] = None,
    method: Annotated[str | None, typer.Option(help="Whose embeddings; default fedbind, else the first.")] = None,
    seed: Annotated[int | None, typer.Option(help="Which seed's; default the first.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Sensor of the query; default the group's first.")
    ] = None,
    target: Annotated[str | None, typer.Option("--to", help="Sensor of what is found; default the next one.")] = None,
    group: Annotated[str, typer.Option(help="Whose recordings: test, finetune or a group of the run.")] = "test",
    top: Annotated[int, typer.Option(min=1, help="How many are shown for a query.")] = 5,
    recording: Annotated[int | None, typer.Option(help="The query, by its number in the group.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many queries are shown, where none is named.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Everything as one JSON object on one line.")] = False,
) -> None:
    """See HELP."""
    from server.report.finish import as_line
    from simulation.retrieve import Question
    from simulation.retrieve import retrieve as look
    from simulation.retrieve_text import lines

    found = look(run, Question(method, seed, source, target, group, top, recording, count), overrides or [])
    print(as_line(found.plain()) if json else "\n".join(lines(found)))
