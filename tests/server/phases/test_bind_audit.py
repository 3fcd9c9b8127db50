"""The audit of pairs over made-up nodes that have other words, or other numbers, for the same things."""

import numpy as np
import pytest
from flwr.app import Message

from configs.errors import UserError
from configs.load import check
from protocol.kinds import ECHO
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Payload
from server.binding.bind import Embedded
from server.dispatch import Dispatch
from server.job import Job
from server.phases.bind import bind_samples
from server.state import JobState
from simulation.local import LocalGrid

SENSORS = {"acc": ModalityManifest("inertial", 16, 2, 50.0, 3)}
TURNS = {0: [0, 90, 180], 1: [10, 100, 190]}  # each sample's nearest is the one at its own place
LABELS = {0: [0, 1, 1], 1: [1, 0, 1]}


def experiment(pairing="nearest", synonyms=None):
    group = {"modalities": ["acc"]}
    return check({
        "name": "small", "seeds": [0], "methods": ["fedbind"],
        "data": {"name": "x", "modalities": {"acc": {}}},
        "further_data": {"mine": {"name": "folder", "modalities": ["acc"]}},
        "split": {"a": [1], "b": [1], "finetune": [3], "test": [4]},
        "groups": {"a": group, "b": {**group, "data": "mine"}, "finetune": group, "test": group},
        "bind": {"by": "acc", "pairing": pairing, "partners": 1},
        "evaluation": {"synonyms": synonyms or {}},
    })  # fmt: skip


def giving(partition, label, handles=None):
    handles = np.arange(3, dtype=np.int64) + 10 * partition if handles is None else handles

    def app(message, context):
        question = Payload.from_records(message.content)
        block = {"handles": handles, "label": np.asarray(label)}
        echo = {key: question.info[key] for key in ECHO}
        return Message(Payload({"labels.acc": block}, echo).to_records(), reply_to=message)

    return app


def audited(asked, *vocabularies, labels=LABELS, handles=None):
    """The state after binding nodes 0 and 1 of groups a and b, and what was noted; `handles` are what node 1 names."""
    hosts = [giving(0, labels[0]), giving(1, labels[1], handles)]
    grid = LocalGrid(lambda message, context: hosts[context.node_id - 100](message, context), [{}] * 2, {})
    events = []
    job = Job(asked, "fedbind", 0, Dispatch(grid, events, "fedbind", 0, 60.0, 1, {0: 100, 1: 101}), None)
    manifests = {
        p: Manifest(p, group, 3, 3, SENSORS, list(words), True, "", 0, "")
        for (p, group), words in zip(enumerate("ab"), vocabularies, strict=True)
    }
    embedded = {}
    for p, angles in TURNS.items():
        turned = np.deg2rad(angles)
        vectors = np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)
        embedded[p] = Embedded("ab"[p], np.arange(3, dtype=np.int64) + 10 * p, vectors)
    held = {p: each.handles for p, each in embedded.items()}
    state = bind_samples(job, JobState(manifests, embedded={"acc": embedded}, handles=held))
    return state, [event["text"] for event in events if event["event"] == "note"], job.dispatch.tally.skipped


def test_other_numbers_for_the_same_words_are_the_same_classes():
    """Labels 0, 1, 1 of (rest, walk) and 1, 0, 1 of (walk, rest) are rest, walk, walk and rest, walk, rest."""
    state, notes, _ = audited(experiment(), ["rest", "walk"], ["walk", "rest"])
    assert state.pairing["classes"] == ["rest", "walk"]
    assert state.pairing["matrix"] == [[2, 1], [1, 2]]  # both ways: two of three pairs are right
    assert state.pairing["accuracy"] == pytest.approx(2 / 3) and notes == []


def test_words_of_one_group_alone_count_as_classes_of_their_own_and_are_named():
    state, notes, _ = audited(experiment(), ["rest", "jogging"], ["run", "rest"])
    assert state.pairing["classes"] == ["rest", "jogging", "run"]
    assert state.pairing["matrix"] == [[2, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert state.pairing["accuracy"] == pytest.approx(2 / 6)
    assert "not all groups have the classes jogging, run" in notes[0]


def test_synonyms_make_them_one_class():
    state, notes, _ = audited(experiment(synonyms={"run": "jogging"}), ["rest", "jogging"], ["run", "rest"])
    assert state.pairing["classes"] == ["rest", "jogging"] and state.pairing["matrix"] == [[2, 1], [1, 2]]
    assert state.pairing["accuracy"] == pytest.approx(2 / 3) and notes == []


def test_groups_without_a_common_word_have_a_matrix_and_no_accuracy():
    state, notes, _ = audited(experiment(), ["still", "jogging"], ["run", "rest"])
    assert state.pairing["accuracy"] is None and len(state.pairs)
    assert state.pairing["classes"] == ["still", "jogging", "run", "rest"]
    assert state.pairing["matrix"][0] == [0, 0, 0, 1] and np.sum(state.pairing["matrix"]) == 6
    assert "groups a and b have no word for a class in common" in notes[0] and "evaluation.synonyms" in notes[0]


def test_the_oracle_pairs_by_words():
    state, _, _ = audited(experiment("oracle"), ["rest", "walk"], ["walk", "rest"])
    assert state.pairing["accuracy"] == 1.0
    pairs = set(zip(state.pairs.handle.tolist(), state.pairs.partner_handle.tolist(), strict=True))
    assert pairs == {(0, 10), (1, 11), (2, 11), (10, 0), (11, 1), (12, 0)}
    nothing, notes, _ = audited(experiment("oracle"), ["still", "jogging"], ["run", "rest"])
    assert not len(nothing.pairs) and any("nothing was bound" in note for note in notes)


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ([0, 1, 2], "out of range"),
        ([-2, 0, 0], "out of range"),
        ([0.0, 1.0, 1.0], "whole numbers"),
        ([0, 1], "one label"),
    ],
)
def test_labels_that_are_none_of_the_node_s_own_classes_are_refused(label, told):
    """Node 1 has two classes, node 0 three: what would be in range there is not here."""
    with pytest.raises(UserError):
        audited(experiment("oracle"), ["rest", "walk", "run"], ["walk", "rest"], labels={**LABELS, 1: label})
    _, notes, skipped = audited(experiment(), ["rest", "walk", "run"], ["walk", "rest"], labels={**LABELS, 1: label})
    assert told in notes[0] and "node 1" in notes[0] and not skipped  # no round of training was missed


def test_nobody_says_of_another_node_s_samples_which_class_they_are():
    """Node 1 names node 0's handles: its labels are not taken, and those of node 0 stay node 0's."""
    lie = np.arange(3, dtype=np.int64)
    _, notes, skipped = audited(experiment(), ["rest", "walk"], ["rest", "walk"], handles=lie)
    assert "handles of another node" in notes[0] and "node 1" in notes[0] and not skipped
    with pytest.raises(UserError, match="handles of another node"):
        audited(experiment("oracle"), ["rest", "walk"], ["rest", "walk"], handles=lie)
