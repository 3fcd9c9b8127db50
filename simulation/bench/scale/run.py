"""All sizes in turn, each in processes of its own; how time a round and node, memory and bytes grow."""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from configs.errors import UserError
from server.tracking import write_atomically
from simulation.bench.apart import figures_of
from simulation.bench.scale.experiment import LEAST_NODES

ENGINES = ("ray", "local")
WITHIN_S = 7200.0  # for one size


def run(
    sizes: Sequence[int], engines: Sequence[str], rounds: int, warm_up: int, workers: int, out: Path | None,
    tell: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Figures by engine and size, and ratios of the first engine; None where a size was not run.

    out  a folder that keeps every size's figures: a run that was stopped goes on there. None: nothing is kept

    Raises UserError for a size that is too small, and where a size ends without figures or loses a node.
    """
    if small := [size for size in sizes if size < LEAST_NODES]:
        raise UserError(f"{small[0]} nodes", where="--nodes", expected=f"{LEAST_NODES} or more: one of each group")
    workers = workers or len(os.sched_getaffinity(0))
    by_engine: dict[str, list[dict[str, Any]]] = {}
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fb-scale-")))
        folder.mkdir(parents=True, exist_ok=True)
        for engine in engines:
            for size in sorted(set(sizes)):
                asked = {"engine": engine, "nodes": size, "warm_up": warm_up, "rounds": rounds, "workers": workers}
                told = row({**asked, **_measured(asked, folder, tell)})
                by_engine.setdefault(engine, []).append(told)
                tell(line(told))
    first = by_engine[engines[0]]
    return {
        "sizes": by_engine, "rounds": rounds, "warm_up": warm_up, "workers": workers, "data": "SIMULATED",
        "ratios": {"per_node_1000_over_100": per_node(first, 1000, 100), "per_node_10000_over_100": per_node(first, 10_000, 100)},
        "driver_peak_bytes": first[-1]["driver_peak_bytes"], "driver_peak_nodes": first[-1]["nodes"],
        "growth": growth(first),
    }  # fmt: skip


def _measured(asked: Mapping[str, Any], folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """A size's figures, from an earlier run where the same was asked."""
    kept = folder / f"{asked['engine']}-{asked['nodes']}.json"
    if kept.is_file():
        before = json.loads(kept.read_text(encoding="utf-8"))
        if before["asked"] == asked:
            return dict(before["told"])
    out = folder / f".{kept.stem}.figures.json"
    out.unlink(missing_ok=True)
    tell(f"{asked['nodes']:,} nodes on {asked['engine']}; how far it is: tail -f {out.absolute().with_suffix('.log')}")
    command = [sys.executable, "-m", "simulation.bench.scale.child", json.dumps({**asked, "out": str(out.absolute())})]
    told = figures_of(command, out.absolute(), f"{asked['nodes']} nodes on {asked['engine']}", WITHIN_S)
    assert told is not None  # this child always has figures
    out.unlink()
    if told["skipped"]:
        raise UserError(f"{told['skipped']} of {asked['nodes']} nodes were left out on {asked['engine']}")
    write_atomically(kept, json.dumps({"asked": asked, "told": told}))
    return told


def row(told: Mapping[str, Any]) -> dict[str, Any]:
    """A size's figures with its medians: a round's wall and CPU seconds, and the same by node that trains."""
    wall, cpu = statistics.median(told["wall"]), statistics.median(told["cpu"])
    return {
        **told, "wall_round": wall, "cpu_round": cpu,
        "wall_per_node": wall / told["answered"], "cpu_per_node": cpu / told["answered"],
        "bytes_per_node": (told["bytes_up"] + told["bytes_down"]) / told["answered"],
    }  # fmt: skip


def per_node(rows: Sequence[Mapping[str, Any]], large: int, small: int) -> float | None:
    """A round's wall time by node at one size over that at another; None where one of them is missing."""
    found = {each["nodes"]: float(each["wall_per_node"]) for each in rows}
    return found[large] / found[small] if large in found and small in found else None


def growth(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """b in: a round's time ~ nodes^b, by least squares over all sizes; 1 is even, 2 square. None for a single size."""
    points = [(math.log(each["nodes"]), math.log(each["wall_round"])) for each in rows]
    return statistics.linear_regression(*zip(*points, strict=True)).slope if len(points) > 1 else None


def line(told: Mapping[str, Any]) -> str:
    """A size in one line."""
    megabytes = 2**20
    actors = sum(told["actor_peak_bytes"])
    return (
        f"{told['engine']}, {told['nodes']:>6,} nodes: {told['wall_round']:.2f} s a round, "
        f"{1e3 * told['wall_per_node']:.2f} ms a node (CPU {1e3 * told['cpu_per_node']:.2f}), "
        f"driver {told['driver_peak_bytes'] / megabytes:,.0f} MiB, actors {actors / megabytes:,.0f} MiB, "
        f"{told['bytes_per_node'] / 1e3:.1f} kB a node; described in {told['describe']:.1f} s"
    )
