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
from cli.commands import add_commands

app = typer.Typer(
    help="What parts cost on this machine, each measured against something else in the same run.", no_args_is_help=True
)
add_commands(
    app,
    {
        "encoder": (bench_encoder.encoder, bench_encoder.HELP),
        "aggregate": (bench_aggregate.aggregate, bench_aggregate.HELP),
        "match": (bench_match.match, bench_match.HELP),
        "rounds": (bench_rounds.rounds, bench_rounds.HELP),
        "tune": (bench_tune.tune, bench_tune.HELP),
        "wire": (bench_wire.wire, bench_wire.HELP),
        "scale": (bench_scale.scale, bench_scale.HELP),
        "pictures": (bench_pictures.pictures, bench_pictures.HELP),
        "all": (bench_all.everything, bench_all.HELP),
    },
)
