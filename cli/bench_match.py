"""`fedbind bench match`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

HELP = """Exact nearest neighbours by cosine: fedbind's matching, faiss-cpu's flat index, and the matrix products alone.

Queries are taken slice by slice, and each slice by all three in turn, so that whatever else the machine does meets all
alike; ratios are of medians over slices. The products are those that fedbind's screening makes, in the same type and
tiles. extra_bytes is the peak of resident memory above the inputs. faiss needs pip install 'fedbind[bench]'; without it
its ratio is null.

--approximate measures the index that matches very many samples (bind.approximate_from): rows lie in clusters there, and the
recall is measured against exact on a sample. With --out the index and every slice are kept, and a run goes on there.

Examples:

  fedbind bench match --json

  fedbind bench match --approximate --queries 1000000 --candidates 1000000 --out bench/match

  fedbind bench match --queries 5000 --candidates 20000 --threads 1
"""


def match(
    queries: Annotated[int, typer.Option(min=1, help="Rows that look for their nearest.")] = 100_000,
    candidates: Annotated[int, typer.Option(min=2, help="Rows among which they look.")] = 100_000,
    width: Annotated[int, typer.Option(min=1, help="Numbers of a row.")] = 128,
    nearest: Annotated[int, typer.Option(min=1, help="How many are found for each.")] = 1,
    slices: Annotated[int, typer.Option(min=1, help="Parts of the queries that are timed one after another.")] = 10,
    threads: Annotated[int, typer.Option(min=0, help="For all three; 0: all cores.")] = 0,
    approximate: Annotated[bool, typer.Option("--approximate", help="Measure faiss's index by lists instead.")] = False,
    recall: Annotated[float, typer.Option(min=0.5, max=0.9999, help="That the index must reach.")] = 0.99,
    out: Annotated[Path | None, typer.Option(help="Folder that keeps the index and its slices.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on one line.")] = False,
) -> None:
    """See HELP."""
    from simulation.bench.match.clustered import run_approximate
    from simulation.bench.match.run import run

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    k = min(nearest, candidates)
    if approximate:
        told = run_approximate(queries, candidates, width, k, min(slices, queries), threads, recall, out, tell)
    else:
        told = run(queries, candidates, width, k, slices, threads, tell)
    if as_json:
        print(json.dumps(told, allow_nan=False))
        return
    over = told["ratios"]
    if approximate:
        print(f"recall {told['recall_on_sample']:.4f} on {told['sample']:,} in {told['seconds']['all']:.0f} s")
        return
    print(f"{over['match_over_matmul']:.2f} of the bare matrix products' time")
    if over["match_over_faiss"] is not None:
        print(f"{over['match_over_faiss']:.2f} of faiss's time")
    if told["extra_bytes"] is not None:
        print(f"{told['extra_bytes'] / 2**20:.0f} MiB above the inputs")
