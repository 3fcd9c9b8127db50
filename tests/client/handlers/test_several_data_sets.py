"""Nodes of two data sets: whose recordings they read, from where, under which names, with which labels."""

import numpy as np
import pytest
from flwr.app import Context, RecordDict

from client.data import catalogue
from client.data.cards import DatasetCard, ModalityCard
from client.data.holdings import check_data, check_holdings, holdings_of
from client.data.recording import Loaded, Recording
from client.node import node_for
from configs.errors import UserError
from configs.load import check
from configs.nodes import node_places
from protocol.kinds import DESCRIBE
from server.normalisation import agreed, moments_of


class Other:
    """The toy's recordings in other units (a tenth), under other names, with the classes the other way round."""

    def __init__(self, toy):
        self.toy, self.roots = toy, []
        modalities = {
            "a": ModalityCard("inertial", 3, 16.0, "mm/s²"),
            "e": ModalityCard("physiological", 1, 32.0, "µV"),
        }
        self.card = DatasetCard("other", "Other", "", "", "", "", True, ("going", "resting", "swimming"), modalities)

    def card_for(self, options, root):
        return self.card

    def load(self, root, *, subjects, modalities, on_corrupt, options, seed):
        self.roots.append(root)
        names = {"a": "accelerometer", "e": "ecg"}
        asked = [names[name] for name in modalities]
        loaded = self.toy.load(root, subjects=subjects, modalities=asked, on_corrupt=on_corrupt, options={}, seed=0)
        back = {there: here for here, there in names.items()}
        return Loaded([
            Recording(r.subject, 1 - r.label, {back[n]: type(s)(s.values / 10, s.rate_hz) for n, s in r.signals.items()}, r.name)
            for r in loaded.recordings
        ])  # fmt: skip


@pytest.fixture
def other(toy, monkeypatch):
    made = Other(toy)
    monkeypatch.setitem(catalogue.DATASETS, "other", made)
    return made


@pytest.fixture
def tree(experiment, other):
    """Group b reads the other data set: its subjects 1 and 2 have the names of a's and of nobody's here."""
    told = experiment.model_dump(mode="json")
    told["further_data"] = {
        "mine": {"name": "other", "modalities": ["accelerometer", "ecg"], "rename": {"accelerometer": "a", "ecg": "e"}}
    }
    told["groups"]["b"] |= {"data": "mine", "nodes": 1}
    told["split"] |= {"b": [1, 2], "finetune": [4], "test": [6]}
    return told


def held(tree, group, **options):
    experiment = check(tree)
    place = next(place for place in node_places(experiment) if place.group == group)
    return holdings_of(experiment, place, None, 0, None, **options)


def test_a_renamed_sensor_is_one_modality_and_the_same_name_is_another_person(tree):
    ours, theirs = held(tree, "a"), held(tree, "b")
    assert list(theirs.shapes) == ["accelerometer", "ecg"] and theirs.rates_hz["ecg"] == 32
    assert theirs.classes == ("going", "resting", "swimming") and ours.classes == ("rest", "walk")
    assert theirs.samples.label[:6].tolist() == [1, 0, 1, 0, 1, 0] and ours.samples.label.tolist() == [0, 1] * 3
    first = [held.samples.arrays["accelerometer"][0] for held in (ours, theirs)]
    np.testing.assert_allclose(first[1] * 10, first[0], rtol=1e-5)


def test_words_are_joined_and_classes_left_out(tree):
    tree["further_data"]["mine"]["classes"] = {"moving": ["swimming", "going"]}
    told = held(tree, "b")
    assert told.classes == ("moving",) and told.samples.label.tolist() == [0] * 6
    tree["further_data"]["mine"]["classes"] = None
    tree["groups"]["b"]["classes"] = ["resting", "swimming"]
    told = held(tree, "b")
    assert told.classes == ("going", "resting", "swimming") and told.samples.label.tolist() == [1] * 6


def test_two_groups_with_classes_of_their_own_overlap_in_part(tree):
    tree["groups"]["a"]["classes"] = ["rest"]
    assert held(tree, "a").samples.label.tolist() == [0, 0, 0]
    tree["groups"]["a"]["classes"] = ["rest", "walk"]
    assert held(tree, "a").samples.label.tolist() == [0, 1] * 3


