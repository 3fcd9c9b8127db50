"""Every system by name, and what is compared of them. A system's module is read in its own process alone."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from simulation.bench.rounds.asked import Asked, Told

SYSTEMS = ("plain", "batched", "local", "ray", "ray_batched", "flower_ray")  # `systems/NAME.py`, in the order of turns

RATIOS: Mapping[str, tuple[str, str, str]] = {  # one system, over another, in what
    "ray_wall_over_plain": ("ray", "plain", "wall"),
    "ray_cpu_over_plain": ("ray", "plain", "cpu"),
    "ray_cpu_over_flower_ray": ("ray", "flower_ray", "cpu"),
    "ray_wall_over_pfl": ("ray", "pfl", "wall"),
    "batched_cpu_over_plain": ("batched", "plain", "cpu"),
    "start_over_flower_ray": ("ray", "flower_ray", "start"),
    "ray_batched_wall_over_plain": ("ray_batched", "plain", "wall"),
    "ray_batched_cpu_over_plain": ("ray_batched", "plain", "cpu"),
    "local_wall_over_plain": ("local", "plain", "wall"),
    "local_cpu_over_plain": ("local", "plain", "cpu"),
}


def run_system(name: str, asked: Asked) -> Told | None:
    """What a system's `run` gives: weights after all rounds and figures; None where it has no way to train this model."""
    found: Told | None = importlib.import_module(f"simulation.bench.rounds.systems.{name}").run(asked)
    return found


def ratios_of(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """All ratios of medians; None where a side was not run, or the other side took less than the system counts."""

    def ratio(one: str, other: str, what: str) -> float | None:
        if one not in figures or other not in figures or not figures[other][what]:
            return None
        return figures[one][what] / figures[other][what]

    return {name: ratio(*sides) for name, sides in RATIOS.items()}
