"""Labels within a node: what the methods beside binding learn from where labels bind, and that nothing changes elsewhere."""

import json

import pytest
import torch

from client.handlers.contrast import _related
from client.node import node_for
from configs.errors import UserError
from configs.nodes import own_labels_used
from protocol.payload import Payload
from server.methods.catalogue import METHODS
from simulation.jobs import grid_for
from tests.simulation.smallest import smallest, whole_run

METHODS_WITH_LABELS = ("unimodal", "mim", "mpm")
ASKED = f"methods=[{', '.join(METHODS_WITH_LABELS)}]"


def weights(path):
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*.safetensors"))}


def notes(path, method):
    lines = (path / "jobs" / f"{method}-seed0" / "metrics.jsonl").read_text().splitlines()
    return [event["text"] for event in map(json.loads, lines) if event["event"] == "note"]


@pytest.mark.parametrize(
    ("by", "labels", "used"),
    [("label", "auto", True), ("label", "use", True), ("label", "ignore", False),
     ("acc", "auto", False), ("acc", "use", True), ("acc", "ignore", False)],
)  # fmt: skip
def test_labels_are_used_where_they_bind_or_where_that_is_asked(by, labels, used):
    experiment = smallest(ASKED, f"bind.by={by}", f"contrast.labels={labels}")
    assert {method for method in METHODS if own_labels_used(experiment, method)} == (
        set(METHODS_WITH_LABELS) if used else set()
    )


def test_where_a_sensor_binds_nothing_is_changed_unless_asked_for(tmp_path):
    runs = {}
    for labels in ("auto", "ignore", "use"):
        runs[labels], _ = whole_run(smallest(ASKED, f"contrast.labels={labels}"), tmp_path / labels)
    assert weights(tmp_path / "auto") == weights(tmp_path / "ignore")
    for method in METHODS_WITH_LABELS:
        of_method = {k: weights(tmp_path / k / "jobs" / f"{method}-seed0") for k in runs}
        assert of_method["use"].keys() == of_method["auto"].keys() and of_method["use"] != of_method["auto"]
        assert not notes(tmp_path / "auto", method)
        assert notes(tmp_path / "use", method) == [
            f"{method}: a node's samples of one label are positives of each other (contrast.labels=use)"
        ]
        sent, before = (runs[labels][method, 0]["bytes"]["up"] for labels in ("use", "auto"))
        assert abs(sent - before) < 64  # digits of losses; no label travels


def test_where_labels_bind_every_method_s_encoders_learn_from_them(tmp_path):
    groups = ["groups.a.modalities=[ecg]", "groups.b.modalities=[eda]", "bind.by=label"]
    for labels in ("auto", "ignore"):
        whole_run(smallest(ASKED, *groups, f"contrast.labels={labels}"), tmp_path / labels)
    for method in METHODS_WITH_LABELS:
        with_labels, without = (weights(tmp_path / k / "jobs" / f"{method}-seed0") for k in ("auto", "ignore"))
        for name in ("checkpoint/encoder.ecg.safetensors", "checkpoint/encoder.eda.safetensors"):
            assert with_labels[name] != without[name], (method, name)


@pytest.mark.parametrize("method", ["mim", "fedbind"])
def test_samples_of_one_label_are_each_other_s_positives_on_their_node(method):
    experiment = smallest("methods=[fedbind, mim]", "bind.by=label")
    grid = grid_for(experiment, method, 0)
    node = node_for(experiment, 0, method, 0, grid._contexts[100])
    related = _related(node, Payload())
    label = node.holdings.samples.label.tolist()
    expected = torch.tensor([[float(a == b and method == "mim") for b in label] for a in label])
    assert torch.equal(related.affinity, expected) and related.foreign is None
    grid.close()


def test_methods_that_would_be_left_without_labels_are_named():
    with pytest.raises(UserError) as error:
        smallest("methods=[lower_bound, mim, dcm, fedbind]", "contrast.labels=use")
    assert "contrast.labels: 'use' gives labels to unimodal, mim, mpm, and none to dcm, fedbind" in str(error.value)
    assert smallest("methods=[lower_bound, mim]", "contrast.labels=use").contrast.labels == "use"


def test_every_such_method_says_so_in_its_definition():
    told = {name for name, method in METHODS.items() if "contrast.labels" in method.definition}
    assert told == set(METHODS_WITH_LABELS)
