"""`fedbind bench`."""

from __future__ import annotations

import typer

from cli import bench_aggregate

app = typer.Typer(
    help="Measure one part by itself, against something in the same run on the same machine.", no_args_is_help=True
)
app.command("aggregate", help=bench_aggregate.HELP)(bench_aggregate.aggregate)
