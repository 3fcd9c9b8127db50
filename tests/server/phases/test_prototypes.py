"""Where several nodes fine-tune: the class means they all begin from, which answers are refused, and whole runs."""

import numpy as np
import pytest
import torch

from models.fusion import FusionClassifier
from models.projection import Projection
from protocol.kinds import FINETUNE, PROTOTYPES
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Payload, ProtocolError
from server.phases.prototypes import _means, _sums_gate
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

STEPS, FEATURE = 2, 4


def head_and_samples(classes=3, samples=9):
    torch.manual_seed(0)
    projections = {m: Projection(STEPS, FEATURE) for m in "ab"}
    head = FusionClassifier("ab", STEPS, FEATURE, classes=classes, projections=projections).eval()
    label = torch.arange(samples) % classes
    present = {"a": torch.ones(samples, dtype=torch.bool), "b": label != 1}
    return head, {m: torch.randn(samples, STEPS, FEATURE) for m in "ab"}, label, present


def block(count, total):
    return {"count": np.array(count, dtype=float), "total": np.array(total, dtype=float)}


def test_means_of_sums_by_hand_and_a_class_without_samples_stays():
    told = [block([1, 0, 2], [[1, 0], [0, 0], [0, 2]]), block([3, 0, 0], [[0, 3], [0, 0], [0, 0]])]
    before = np.full((3, 2), 7.0, np.float32)
    found = _means(told, before)
    assert found.tolist() == [[0.25, 0.75], [7.0, 7.0], [0.0, 1.0]] and found.dtype == np.float32


def test_sums_over_nodes_are_the_prototypes_of_one_node_that_holds_all_samples():
    head, features, label, present = head_and_samples()
    parts = [slice(0, 2), slice(2, 7), slice(7, 9)]
    sums = [
        head.class_sums(
            {m: f[part] for m, f in features.items()}, label[part], {m: p[part] for m, p in present.items()}
        )
        for part in parts
    ]
    before = {m: head.block(m).prototypes.detach().numpy().copy() for m in "ab"}
    head.set_prototypes(features, label, present)
    for m in "ab":
        told = [{"count": each[m][0].numpy(), "total": each[m][1].numpy()} for each in sums]
        np.testing.assert_allclose(_means(told, before[m]), head.block(m).prototypes.detach().numpy(), atol=1e-6)
        assert np.array_equal(_means(told, before[m])[1], before[m][1]) == (m == "b")  # nobody holds b of class 1


TOLD = Manifest(
    0, "finetune", 4, 4, {"a": ModalityManifest("inertial", 4, 3, 32.0, 4)}, ["x", "y"], True, "board", 0, ""
)
GOOD = block([3, 1], [[0, 3], [1, 0]])


def gate(noisy=False):
    return _sums_gate({0: TOLD}, {0: {"a": 2}}, noisy)


@pytest.mark.parametrize(
    ("blocks", "fault"),
    [
        ({}, "expected sums of a"),
        ({"prototypes.a": GOOD, "prototypes.b": GOOD}, "expected sums of a"),
        ({"prototypes.a": {"count": GOOD["count"]}}, "2 classes, 2 numbers"),
        ({"prototypes.a": block([3, 1], [[0, 3, 0], [1, 0, 0]])}, "2 classes, 2 numbers"),
        ({"prototypes.a": {**GOOD, "count": np.array([3, 1])}}, "2 classes, 2 numbers"),
        ({"prototypes.a": block([-1, 1], [[0, 0], [1, 0]])}, "labelled samples"),
        ({"prototypes.a": block([0.5, 1], [[0, 0], [1, 0]])}, "labelled samples"),
        ({"prototypes.a": block([4, 1], [[0, 3], [1, 0]])}, "its manifest said 4"),
        ({"prototypes.a": block([3, 1], [[0, 3.1], [1, 0]])}, "longer than"),
        ({"prototypes.a": block([3, 0], [[0, 3], [0.1, 0]])}, "longer than"),
    ],
)
def test_sums_that_no_samples_of_the_node_can_have_are_refused(blocks, fault):
    with pytest.raises(ProtocolError, match=fault):
        gate()(0, Payload(blocks))


def test_sums_pass_and_under_noise_their_length_tells_nothing():
    gate()(0, Payload({"prototypes.a": GOOD}))
    gate(noisy=True)(0, Payload({"prototypes.a": block([3, 1], [[0, 4], [2, 0]])}))
    with pytest.raises(ProtocolError, match="longer"):
        gate(noisy=True)(0, Payload({"prototypes.a": block([3, 0], [[0, 4], [2, 0]])}))


class Seen(list):
    """Questions and replies of two kinds, in their order."""

    def __call__(self, question, reply):
        kind = question.metadata.message_type
        if kind in (PROTOTYPES.message_type, FINETUNE.message_type):
            self.append((kind, Payload.from_records(question.content), Payload.from_records(reply.content)))
        return reply


@pytest.mark.parametrize("method", ["fedbind", "lower_bound"])
def test_every_node_of_a_track_begins_from_the_same_class_means(tmp_path, method):
    seen = Seen()
    whole_run(smallest(*TWO_NODES_A_GROUP, f"methods=[{method}]", "evaluation.folds=2"), tmp_path / "run", watch=seen)
    if method == "lower_bound":  # nothing has shaped its space
        assert {kind for kind, _, _ in seen} == {FINETUNE.message_type}
        return
    sums = {track: [] for track in ("fold0", "fold1", "all")}
    begun = {track: [] for track in sums}
    for kind, question, reply in seen:
        if kind == PROTOTYPES.message_type:
            sums[question.info["track"]].append(reply.blocks)
        elif question.info["first_epoch"] == 1:
            assert not question.info["own_prototypes"]
            begun[question.info["track"]].append(question.blocks)
    for track, told in sums.items():
        assert len(told) == len(begun[track]) == 2
        for name in told[0]:
            count = sum(each[name]["count"] for each in told)
            mean = sum(each[name]["total"] for each in told) / np.maximum(count, 1)[:, None]
            for sent in begun[track]:
                prototypes = sent[name.replace("prototypes.", "head.")]["prototypes"]
                np.testing.assert_allclose(prototypes[count > 0], mean[count > 0], atol=1e-6)
    assert sum(sums["fold0"][0][name]["count"].sum() for name in sums["fold0"][0]) < sum(
        sums["all"][0][name]["count"].sum() for name in sums["all"][0]
    )


def test_one_node_alone_is_asked_for_none_and_finds_its_own(tmp_path):
    seen = Seen()
    whole_run(smallest("methods=[fedbind]"), tmp_path / "run", watch=seen)
    assert {kind for kind, _, _ in seen} == {FINETUNE.message_type}
    assert all(question.info["own_prototypes"] for _, question, _ in seen)


def test_where_no_node_answers_the_head_begins_as_it_was_and_the_run_goes_on(tmp_path, monkeypatch):
    def lying(node, question):
        raise ProtocolError("no")

    monkeypatch.setattr("client.handlers.prototypes", lying)
    results, _ = whole_run(smallest(*TWO_NODES_A_GROUP, "methods=[fedbind]"), tmp_path / "run")
    assert results["fedbind", 0]["accuracy"] is not None
    assert {each["reason"] for each in results["fedbind", 0]["nodes"]["skipped"]} == {"no"}
