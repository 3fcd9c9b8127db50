"""`fedbind bench encoder`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HELP = """One encoder for every sensor against one encoder per sensor: work, size, memory, time, estimated energy.

An inference takes one new window of every modality: the picture (the same for both sides), the encoder, and the head (the
same for both) over the last --windows windows, whose earlier latents are kept. Ours is one frozen encoder that takes all
modalities as one batch; the baseline is a ResNet per modality. Batch norms are folded on both sides.

Forms: eager, channels_last and bf16 are PyTorch's; onnx_float32 and onnx_int8 (static, per channel) are ONNX Runtime's and
need pip install 'fedbind[bench]'. Without it they are left out, and the bench says so.

Every round runs each side in each form once, in changing order and after 50 ms of warming up, so that whatever else the
machine does meets all alike; what is told are medians, with quartiles. One thread is timed by its own clock, which stands
still while the machine does something else; several by the wall's. times.csv has both. "same precision" compares both in
float32, each in its fastest float32 form; "best against best" lets each side choose. Ratios are baseline over ours, at
most modalities and fewest threads.

Several threads want a machine with nothing else on it: threads that wait for each other across a busy core take a
thousand times as long. Then give --threads 1, or set OMP_WAIT_POLICY=PASSIVE.

Energy is an ESTIMATE from published energies per operation and per byte at 45 nm; nothing of it is measured.

Examples:

  fedbind bench encoder --out bench/encoder

  fedbind bench encoder --modalities 2 --threads 1 --repeats 5 --forms eager --forms bf16

  fedbind bench encoder --baseline resnet34-L3 --encoder classic --json
"""


def encoder(
    modalities: Annotated[int, typer.Option(help="From 1 to so many are measured; at most 6.")] = 6,
    threads: Annotated[
        list[int] | None, typer.Option(help="Threads; may be given several times. Default: 1, and all cores.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Rounds that count; one more warms up.")] = 15,
    limit_s: Annotated[
        float,
        typer.Option(
            "--limit", help="Seconds of rounds for every number of modalities and threads; 3 rounds at least."
        ),
    ] = 30.0,
    windows: Annotated[int, typer.Option(help="Windows the head looks at, the new one included.")] = 4,
    encoder: Annotated[str, typer.Option(help="patch or classic.")] = "patch",
    baseline: Annotated[
        str, typer.Option(help="resnet18 or resnet34, cut after stage L1 to L4: resnet18-L3.")
    ] = "resnet18-L3",
    forms: Annotated[
        list[str] | None,
        typer.Option(
            help="eager, channels_last, bf16, onnx_float32, onnx_int8; may be given several times. Default: all."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for costs.json, times.csv, time.png, size.png, energy.png.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """See HELP."""
    import json

    from server.tracking import without_nan
    from simulation.bench.encoder import FORMS, EncoderBench, bench_encoder, headlines

    settings = EncoderBench(
        modalities, tuple(threads or ()), repeats, limit_s, windows, encoder, baseline, tuple(forms or FORMS)
    )
    tell = (lambda text: None) if quiet else (lambda text: typer.echo(text, err=True))
    try:
        found = bench_encoder(settings, tell, out)
    except KeyboardInterrupt as stop:
        typer.echo("stopped by hand, nothing written: what is compared is measured in one run", err=True)
        raise typer.Exit(130) from stop
    typer.echo("\n".join(headlines(found)), err=as_json)
    if as_json:
        typer.echo(json.dumps(without_nan(found), allow_nan=False))
