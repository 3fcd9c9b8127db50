"""All systems in turn, each in processes of its own, several times over; ratios of medians."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import UserError
from protocol.payload import Block
from simulation.bench.apart import figures_of
from simulation.bench.rounds.child import SYSTEMS
from simulation.bench.rounds.task import difference

CLOSE = 1e-4  # weights after all rounds; the plain loop adds in single precision
WITHIN_S = 900.0  # for one system's turn


def run(
    models: Sequence[str], nodes: int, rounds: int, warm_up: int, turns: int, workers: int, systems: Sequence[str],
    tell: Callable[[str], None], pfl: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Figures by model and system, and ratios: those of the first model under their plain names, all under `by_model`.

    pfl  the environment that benchmarks/pfl_env.sh made, for the system of that name

    A ratio is None where one of its two sides was not run. Raises UserError where a system fails, or its weights differ.
    """
    workers = workers or len(os.sched_getaffinity(0))
    if "pfl" in systems and (pfl is None or not (pfl / "bin" / "python").exists()):
        raise UserError(
            "Apple's pfl is not there", where=f"--pfl {pfl}", expected="a folder that benchmarks/pfl_env.sh made"
        )
    if "pfl" in systems and not warm_up:
        raise UserError(
            "pfl evaluates in its first round", where="--warm-up 0", expected="1 or more, so that this is not counted"
        )
    by_model = {m: _of_model(m, nodes, rounds, warm_up, turns, workers, systems, tell, pfl) for m in models}
    if "pfl" not in systems:
        tell("Apple's pfl is not among the systems; ray_wall_over_pfl is null")
    ratios = {model: told.pop("ratios") for model, told in by_model.items()}
    return {
        "nodes": nodes, "rounds": rounds, "turns": turns, "workers": workers,
        "ratios": {**ratios[models[0]], "by_model": ratios},
        "models": by_model,
    }  # fmt: skip


def _of_model(
    model: str, nodes: int, rounds: int, warm_up: int, turns: int, workers: int, systems: Sequence[str],
    tell: Callable[[str], None], pfl: Path | None,
) -> dict[str, Any]:  # fmt: skip
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in systems}
    furthest = 0.0
    with tempfile.TemporaryDirectory(prefix="fb-bench-") as folder:
        for turn in range(turns):
            first: Block | None = None
            for name in systems:
                asked = {"system": name, "model": model, "nodes": nodes, "warm_up": warm_up, "rounds": rounds}
                told, block = _one({**asked, "workers": workers, "out": f"{folder}/{name}{turn}"}, pfl)
                found[name].append(told)
                apart = difference(first, block) if first is not None else 0.0
                first, furthest = first or block, max(furthest, apart)
                if apart > CLOSE:
                    raise UserError(f"{name} trains other weights than {systems[0]}", expected=f"{apart:.2g} apart")
                wall = statistics.median(told["wall"])
                tell(f"{model}, turn {turn + 1}, {name}: {wall * 1e3:.0f} ms a round, CPU {told['cpu'] * 1e3:.0f} ms"
                     + (f", first reply after {told['start']:.1f} s" if "start" in told else ""))  # fmt: skip
    figures = {name: _figures(each) for name, each in found.items()}
    return {"systems": figures, "furthest_weight": furthest, "ratios": ratios_of(figures)}


def _figures(turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    walls = [wall for told in turns for wall in told["wall"]]
    low, middle, high = np.quantile(walls, [0.25, 0.5, 0.75]).tolist()
    starts = [told["start"] for told in turns if "start" in told]
    return {
        "wall": middle, "wall_quartiles": [low, high],
        "cpu": statistics.median(told["cpu"] for told in turns), "cpu_by_turn": [told["cpu"] for told in turns],
        "start": statistics.median(starts) if starts else None,
    }  # fmt: skip


def ratios_of(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """The bench's ratios; None where a side is missing."""

    def ratio(one: str, other: str, what: str) -> float | None:
        return figures[one][what] / figures[other][what] if one in figures and other in figures else None

    return {
        "ray_wall_over_plain": ratio("ray", "plain", "wall"),
        "ray_cpu_over_plain": ratio("ray", "plain", "cpu"),
        "ray_cpu_over_flower_ray": ratio("ray", "flower_ray", "cpu"),
        "ray_wall_over_pfl": ratio("ray", "pfl", "wall"),
        "start_over_flower_ray": ratio("ray", "flower_ray", "start"),
        "local_wall_over_plain": ratio("local", "plain", "wall"),
        "local_cpu_over_plain": ratio("local", "plain", "cpu"),
    }


def _one(asked: Mapping[str, Any], pfl: Path | None) -> tuple[dict[str, Any], Block]:
    """One system's turn in a process of its own."""
    out = Path(asked["out"])
    command = [sys.executable, "-m", "simulation.bench.rounds.child", json.dumps(dict(asked))]
    if asked["system"] == "pfl":  # its own processes, each of which takes as many users of a round as the others
        count = asked["workers"] if asked["nodes"] % asked["workers"] == 0 else 1
        several = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count))
        command = [f"{pfl}/bin/python", *several, "-m", "simulation.bench.rounds.pfl_child", command[-1]]
    told = figures_of(command, out.with_suffix(".json"), asked["system"], WITHIN_S)
    with np.load(out.with_suffix(".npz")) as weights:
        return told, dict(weights)


ALL = (*SYSTEMS, "pfl")
