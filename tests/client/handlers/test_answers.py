"""What each handler answers, and what a failing one tells the server: nothing of files or values."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import client.app
from client.data.holdings import holdings_of
from client.resident import forget_holdings
from configs.errors import UserError
from configs.nodes import node_places
from configs.schema import PrivacySettings
from protocol.embedding import unpack_embeddings
from protocol.handles import sample_handles
from protocol.kinds import (
    ADAPT,
    AUDIT,
    AUTOENCODER,
    CONTRAST,
    DECODER,
    EMBED,
    EVALUATE,
    FINETUNE,
    KINDS,
    PROTOTYPES,
    TARGETS,
)
from protocol.payload import Payload

NODE_0 = ("encoder.accelerometer", "projection.accelerometer", "encoder.gyroscope", "projection.gyroscope",
          "moments.accelerometer", "moments.gyroscope")  # fmt: skip
HEAD = ("encoder.gyroscope", "encoder.ecg", "moments.gyroscope", "moments.ecg", "head")


def handles(partition, count=6):
    return sample_handles(f"k:fedbind:0:{partition}".encode(), count)


# --- what a failure tells ---------------------------------------------------------------------------------------------

BEHIND_THE_ENCODER = (ADAPT, DECODER)  # before they read a recording they look for the frozen encoder
BY_NODE = [kind for name, kind in KINDS.items() if name != "query.describe" and kind not in BEHIND_THE_ENCODER]


@pytest.mark.parametrize("kind", BY_NODE, ids=lambda kind: kind.message_type)
def test_recordings_that_cannot_be_used_are_told_without_a_word_of_files(toy, asked, kind):
    toy.broken.add("1")
    reason = asked.refusal(kind, 0, Payload(asked.blocks(*NODE_0, "autoencoder.accelerometer"), {"rounds": 1, "subsets": [],
                           "track": "all", "first_epoch": 1, "epochs": 1, "keep": []}))  # fmt: skip
    assert "the node's own log says" in reason and len(reason) < 120
    assert not any(word in reason for word in ("/", "secret", "S1", ".mat", "corrupt"))


@pytest.mark.parametrize("kind", BEHIND_THE_ENCODER, ids=lambda kind: kind.message_type)
def test_without_the_frozen_encoder_a_node_says_so(asked, kind):
    assert "the frozen encoder is not on this node" in asked.refusal(kind, 0, Payload({}, {"rounds": 1}))


@pytest.mark.parametrize(
    "error",
    [OSError(2, "No such file", "/home/someone/secret/S1.mat"), UserError("bad", where="/home/someone/secret/S1.mat"),
     ValueError("could not convert string '37.2 degrees of /home/someone/secret' to float"), KeyError("/home/secret/S1.mat")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_an_unforeseen_error_is_told_by_its_kind_alone(asked, monkeypatch, caplog, error):
    def fails(node, question):
        raise error

    monkeypatch.setattr(client.app.handlers, "embed", fails)
    reason = asked.refusal(EMBED, 0)
    assert "secret" not in reason and "/" not in reason and "37.2" not in reason
    assert type(error).__name__ in reason or isinstance(error, UserError)
    assert "secret" in caplog.text  # the node's own log does say it


def test_a_question_out_of_form_is_refused_by_its_kind_alone(asked):
    assert "KeyError" in asked.refusal(CONTRAST, 0, Payload(asked.blocks(*NODE_0)))  # no number of rounds


def test_what_may_not_leave_is_stopped_on_the_node(asked, monkeypatch):
    monkeypatch.setattr(client.app.handlers, "embed", lambda node, question: Payload({"windows": {"x": np.zeros(3)}}))
    before = asked.dispatch.tally.up
    assert "block 'windows' may not leave a node" in asked.refusal(EMBED, 0)
    assert asked.dispatch.tally.up == before


# --- embed, audit, targets --------------------------------------------------------------------------------------------


def test_embeddings_come_under_the_node_s_handles(asked):
    reply = asked.say(EMBED, 0, Payload(asked.blocks("autoencoder.accelerometer", "moments.accelerometer")))
    got, vectors = unpack_embeddings(reply.blocks["embeddings.accelerometer"])
    assert got.tolist() == sorted(handles(0).tolist()) and vectors.shape == (6, 2 * 4)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_labels_are_given_only_where_the_owner_permits_it(toy, experiment, make):
    toy.card = replace(toy.card, simulated=False)
    assert "allow-audit is not set" in make(experiment).refusal(AUDIT, 0)
    block = make(experiment, **{"allow-audit": True}).say(AUDIT, 0).blocks["labels.accelerometer"]
    by_handle = dict(zip(block["handles"].tolist(), block["label"].tolist(), strict=True))
    assert [by_handle[handle] for handle in handles(0).tolist()] == [0, 1, 0, 1, 0, 1]
    assert block["handles"].tolist() == sorted(block["handles"].tolist())


def test_targets_are_given_for_all_samples_or_those_wanted(asked):
    blocks = asked.blocks(*NODE_0)
    everything = asked.say(TARGETS, 0, Payload(blocks)).blocks
    assert set(everything) == {"targets.accelerometer", "targets.gyroscope"}
    wanted = np.array([handles(0)[4], handles(0)[1], 77])
    some = asked.say(TARGETS, 0, Payload({**blocks, "wanted": {"handles": wanted}})).blocks
    for name, block in some.items():
        got, vectors = unpack_embeddings(block)
        assert set(got.tolist()) == set(wanted[:2].tolist())
        all_handles, all_vectors = unpack_embeddings(everything[name])
        rows = [all_handles.tolist().index(handle) for handle in got.tolist()]
        assert np.allclose(vectors, all_vectors[rows], atol=1e-6)


def test_people_who_fine_tune_or_test_give_embeddings_only_while_they_are_measured(experiment, make):
    names = ("encoder.gyroscope", "projection.gyroscope", "moments.gyroscope")
    evaluation = experiment.evaluation.model_copy(update={"embeddings": False})
    silent = make(experiment.model_copy(update={"evaluation": evaluation}))
    for partition in (3, 4):
        asked = make(experiment)
        block = asked.say(TARGETS, partition, Payload(asked.blocks(*names))).blocks["targets.gyroscope"]
        assert np.allclose(np.linalg.norm(unpack_embeddings(block)[1], axis=1), 1, atol=1e-5)
        assert "evaluation.embeddings is not set" in silent.refusal(TARGETS, partition, Payload(silent.blocks(*names)))
    assert silent.say(TARGETS, 0, Payload(silent.blocks(*NODE_0))) is not None  # the contrast needs these


# --- training ---------------------------------------------------------------------------------------------------------


def test_the_autoencoder_comes_back_trained_with_its_count(asked):
    blocks = asked.blocks("autoencoder.accelerometer", "moments.accelerometer")
    reply = asked.say(AUTOENCODER, 0, Payload(blocks, {"rounds": 1}))
    assert reply.metrics["examples"] == 6
    sent, got = blocks["autoencoder.accelerometer"], reply.blocks["autoencoder.accelerometer"]
    assert set(got) == set(sent) and any(not np.array_equal(got[key], sent[key]) for key in sent)


def contrast_question(asked, **changes):
    vectors = np.eye(8, dtype=np.float32)[:2]
    foreign = {"handles": np.array([500, 600]), "values": vectors}
    pairs = {"handle": handles(0)[:2], "partner": np.array([500, 600]), "weight": np.array([1, 0.5], np.float32)}
    return Payload({**asked.blocks(*NODE_0), "targets.ecg": foreign, "pairs": pairs, **changes}, {"rounds": 2})


def test_contrast_brings_the_node_s_own_encoders_back_and_foreign_embeddings_matter(asked):
    one = asked.say(CONTRAST, 0, contrast_question(asked))
    assert set(one.blocks) == {name for name in NODE_0 if not name.startswith("moments")}
    assert one.metrics["examples"] == 6
    again = asked.say(CONTRAST, 0, contrast_question(asked))
    assert all(np.array_equal(one.blocks[n][k], again.blocks[n][k]) for n in one.blocks for k in one.blocks[n])
    other = {"handles": np.array([500, 600]), "values": np.eye(8, dtype=np.float32)[4:6]}
    changed = asked.say(CONTRAST, 0, contrast_question(asked, **{"targets.ecg": other}))
    assert changed.metrics["loss"] != one.metrics["loss"]


def test_pairs_become_affinities_of_own_rows_to_own_and_foreign_ones(experiment, asked):
    """Own samples 0 and 1 are bound to foreign 600 and 500, sample 2 to the own sample 3; what nobody knows is left out."""
    from client.handlers.contrast import _related
    from client.node import node_for

    context = asked.grid._contexts[100]
    node = node_for(experiment, 0, "fedbind", 0, context)
    own = node.handles.tolist()
    question = Payload({
        "targets.ecg": {"handles": np.array([500, 600]), "values": np.eye(8, dtype=np.float32)[:2]},
        "targets.gyroscope": {"handles": np.array([600, 700]), "values": np.eye(8, dtype=np.float32)[2:4]},
        "pairs": {
            "handle": np.array([own[0], own[1], own[2], own[4], 999]),
            "partner": np.array([600, 500, own[3], 12345, 500]),
            "weight": np.array([0.5, 0.25, 0.75, 1.0, 1.0], np.float32),
        },
        "undecided": {
            "handle": np.array([own[0], own[5], own[1], 999]),
            "other": np.array([own[5], 700, 12345, own[0]]),
        },
    })  # fmt: skip
    related = _related(node, question)
    expected = torch.zeros(6, 9)  # six own rows; foreign 500, 600, 700
    expected[0, 7], expected[1, 6], expected[2, 3] = 0.5, 0.25, 0.75
    assert torch.equal(related.affinity, expected)
    near = torch.zeros(6, 9, dtype=torch.bool)
    near[0, 5] = near[5, 8] = True
    assert torch.equal(related.undecided, near)
    foreign = related.foreign
    assert foreign.present["ecg"].tolist() == [True, True, False]
    assert foreign.present["gyroscope"].tolist() == [False, True, True]
    assert torch.equal(foreign.views["gyroscope"][1:], torch.eye(8)[2:4]) and not foreign.views["gyroscope"][0].any()
    for name in foreign.identity:
        assert not set(foreign.identity[name].tolist()) & set(related.identity.tolist())
        assert torch.equal(foreign.identity[name], foreign.identity["ecg"])  # one sample, one number in all modalities


def test_without_foreign_embeddings_a_node_contrasts_its_own(experiment, asked):
    reply = asked.say(CONTRAST, 0, Payload(asked.blocks(*NODE_0), {"rounds": 1}))
    assert np.isfinite(reply.metrics["loss"])


def test_foreign_embeddings_of_another_width_are_refused(asked):
    wide = {"handles": np.array([500]), "values": np.ones((1, 9), np.float32)}
    reason = asked.refusal(CONTRAST, 0, contrast_question(asked, **{"targets.ecg": wide}))
    assert "foreign embeddings of 9 numbers, expected 8" in reason


# --- fine-tune, evaluate ----------------------------------------------------------------------------------------------


def tune(asked, track, first, epochs, keep, last=False, blocks=None):
    info = {"track": track, "first_epoch": first, "epochs": epochs, "keep": keep, "last": last}
    blocks = asked.blocks(*HEAD) if blocks is None else blocks
    if first > 1:
        blocks = {name: block for name, block in blocks.items() if name.startswith("moments")}
    return asked.say(FINETUNE, 3, Payload(blocks, info), round=first)


def test_fine_tuning_in_two_messages_equals_one_bit_by_bit_also_in_fresh_processes(experiment, make, tmp_path):
    at_once = tune(make(experiment), "all", 1, 4, [3, 4], last=True)
    asked = make(experiment, store="disk", **{"state-dir": str(tmp_path)})
    first = tune(asked, "all", 1, 2, [])
    forget_holdings()
    second = tune(asked, "all", 3, 2, [3, 4], last=True)
    assert first.blocks == {}
    assert first.info["losses"] + second.info["losses"] == at_once.info["losses"]
    assert set(second.blocks) == {"encoder.gyroscope", "encoder.ecg", "head.gyroscope", "head.ecg", "head.fusion"}
    for name, block in second.blocks.items():
        for key, value in block.items():
            assert len(value) == 2 and np.array_equal(value, at_once.blocks[name][key])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # the last message leaves nothing behind


def test_what_was_pre_trained_learns_slower_and_what_was_not_at_the_full_rate(experiment, make):
    """With a share of 0 the encoders stay as they came."""
    frozen = experiment.model_copy(update={"finetune": experiment.finetune.model_copy(update={"averaging": 0.0})})
    for pretrained in (True, False):
        asked = make(frozen)
        sent = asked.blocks(*HEAD)
        info = {
            "track": "all",
            "first_epoch": 1,
            "epochs": 2,
            "keep": [2],
            "own_prototypes": pretrained,
            "share": 0.0 if pretrained else 1.0,
        }
        got = asked.say(FINETUNE, 3, Payload(sent, info)).blocks
        for name in ("encoder.gyroscope", "encoder.ecg"):
            stayed = all(np.array_equal(got[name][key][0], sent[name][key]) for key in sent[name])
            assert stayed == pretrained


def test_of_several_encoders_those_that_no_method_taught_learn_at_the_full_rate(experiment, make):
    frozen = experiment.model_copy(update={"finetune": experiment.finetune.model_copy(update={"averaging": 0.0})})
    asked = make(frozen)
    sent = asked.blocks(*HEAD)
    info = {
        "track": "all",
        "first_epoch": 1,
        "epochs": 2,
        "keep": [2],
        "own_prototypes": True,
        "share": 0.0,
        "fresh": ["ecg"],
    }
    got = asked.say(FINETUNE, 3, Payload(sent, info)).blocks
    stayed = {
        name: all(np.array_equal(got[name][key][0], sent[name][key]) for key in sent[name])
        for name in ("encoder.gyroscope", "encoder.ecg")
    }
    assert stayed == {"encoder.gyroscope": True, "encoder.ecg": False}


def test_class_sums_are_of_what_the_track_trains_on_clipped_and_noised_as_each_sample_would_be(experiment, make):
    def said(**privacy):
        asked = make(experiment.model_copy(update={"privacy": PrivacySettings(**privacy)}))
        return asked.say(PROTOTYPES, 3, Payload(asked.blocks(*HEAD), {"track": "all"})).blocks["prototypes.ecg"]

    plain, half, noisy = said(), said(clip_norm=0.5), said(noise_std=0.1)
    assert plain["count"].tolist() == [6.0, 6.0]
    np.testing.assert_allclose(half["total"], plain["total"] / 2)
    apart = (noisy["total"] - plain["total"]) / np.sqrt(6.0)
    assert 0.08 < apart.std() < 0.12
    asked = make(experiment)
    fold = asked.say(PROTOTYPES, 3, Payload(asked.blocks(*HEAD), {"track": "fold1"})).blocks["prototypes.ecg"]
    assert fold["count"].sum() == 6.0


def test_noise_is_drawn_from_the_node_s_own_key_which_nobody_else_knows(experiment, make):
    def said(key):
        noisy = experiment.model_copy(update={"privacy": PrivacySettings(noise_std=0.1)})
        asked = make(noisy, **{"handle-key": key})
        return asked.say(PROTOTYPES, 3, Payload(asked.blocks(*HEAD), {"track": "all"})).blocks["prototypes.ecg"][
            "total"
        ]

    np.testing.assert_array_equal(said("one"), said("one"))
    assert np.abs(said("one") - said("another")).min() > 0


def test_a_fold_leaves_one_subject_out_and_counts_there(asked):
    reply = tune(asked, "fold1", 1, 2, [])
    assert (reply.metrics["examples"], reply.metrics["validation_examples"]) == (6, 6)
    assert len(reply.info["validation_correct"]) == 2 and all(
        0 <= count <= 6 for count in reply.info["validation_correct"]
    )
    whole = tune(asked, "all", 1, 1, [1])
    assert (whole.metrics["examples"], whole.metrics["validation_examples"]) == (12, 0)


def test_where_several_nodes_were_aggregated_the_moving_average_begins_at_what_came(experiment, make):
    """At a rate of next to nothing a node leaves what it is sent as it is, whatever it had averaged before."""
    still = experiment.finetune.model_copy(update={"rate": 1e-12})
    asked = make(experiment.model_copy(update={"finetune": still}))
    tune(asked, "all", 1, 2, [2])
    statistics = asked.blocks("moments.gyroscope", "moments.ecg")
    came = {
        n: {k: v + np.float32(0.5) for k, v in b.items()} for n, b in asked.blocks(*HEAD).items() if n not in statistics
    }
    info = {"track": "all", "first_epoch": 3, "epochs": 2, "keep": [4]}
    got = asked.say(FINETUNE, 3, Payload({**statistics, **came}, info), round=3).blocks
    for name, block in got.items():
        for key, value in block.items():
            np.testing.assert_allclose(value[0], came[name][key], atol=1e-5)


def test_a_track_whose_state_is_gone_says_so(asked):
    info = {"track": "all", "first_epoch": 3, "epochs": 1, "keep": []}
    statistics = asked.blocks("moments.gyroscope", "moments.ecg")
    assert "the state of this fine-tuning track is gone" in asked.refusal(FINETUNE, 3, Payload(statistics, info))


def test_a_node_without_a_label_cannot_fine_tune(toy, experiment, make, monkeypatch):
    import client.data.holdings as holdings

    monkeypatch.setattr(holdings, "hide_labels", lambda label, *_, **__: np.full_like(label, -1))
    groups = {**experiment.groups, "finetune": experiment.groups["finetune"].model_copy(update={"labels_per_class": 1})}
    asked = make(experiment.model_copy(update={"groups": groups}))
    info = {"track": "all", "first_epoch": 1, "epochs": 1, "keep": []}
    assert "no labelled sample to fine-tune on" in asked.refusal(FINETUNE, 3, Payload(asked.blocks(*HEAD), info))


def test_evaluation_counts_every_test_sample_once_per_network_and_subset(experiment, asked):
    blocks = asked.blocks(*HEAD)
    two = {
        name: block if name.startswith("moments") else {key: np.stack([value, value]) for key, value in block.items()}
        for name, block in blocks.items()
    }
    subsets = [["gyroscope", "ecg"], ["gyroscope"], ["ecg"]]
    reply = asked.say(EVALUATE, 4, Payload(two, {"subsets": subsets}))
    assert set(reply.blocks) == {"confusion.gyroscope+ecg", "confusion.gyroscope", "confusion.ecg"}
    label = holdings_of(experiment, node_places(experiment)[4], None, 0, None).samples.label
    for block in reply.blocks.values():
        counts = block["counts"]
        assert counts.shape == (2, 2, 2) and np.array_equal(counts[0], counts[1])
        assert counts[0].sum(axis=1).tolist() == np.bincount(label).tolist() == [3, 3]
    assert 0 <= reply.metrics["auc"] <= 1 and reply.metrics["examples"] == 6
