"""The same apps on Flower's own Ray simulation, by `flwr run`."""

import json
from pathlib import Path

import pytest

from configs.load import load
from configs.nodes import node_places
from server.report.finish import start_run
from simulation.flower import run_with_flower
from simulation.jobs import run_one
from tests.deploy.smallest import DEMO, smallest

TWO_SAMPLES = 2 / 60  # of the test people's: handles are drawn anew there, so sums run in another order


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
    local = run_one(experiment, "fedbind", experiment.seeds[0], start_run(experiment, tmp_path / "local"))
    accuracy = summary["methods"]["fedbind"]["accuracy"]["mean"]
    assert accuracy == pytest.approx(local["accuracy"], abs=TWO_SAMPLES)
