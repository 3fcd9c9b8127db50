"""The same apps on Flower's own Ray simulation, by `flwr run`."""

import json
from pathlib import Path

import pytest

from configs.load import load
from configs.nodes import node_places
from simulation.flower import run_with_flower
from tests.deploy.smallest import DEMO, smallest


@pytest.mark.deploy
def test_the_smallest_demo_finishes_on_flowers_simulation(tmp_path: Path) -> None:
    experiment = load(DEMO, smallest().split())
    out = tmp_path / "out"
    run_with_flower(
        None,
        {"json": experiment.model_dump_json(), "out": str(out)},
        num_nodes=len(node_places(experiment)),
        log=tmp_path / "flower.log",
        timeout_s=280,
    )
    summary = json.loads((out / "summary.json").read_text())
    assert summary["nodes"]["skipped"] == []
    assert 0.0 <= summary["methods"]["fedbind"]["accuracy"]["mean"] <= 1.0
