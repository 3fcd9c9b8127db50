"""The frozen encoder at the server: what nodes may answer, and how the sums become one scale."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from models.unified import sums_of
from protocol.frozen import AXES, MIXTURE
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Payload, ProtocolError
from server.phases.unified import _now_holds, _says_gate, _sums_gate, _with_axes
from server.state import JobState


def manifest(partition, group="a"):
    sensor = ModalityManifest("latents", 4, 3, 32.0, 5)
    return Manifest(partition, group, 5, 5, {"acc": sensor}, ["x", "y"], True, "board", 0, "")


def sums(rows):
    rows = torch.as_tensor(np.asarray(rows), dtype=torch.float64)[:, None]
    found = sums_of(rows, torch.ones(len(rows), dtype=torch.bool))
    return {"count": np.array([found.count]), "total": found.total.numpy(), "products": found.products.float().numpy()}


GATE = _sums_gate({0: manifest(0), 1: manifest(1, "test")})
GOOD = sums(np.ones((2, 3)))
SECOND_GREATER = np.float32([1, 1.01, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("partition", "reply", "fault"),
    [
        (0, Payload({}, {"held": False}), "does not hold"),
        (0, Payload({"latents.ecg": GOOD}, {"held": True}), "does not hold, or"),
        (1, Payload({"latents.acc": GOOD}, {"held": True}), "no say"),
        (0, Payload({"latents.acc": {"count": GOOD["count"]}}, {"held": True}), "expected count"),
        (0, Payload({"latents.acc": sums(np.ones((2, 2)))}, {"held": True}), "expected 3 numbers"),
        (0, Payload({"latents.acc": {**GOOD, "products": GOOD["products"][1:]}}, {"held": True}), "each pair"),
        (0, Payload({"latents.acc": {**GOOD, "total": GOOD["total"] * np.nan}}, {"held": True}), "infinite"),
        (0, Payload({"latents.acc": {**GOOD, "count": -GOOD["count"]}}, {"held": True}), "negative"),
        (0, Payload({"latents.acc": {**GOOD, "products": -GOOD["products"]}}, {"held": True}), "negative"),
        (0, Payload({"latents.acc": {**GOOD, "count": GOOD["count"] * 1e300}}, {"held": True}), "counts above"),
        (0, Payload({"latents.acc": {**GOOD, "total": GOOD["total"] * 1e30}}, {"held": True}), "values above"),
        (0, Payload({"latents.acc": {**GOOD, "total": GOOD["total"] * 1.01}}, {"held": True}), "this sum"),
        (
            0,
            Payload({"latents.acc": {**GOOD, "products": GOOD["products"] * SECOND_GREATER}}, {"held": True}),
            "products",
        ),
    ],
)
def test_sums_that_are_not_a_node_s_own_are_refused(partition, reply, fault):
    with pytest.raises(ProtocolError, match=fault):
        GATE(partition, reply)


def test_what_is_right_passes_and_whether_is_a_plain_answer():
    GATE(0, Payload({"latents.acc": GOOD}, {"held": True}))
    GATE(1, Payload({}, {"held": True}))
    whether = _says_gate({0: manifest(0)})
    whether(0, Payload({}, {"held": False, "mixed": []}))
    whether(0, Payload({}, {"held": True, "mixed": ["acc"]}))
    for told in ({"held": "yes", "mixed": []}, {"held": True}, {"held": True, "mixed": "acc"}, {"held": True, "mixed": ["ecg"]},
                 {"held": True, "mixed": [3]}, {"held": True, "mixed": [["acc"]]}):  # fmt: skip
        with pytest.raises(ProtocolError):
            whether(0, Payload({}, told))
    with pytest.raises(ProtocolError):
        _now_holds(0, Payload({}, {"held": False}))


@pytest.mark.parametrize("numbers", [1, 2, 5])
def test_a_mixture_is_of_more_signals_than_are_kept_and_of_no_more_than_is_allowed(numbers):
    gate = _sums_gate({0: manifest(0)}, MIXTURE, (3, 4))
    rows = np.random.default_rng(0).normal(size=(9, numbers))
    with pytest.raises(ProtocolError, match="expected 3 numbers to 4"):
        gate(0, Payload({"mixture.acc": sums(rows)}, {"held": True}))
    gate(0, Payload({"mixture.acc": sums(rows[:, :1] * np.ones((1, 4)))}, {"held": True}))
    with pytest.raises(ProtocolError, match="does not hold"):
        gate(0, Payload({"latents.acc": sums(rows[:, :1] * np.ones((1, 4)))}, {"held": True}))


def agreed(replies, data_path=lambda group: "data", prefix=AXES):
    experiment = SimpleNamespace(groups={"a": 0, "test": 0}, data_path=data_path)
    windows = {"moments.acc": {"mean": np.zeros(2, np.float32), "std": np.ones(2, np.float32)}}
    state = JobState(
        manifests={0: manifest(0), 2: manifest(2), 3: manifest(3), 1: manifest(1, "test")},
        normalisation={"a": windows, "test": windows},
    )
    notes = []
    return _with_axes(SimpleNamespace(experiment=experiment, note=notes.append), state, replies, prefix, 3), notes


def test_the_axes_are_those_of_all_training_nodes_latents_together_beside_the_scale_of_windows():
    rows = np.random.default_rng(0).normal(2.0, 3.0, (10, 3)) @ np.array([[1, 2, 0], [0, 1, 0], [0, 0, 5.0]])
    found, notes = agreed(
        {
            0: Payload({"latents.acc": sums(rows[:3])}), 2: Payload({"latents.acc": sums(rows[3:])}), 1: Payload(),
            3: Payload(),
        }
    )  # fmt: skip
    assert found["a"].keys() == found["test"].keys() == {"moments.acc", "latents.acc"} and not notes
    block = found["test"]["latents.acc"]
    turned = (rows - block["mean"]) @ block["turn"]
    np.testing.assert_allclose(turned.mean(0), 0, atol=1e-5)
    spread = turned.T @ turned / len(rows)
    np.testing.assert_allclose(spread, np.diag(np.diag(spread)), atol=1e-4)


def test_the_mixture_is_found_in_the_same_way_and_stands_beside_what_was_there():
    rows = np.random.default_rng(0).normal(size=(12, 5)) @ np.random.default_rng(1).normal(size=(5, 5))
    found, _ = agreed(
        {0: Payload({"mixture.acc": sums(rows[:5])}), 2: Payload({"mixture.acc": sums(rows[5:])})}, prefix=MIXTURE
    )
    assert found["test"].keys() == {"moments.acc", "mixture.acc"} and found["a"]["mixture.acc"]["turn"].shape == (5, 3)
    pooled, _ = agreed({0: Payload({"mixture.acc": sums(rows)})}, prefix=MIXTURE)
    np.testing.assert_allclose(found["a"]["mixture.acc"]["turn"], pooled["a"]["mixture.acc"]["turn"], atol=1e-5)


def test_a_node_that_tells_of_another_number_of_numbers_is_left_out_and_named():
    rows = np.random.default_rng(0).normal(size=(12, 3))
    good = {0: Payload({"latents.acc": sums(rows[:6])}), 2: Payload({"latents.acc": sums(rows[6:])})}
    found, notes = agreed({**good, 3: Payload({"latents.acc": sums(np.ones((4, 5)))})})
    assert "[3]" in notes[0]
    np.testing.assert_array_equal(found["a"]["latents.acc"]["turn"], agreed(good)[0]["a"]["latents.acc"]["turn"])
