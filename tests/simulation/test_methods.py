"""The methods beside binding, over nodes: each trains what it should, from the same beginnings, and nothing else."""

import numpy as np
import pytest

from models.blocks import ModalityShape, as_block, new_encoder, new_projection
from server.methods.catalogue import METHODS
from server.state import load_blocks
from tests.simulation.smallest import smallest, whole_run

SENSORS = {"acc": ("inertial", 45, 3), "ecg": ("physiological", 77, 1), "eda": ("physiological", 53, 1)}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    experiment = smallest(f"methods=[{', '.join(METHODS)}]", "rounds.contrast=3", "rounds.autoencoder=2")
    path = tmp_path_factory.mktemp("methods") / "run"
    results, summary = whole_run(experiment, path)
    return experiment, results, summary, {m: load_blocks(path / "jobs" / f"{m}-seed0" / "checkpoint") for m in METHODS}


def fresh(experiment, name, prompts=0):
    part, modality = name.split(".")
    shape = ModalityShape(*SENSORS[modality])
    if part == "encoder":
        return as_block(new_encoder(modality, shape, experiment.models, 0))
    return as_block(new_projection(modality, experiment.models, 0, prompts))


def moved(experiment, block, name, prompts=0):
    before = fresh(experiment, name, prompts)
    assert block.keys() == before.keys()
    return any(not np.array_equal(block[key], value) for key, value in before.items())


def test_every_method_ends_in_the_summary_with_the_same_labels_and_test_samples(ran):
    _, results, summary, _ = ran
    assert list(summary["methods"]) == list(METHODS)
    assert len({results[m, 0]["labels_used"] for m in METHODS}) == 1
    assert all(0 <= results[m, 0]["accuracy"] <= 1 for m in METHODS)


@pytest.mark.parametrize("method", ["unimodal", "mim", "mpm", "cmg", "dcm", "imagebind"])
def test_every_sensor_of_the_groups_is_learnt(ran, method):
    experiment, _, _, blocks = ran
    for modality in SENSORS:
        for part in ("encoder", "projection"):
            name = f"{part}.{modality}"
            assert moved(experiment, blocks[method][name], name, 3 if method == "mpm" else 0), name


def test_what_imagebind_aligns_to_is_the_shared_sensor_learnt_by_itself_and_frozen(tmp_path):
    """After one round of alignment the shared sensor's blocks are what they are after three; another sensor's are not."""
    ends = []
    for rounds in (1, 3):
        path = tmp_path / str(rounds)
        whole_run(smallest("methods=[imagebind]", "rounds.autoencoder=2", f"rounds.contrast={rounds}"), path)
        ends.append(load_blocks(path / "jobs" / "imagebind-seed0" / "checkpoint"))
    few, more = ends
    for name in ("encoder.acc", "projection.acc"):
        assert all(np.array_equal(few[name][key], more[name][key]) for key in few[name])
    assert any(
        not np.array_equal(few["projection.ecg"][key], more["projection.ecg"][key]) for key in few["projection.ecg"]
    )


def test_dcm_differs_from_binding_and_tells_of_no_pair(ran):
    _, results, _, blocks = ran
    assert results["dcm", 0]["pairing_accuracy"] is None and results["fedbind", 0]["pairing_accuracy"] is not None
    assert results["dcm", 0]["bytes"]["by_phase"].keys() == {"describe", "contrast", "measure", "fine-tune", "evaluate"}
    name = "encoder.ecg"
    assert any(
        not np.array_equal(blocks["dcm"][name][key], blocks["fedbind"][name][key]) for key in blocks["dcm"][name]
    )
