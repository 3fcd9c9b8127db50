"""`fedbind bench`: a command for each part whose cost is measured."""

from __future__ import annotations

import typer

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
app.command("encoder", help=bench_encoder.HELP)(bench_encoder.encoder)
app.command("aggregate", help=bench_aggregate.HELP)(bench_aggregate.aggregate)
app.command("match", help=bench_match.HELP)(bench_match.match)
app.command("rounds", help=bench_rounds.HELP)(bench_rounds.rounds)
app.command("tune", help=bench_tune.HELP)(bench_tune.tune)
app.command("wire", help=bench_wire.HELP)(bench_wire.wire)
app.command("scale", help=bench_scale.HELP)(bench_scale.scale)
app.command("pictures", help=bench_pictures.HELP)(bench_pictures.pictures)
app.command("all", help=bench_all.HELP)(bench_all.everything)