@pytest.mark.parametrize(("share", "labels"), [(0.01, 1), (0.25, 2), (1 / 3, 2), (0.34, 3), (1.0, 6)])
def test_a_share_of_each_class_s_labels_stays_and_one_at_least(tree, share, labels):
    """Subjects 4 and 5 have six recordings of each class."""
    tree["split"]["finetune"] = [4, 5]
    tree["groups"]["finetune"]["labels_share"] = share
    label = held(tree, "finetune").samples.label
    assert len(label) == 12 and [(label == each).sum() for each in (0, 1)] == [labels, labels]


def test_more_labels_keep_those_of_fewer(tree):
    tree["split"]["finetune"] = [4, 5]
    kept = []
    for share in (0.1, 0.3, 0.6):
        tree["groups"]["finetune"]["labels_share"] = share
        kept.append(set(np.flatnonzero(held(tree, "finetune").samples.label >= 0).tolist()))
    assert kept[0] < kept[1] < kept[2]


def test_a_class_that_does_not_occur_gets_no_label(tree):
    tree["groups"]["finetune"] |= {"labels_share": 0.1, "classes": ["walk"]}
    label = held(tree, "finetune").samples.label
    assert label.tolist().count(1) == 1 and label.tolist().count(-1) == len(label) - 1 == 2


def root(tree, group, tmp_path, **config):
    experiment = check(tree)
    partition = next(place.partition for place in node_places(experiment) if place.group == group)
    context = Context(5, 7, {"state-dir": str(tmp_path), **config}, RecordDict(), {})
    found = node_for(experiment, partition, "fedbind", 0, context).root
    return None if found is None else str(found)


def test_a_node_s_own_folder_is_that_of_the_data_set_it_reads(tree, tmp_path):
    tree["data"]["root"], tree["further_data"]["mine"]["root"] = "/one", "/two"
    assert (root(tree, "a", tmp_path), root(tree, "b", tmp_path)) == ("/one", "/two")
    anywhere = {"data-root": "/own"}
    assert (root(tree, "a", tmp_path, **anywhere), root(tree, "b", tmp_path, **anywhere)) == ("/own", "/own")
    both = {**anywhere, "data-root-mine": "/mine", "data-root-else": "/else"}
    assert (root(tree, "a", tmp_path, **both), root(tree, "b", tmp_path, **both)) == ("/own", "/mine")
    assert root(tree, "a", tmp_path, **{"data-root-mine": "/mine"}) == "/one"


def test_what_each_node_says_of_itself_gives_each_data_set_its_own_statistics(tree, make):
    experiment = check(tree)
    asked = make(experiment, hosts=4)
    replies = {p: asked.say(DESCRIBE, p) for p in range(3)}
    told = {p: moments_of(reply.blocks, p) for p, reply in replies.items()}
    assert replies[1].info["nodes"][0]["classes"] == ["going", "resting", "swimming"]
    ours = agreed([told[0], told[2]])["moments.accelerometer"]
    theirs = agreed([told[1]])["moments.accelerometer"]
    spread = held(tree, "b").samples.arrays["accelerometer"].std(axis=(0, 1))
    np.testing.assert_allclose(theirs["std"], spread, rtol=1e-4)
    assert (ours["std"] > 5 * theirs["std"]).all()


def test_normalisation_may_be_the_node_s_own_in_one_data_set_alone(tree, make):
    tree["further_data"]["mine"]["normalise"] = "per_node"
    asked = make(check(tree), hosts=4)
    assert asked.say(DESCRIBE, 0).blocks and not asked.say(DESCRIBE, 1).blocks
    assert held(tree, "b").normalise == "per_node"


def test_every_data_set_that_is_read_is_checked_and_its_folder_named(tree, other):
    check_holdings(check(tree))
    assert other.roots
    tree["further_data"]["unread"] = {"name": "no such set", "modalities": ["ecg"]}
    check_holdings(check(tree))
    tree["further_data"]["mine"]["rename"]["ecg"] = "q"
    with pytest.raises(UserError, match=r"unknown modality 'q'[\s\S]*further_data.mine.rename.ecg"):
        check_data(check(tree))
    tree["further_data"]["mine"] = {"name": "folder", "modalities": ["accelerometer", "ecg"]}
    check_data(check(tree), root_comes_later=True)
    with pytest.raises(UserError, match=r"none is named[\s\S]*further_data.mine.root"):
        check_data(check(tree))


def test_shapes_that_disagree_are_told_before_a_recording_is_read(tree, other):
    tree["further_data"]["mine"]["rename"] = {"accelerometer": "e", "ecg": "a"}
    with pytest.raises(UserError) as caught:
        check_holdings(check(tree))
    text = str(caught.value)
    assert "accelerometer is physiological with 1 channel in further_data.mine (Other)" in text and "data (Toy)" in text
    assert not other.roots
