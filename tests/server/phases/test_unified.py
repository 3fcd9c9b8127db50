"""The frozen encoder at the server: what nodes may answer, and how the sums become one scale."""

from types import SimpleNamespace

import numpy as np
import pytest

from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Payload, ProtocolError
from server.phases.unified import _now_holds, _says_whether, _scaled, _sums_gate
from server.state import JobState


def manifest(partition, group="a"):
    sensor = ModalityManifest("latents", 4, 3, 32.0, 5)
    return Manifest(partition, group, 5, 5, {"acc": sensor}, ["x", "y"], True, "board", 0)


def sums(rows):
    rows = np.asarray(rows, dtype=np.float64)
    return {"count": np.full(rows.shape[1], float(len(rows))), "total": rows.sum(0), "squares": (rows**2).sum(0)}


GATE = _sums_gate({0: manifest(0), 1: manifest(1, "test")})
GOOD = sums(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("partition", "reply", "fault"),
    [
        (0, Payload({}, {"held": False}), "does not hold"),
        (0, Payload({"latents.ecg": GOOD}, {"held": True}), "does not hold, or"),
        (1, Payload({"latents.acc": GOOD}, {"held": True}), "no say"),
        (0, Payload({"latents.acc": {"count": GOOD["count"]}}, {"held": True}), "expected count"),
        (0, Payload({"latents.acc": sums(np.ones((2, 4)))}, {"held": True}), "expected 3 numbers"),
        (0, Payload({"latents.acc": {**GOOD, "count": -GOOD["count"]}}, {"held": True}), "negative"),
    ],
)
def test_sums_that_are_not_a_node_s_own_are_refused(partition, reply, fault):
    with pytest.raises(ProtocolError, match=fault):
        GATE(partition, reply)


def test_what_is_right_passes_and_whether_is_a_plain_answer():
    GATE(0, Payload({"latents.acc": GOOD}, {"held": True}))
    GATE(1, Payload({}, {"held": True}))
    _says_whether(0, Payload({}, {"held": False}))
    with pytest.raises(ProtocolError):
        _says_whether(0, Payload({}, {"held": "yes"}))
    with pytest.raises(ProtocolError):
        _now_holds(0, Payload({}, {"held": False}))


def test_the_scale_is_that_of_all_training_nodes_latents_together_beside_the_windows_own():
    rows = np.random.default_rng(0).normal(2.0, 3.0, (10, 3))
    experiment = SimpleNamespace(groups={"a": 0, "test": 0}, data_path=lambda group: "data")
    windows = {"moments.acc": {"mean": np.zeros(2, np.float32), "std": np.ones(2, np.float32)}}
    state = JobState(
        manifests={0: manifest(0), 2: manifest(2), 1: manifest(1, "test")},
        normalisation={"a": windows, "test": windows},
    )
    replies = {
        0: Payload({"latents.acc": sums(rows[:3])}), 2: Payload({"latents.acc": sums(rows[3:])}), 1: Payload(),
    }  # fmt: skip
    found = _scaled(SimpleNamespace(experiment=experiment), state, replies)
    assert found["a"].keys() == found["test"].keys() == {"moments.acc"}
    block = found["test"]["moments.acc"]
    np.testing.assert_allclose(block["latent_mean"], rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(block["latent_std"], rows.std(0), rtol=1e-5)
    assert block["mean"].tolist() == [0, 0]
