"""Self-training on a node: what it says of its samples, and what it learns from what it is told of them."""

import numpy as np
import pytest
import torch

from client.resident import forget_holdings
from client.training.finetune import Labelled, _loss
from protocol.embedding import unpack_embeddings
from protocol.handles import sample_handles
from protocol.kinds import PREDICT, SELF_TRAIN
from protocol.payload import Payload

OWN = ("encoder.gyroscope", "head.gyroscope", "head.fusion")


def handles(partition, count=6):
    return sample_handles(f"k:fedbind:0:{partition}".encode(), count)


def networks(asked, *names):
    made = asked.blocks("encoder.gyroscope", "encoder.ecg", "moments.gyroscope", "moments.ecg", "head")
    return {name: made[name] for name in (*names, "moments.gyroscope")}


def taught(asked, labels, **changes):
    block = {
        "handles": np.sort(handles(0)),
        "label": np.array(labels),
        "weight": np.full(6, 0.5, np.float32),
        **changes,
    }
    return {**networks(asked, *OWN), "taught.classes": block}


def learn(asked, round=1, rounds=2, label=(0, 1, 0, 1, 0, 1), **changes):
    return asked.say(SELF_TRAIN, 0, Payload(taught(asked, label, **changes), {"rounds": rounds}), round=round)


def test_probabilities_come_under_the_node_s_handles(asked):
    block = asked.say(PREDICT, 0, Payload(networks(asked, *OWN))).blocks["predictions.classes"]
    got, rows = unpack_embeddings(block)
    assert got.tolist() == sorted(handles(0).tolist()) and rows.shape == (6, 2) and (rows > 0).all()


def test_a_node_that_fine_tunes_counts_its_labels_and_one_that_tests_says_nothing(asked):
    block = asked.say(PREDICT, 3, Payload()).blocks["counts.classes"]
    assert block["count"].tolist() == [6.0, 6.0]
    assert "only tests" in asked.refusal(PREDICT, 4, Payload(networks(asked, *OWN)))


def test_a_node_sends_back_what_it_was_sent_and_learns_by_the_pseudo_labels(asked):
    sent = networks(asked, *OWN)
    reply = learn(asked)
    assert set(reply.blocks) == set(OWN) and reply.metrics["examples"] == 6
    assert any(not np.array_equal(reply.blocks[n][k], sent[n][k]) for n in OWN for k in sent[n])
    again, other = learn(asked), learn(asked, label=(1, 1, 1, 0, 0, 0))
    assert all(np.array_equal(reply.blocks[n][k], again.blocks[n][k]) for n in OWN for k in reply.blocks[n])
    assert other.metrics["loss"] != reply.metrics["loss"]


def test_samples_of_other_nodes_are_left_out_and_without_any_there_is_nothing_to_learn(asked):
    mixed = np.sort(np.append(handles(0)[:3], [77, 78, 79]))
    assert learn(asked, handles=mixed).metrics["examples"] == 3
    payload = Payload(taught(asked, [0] * 6, handles=np.arange(6)), {"rounds": 2})
    assert "no sample to learn from" in asked.refusal(SELF_TRAIN, 0, payload)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"label": np.array([0, 1, 2, 0, 0, 0])}, "labels beyond 2 classes"),
     ({"label": np.array([0, -1, 0, 0, 0, 0])}, "labels beyond 2 classes"),
     ({"weight": np.ones(5, np.float32)}, "a label and a weight for each handle")],
)  # fmt: skip
def test_what_is_told_out_of_form_is_refused(asked, changes, reason):
    payload = Payload(taught(asked, [0] * 6, **changes), {"rounds": 2})
    assert reason in asked.refusal(SELF_TRAIN, 0, payload)
    assert "no fusion head" in asked.refusal(PREDICT, 0, Payload(networks(asked, "encoder.gyroscope")))


def test_a_labelled_node_learns_from_its_own_labels(asked):
    names = ("encoder.gyroscope", "encoder.ecg", "head.gyroscope", "head.ecg", "head.fusion")
    blocks = {**networks(asked, *names), **asked.blocks("moments.ecg")}
    reply = asked.say(SELF_TRAIN, 3, Payload(blocks, {"rounds": 2}))
    assert set(reply.blocks) == set(names) and reply.metrics["examples"] == 12


def test_moments_outlive_a_round_also_in_fresh_processes_and_the_last_round_leaves_nothing(experiment, make, tmp_path):
    resident, fresh = make(experiment), make(experiment, store="disk", **{"state-dir": str(tmp_path)})
    one = [learn(resident, round=round) for round in (1, 2)]
    other = []
    for round in (1, 2):
        forget_holdings()
        other.append(learn(fresh, round=round))
    for a, b in zip(one, other, strict=True):
        assert all(np.array_equal(a.blocks[n][k], b.blocks[n][k]) for n in OWN for k in a.blocks[n])
    without = learn(make(experiment), round=2)  # nothing is kept of a first round
    assert any(not np.array_equal(without.blocks[n][k], one[1].blocks[n][k]) for n in OWN for k in without.blocks[n])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_weighted_loss_is_the_weighted_mean_and_equal_weights_are_none():
    torch.manual_seed(0)
    logits, label = torch.randn(3, 4), torch.tensor([0, 3, 1])
    each = torch.stack([torch.nn.functional.cross_entropy(logits[i : i + 1], label[i : i + 1]) for i in range(3)])
    weight = torch.tensor([1.0, 0.0, 0.5])
    found = _loss(logits, Labelled({}, label, weight), 0.0)
    assert found.item() == pytest.approx(float((each[0] + 0.5 * each[2]) / 1.5), rel=1e-6)
    alike = _loss(logits, Labelled({}, label, torch.full((3,), 0.3)), 0.1)
    assert alike.item() == pytest.approx(_loss(logits, Labelled({}, label), 0.1).item(), rel=1e-6)
    assert _loss(logits, Labelled({}, label, torch.zeros(3)), 0.1).item() == 0.0
