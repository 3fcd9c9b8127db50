"""Naturally paired samples in whole runs: nodes train a modality that their group does not list, by their share of it."""

import numpy as np
import pytest

from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Payload
from server.dispatch import Dispatch
from server.job import Job
from server.phases.contrast import contrast
from server.phases.describe import describe
from server.phases.rounds import by_held
from server.state import JobState
from simulation.jobs import grid_for
from tests.simulation.smallest import smallest


def manifest(samples, **present):
    sensors = {name: ModalityManifest("inertial", 16, 3, 50.0, count) for name, count in present.items()}
    return Manifest(0, "a", samples, 0, sensors, ["x"], True, "", 0, "")


def test_a_modality_counts_by_the_samples_that_hold_it():
    blocks = {f"{part}.{m}": {"w": np.ones(1)} for part in ("encoder", "projection") for m in ("acc", "eda")}
    told = by_held({3: manifest(20, acc=20, eda=5)}, {3: Payload(blocks, {}, {"examples": 20.0})})
    assert [(c.partition, sorted(c.blocks), c.weight) for c in told] == [
        (3, ["encoder.acc", "projection.acc"], 20.0),
        (3, ["encoder.eda", "projection.eda"], 5.0),
    ]


@pytest.mark.parametrize("mode", ["targets", "exact"])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_contrast_of_a_group_with_natural_pairs_trains_all_three_encoders_on_it(tmp_path, mode, share):
    experiment = smallest(f"groups.a.natural_share={share}", f"contrast.mode={mode}", "contrast.rebind_every=0")
    grid = grid_for(experiment, "fedbind", 0)
    try:
        job = Job(experiment, "fedbind", 0, Dispatch(grid, [], "fedbind", 0, 60.0, 1), tmp_path)
        state = describe(job, JobState())
        told = state.manifests[state.members("a")[0]]
        assert {m: sensor.samples for m, sensor in told.modalities.items()} == {
            "acc": told.samples, "ecg": told.samples, **({"eda": round(share * told.samples)} if share else {}),
        }  # fmt: skip
        trained = contrast(job, state).blocks
        assert {f"encoder.{m}" for m in ("acc", "ecg", "eda")} <= set(trained)
        assert not job.dispatch.tally.skipped
    finally:
        grid.close()
