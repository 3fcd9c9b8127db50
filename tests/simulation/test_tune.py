"""`fedbind tune` on a finished run: from what was pre-trained and from scratch; killed for real, it goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import simulation.tune
from client.edge import EdgeSettings
from client.edge.checkpoint import FILE
from configs.errors import UserError
from server.report.finish import finish_run, start_run
from simulation.jobs import run_one
from simulation.tune import Asked, tune_run
from tests.simulation.smallest import smallest
from tests.simulation.test_unified import UNIFIED

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["modality", "unified"])
def finished(request, tmp_path_factory):
    experiment = smallest(
        "methods=[fedbind]", "groups.finetune.labels_per_class=5", *(UNIFIED if request.param == "unified" else [])
    )
    folder = start_run(experiment, tmp_path_factory.mktemp("tune") / "run")
    run_one(experiment, "fedbind", 0, folder)
    finish_run(folder, experiment)
    return folder.path


def test_a_node_tunes_by_itself_and_counts_on_the_test_nodes_at_the_end(finished, tmp_path):
    found = tune_run(finished, Asked(test=True), EdgeSettings(epochs=3, patience=9), tmp_path / "a")
    assert found["ended"] == "epochs" and 0 <= found["test_accuracy"] <= 1 and found["trained_on"] > found["held"] > 0
    assert {p.stem for p in (tmp_path / "a/blocks").glob("*")} == {
        "encoder.ecg", "encoder.eda", "head.ecg", "head.eda", "head.fusion",
    }  # fmt: skip
    scratch = tune_run(finished, Asked(scratch=True), EdgeSettings(epochs=3, patience=9), tmp_path / "b")
    assert scratch["scratch"]
    ours, fresh = ((tmp_path / each / "blocks/encoder.ecg.safetensors").read_bytes() for each in "ab")
    assert ours != fresh


def test_class_means_alone_are_a_head_too_but_not_of_fresh_networks(finished, tmp_path):
    found = tune_run(finished, Asked(test=True, curve=True), EdgeSettings(epochs=0), tmp_path / "means")
    assert found["ended"] == "epochs" and found["epoch"] == 0 and len(found["curve"]) == 1
    assert found["curve"][0][1] == pytest.approx(found["test_accuracy"])
    on = tune_run(finished, Asked(test=True, curve=True), EdgeSettings(epochs=2), tmp_path / "means")
    assert on["curve"][0] == found["curve"][0] and len(on["curve"]) == 3
    with pytest.raises(UserError, match="no epoch"):
        tune_run(finished, Asked(scratch=True), EdgeSettings(epochs=0), tmp_path / "fresh")


def test_the_limit_of_threads_holds_while_windows_are_read_too(finished, tmp_path, monkeypatch):
    before, seen, read = torch.get_num_threads(), [], simulation.tune.labelled
    monkeypatch.setattr(
        simulation.tune, "labelled", lambda *given: (seen.append(torch.get_num_threads()), read(*given))[1]
    )
    try:
        torch.set_num_threads(2)
        tune_run(finished, Asked(), EdgeSettings(epochs=0, threads=1), tmp_path / "one")
    finally:
        torch.set_num_threads(before)
    assert seen == [1]


def test_class_means_have_no_augmented_copy_encoded(finished, tmp_path, monkeypatch):
    views, read = [], simulation.tune.labelled
    monkeypatch.setattr(simulation.tune, "labelled", lambda *given: [views.append(found := read(*given)), found][1])
    for epochs in (0, 1):
        tune_run(finished, Asked(), EdgeSettings(epochs=epochs), tmp_path / "means")
    copies = [view.variants.shape[1] for data in views for view in data.views.values() if hasattr(view, "variants")]
    assert copies in ([], [0, 0, 2, 2])  # none of an encoder for each sensor


def command(run, out, epochs):
    return [
        sys.executable, "-m", "cli.app", "tune", str(run), "--epochs", str(epochs), "--patience", "999", "--out", str(out),
        "--json", "--quiet",
    ]  # fmt: skip


def test_a_real_process_killed_in_the_middle_ends_as_if_it_never_was(finished, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command(finished, tmp_path / "killed", 100_000), env=environment, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / FILE).exists() and time.monotonic() < deadline and process.poll() is None:
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = len(torch.load(tmp_path / "killed" / FILE, weights_only=True)["history"])
    assert reached >= 1
    epochs = reached + 3
    told = subprocess.run(
        command(finished, tmp_path / "killed", epochs), env=environment, capture_output=True, text=True, check=True
    )
    whole = tune_run(finished, Asked(), EdgeSettings(epochs=epochs, patience=999), tmp_path / "whole")
    went_on = json.loads(told.stdout.splitlines()[-1])
    assert (went_on["epoch"], went_on["correct"]) == (whole["epoch"], whole["correct"])
    files = sorted((tmp_path / "whole/blocks").glob("*"))
    assert files and all(f.read_bytes() == (tmp_path / "killed/blocks" / f.name).read_bytes() for f in files)


def test_a_job_that_is_none_is_told(finished, tmp_path):
    with pytest.raises(UserError, match="no seed 7"):
        tune_run(finished, Asked(seed=7), EdgeSettings(), tmp_path)
    with pytest.raises(UserError, match="method of the run"):
        tune_run(finished, Asked(method="mim"), EdgeSettings(), tmp_path)
    with pytest.raises(UserError, match="no node 4"):
        tune_run(finished, Asked(node=4), EdgeSettings(), tmp_path)
