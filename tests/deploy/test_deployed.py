"""The same apps on a real SuperLink with two real SuperNodes: nothing may live in a process's memory alone."""

import json
from pathlib import Path

import pytest

from tests.deploy.smallest import DEMO, smallest
from tests.deploy.superlink import Deployment

ROOT = Path(__file__).resolve().parents[2]
HOSTS = 2
CODECS = "wire.up=[delta,top_k,int8] wire.down=[delta,int8] wire.embeddings=[int8]"  # lean on what a node's store kept
TIMEOUT_S = 560  # some 12 messages a node, each a new process that imports torch, on cores that may be busy


@pytest.mark.deploy
def test_the_smallest_demo_finishes_on_two_supernodes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    node_configs = [{"state-dir": str(tmp_path / f"state-{number}")} for number in range(HOSTS)]
    with Deployment(HOSTS, node_configs, tmp_path) as deployment:
        run_config = {"config": DEMO, "set": f"{smallest()} {CODECS} run.hosts={HOSTS}", "out": str(out)}
        outcome = deployment.run(run_config, timeout_s=TIMEOUT_S, app=ROOT)
        assert outcome.completed, f"{outcome.details}\n{deployment.logs()}"

    summary = json.loads((out / "summary.json").read_text())
    assert summary["data"]["simulated"] is True
    assert summary["nodes"]["skipped"] == [], deployment.logs()
    assert 0.0 <= summary["methods"]["fedbind"]["accuracy"]["mean"] <= 1.0
    assert summary["bytes"]["up"] > 0
    assert summary["bytes"]["down"] > 0
    assert all(any((tmp_path / f"state-{number}").rglob("*")) for number in range(HOSTS))  # each kept its own state
