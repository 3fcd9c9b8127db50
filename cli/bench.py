"""`fedbind bench`: a command for each part whose cost is measured."""

from __future__ import annotations

import typer
from rich.markup import escape

from cli import (
    bench_aggregate,
    bench_all,
    bench_encoder,
    bench_match,
    bench_pictures,
    bench_rounds,
    bench_scale,
    bench_tune,
    bench_wire,
)

app = typer.Typer(
    help="What parts cost on this machine, each measured against something else in the same run.", no_args_is_help=True
)
app.command("encoder", help=escape(bench_encoder.HELP))(bench_encoder.encoder)
app.command("aggregate", help=escape(bench_aggregate.HELP))(bench_aggregate.aggregate)
app.command("match", help=escape(bench_match.HELP))(bench_match.match)
app.command("rounds", help=escape(bench_rounds.HELP))(bench_rounds.rounds)
app.command("tune", help=escape(bench_tune.HELP))(bench_tune.tune)
app.command("wire", help=escape(bench_wire.HELP))(bench_wire.wire)
app.command("scale", help=escape(bench_scale.HELP))(bench_scale.scale)
app.command("pictures", help=escape(bench_pictures.HELP))(bench_pictures.pictures)
app.command("all", help=escape(bench_all.HELP))(bench_all.everything)
