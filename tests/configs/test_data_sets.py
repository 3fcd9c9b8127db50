"""Several data sets in one experiment: who reads which, what is filled in, and what cannot be joined."""

import pytest
import yaml

from configs.data_settings import WindowSettings
from configs.errors import UserError
from configs.load import check, dump
from configs.nodes import modalities_of


@pytest.fixture
def two(tree):
    """Group b reads a folder of its own, in which the accelerometer is called a; its subjects have a's names."""
    tree["further_data"] = {
        "mine": {"name": "folder", "modalities": ["accelerometer", "skeleton"], "rename": {"accelerometer": "a"}}
    }
    tree["groups"]["b"]["data"] = "mine"
    tree["split"]["b"] = [1, 2]
    return tree


def refusal(tree):
    with pytest.raises(UserError) as caught:
        check(tree)
    return str(caught.value)


def test_which_data_set_a_group_reads_follows_from_the_group(two):
    experiment = check(two)
    assert [experiment.data_path(g) for g in two["groups"]] == ["data", "further_data.mine", "data", "data"]
    assert experiment.data_of("a") is experiment.data and experiment.data_of("b").name == "folder"
    assert list(experiment.data_read) == ["data", "further_data.mine"]
    assert experiment.data_name == "utd_mhad + mine (folder)"
    assert check(yaml.safe_load(dump(experiment))) == experiment


def test_with_one_data_set_nothing_is_called_otherwise(tree):
    experiment = check(tree)
    assert experiment.data_name == "utd_mhad" and experiment.data_read == {"data": experiment.data}
    tree["further_data"] = {"unread": {"name": "folder", "modalities": ["accelerometer"]}}
    assert check(tree).data_name == "utd_mhad"  # a grid may use it in some cells alone


def test_what_a_further_data_set_leaves_out_is_as_in_data(two):
    two["data"]["window"] = {"kind": "sliding", "seconds": 3}
    two["data"]["normalise"] = "per_node"
    told = check(two).data_of("b")
    assert {name: each.frames for name, each in told.modalities.items()} == {"accelerometer": 16, "skeleton": 8}
    assert (told.window.seconds, told.normalise, told.root) == (3, "per_node", None)
    two["further_data"]["mine"] |= {"window": {"kind": "whole"}, "normalise": "per_subject"}
    told = check(two).data_of("b")
    assert (told.window, told.normalise) == (WindowSettings(kind="whole"), "per_subject")


def test_frames_are_named_once_wherever_that_is(two):
    two["further_data"]["other"] = {"name": "folder", "modalities": ["ecg", "gyroscope"]}
    two["further_data"]["third"] = {"name": "folder", "modalities": {"ecg": {"frames": 40}, "eda": None}}
    two["groups"]["b"] |= {"data": "other", "modalities": ["ecg"]}
    two["methods"] = ["lower_bound"]
    told = check(two).data_of("b")
    assert {name: each.frames for name, each in told.modalities.items()} == {"ecg": 40, "gyroscope": 16}
    assert check(two).frames.keys() == {"accelerometer", "gyroscope", "skeleton", "ecg"}


def test_another_number_of_frames_in_another_data_set_is_a_fault(two):
    two["further_data"]["mine"]["modalities"] = {"accelerometer": {"frames": 17}, "skeleton": None}
    assert "further_data.mine.modalities.accelerometer: 17 frames, and 16 elsewhere" in refusal(two)


def test_an_entry_of_the_same_published_set_lies_in_the_same_folder_and_one_of_own_recordings_does_not(two):
    two["data"]["root"] = "/data/utd"
    assert check(two).data_of("b").root is None
    two["further_data"]["mine"] |= {"name": "utd_mhad", "rename": {}}
    two["split"]["b"] = [3, 4]
    assert check(two).data_of("b").root == "/data/utd"
    two["further_data"]["mine"]["root"] = "/elsewhere"
    assert check(two).data_of("b").root == "/elsewhere"


# --- subjects ---------------------------------------------------------------------------------------------------------


def test_equal_names_are_different_people_in_different_data_sets_and_the_same_within_one(two):
    assert check(two).split["a"] == check(two).split["b"] == ["1", "2"]
    two["split"]["test"] = [6, 1]
    assert "split.test: subject 1 is already in split.a; subjects never mix" in refusal(two)
    two["split"]["test"] = [6, 7, 6]
    assert "split.test: subject 6 is already in split.test" in refusal(two)


def test_the_people_of_a_published_set_are_the_same_under_two_names(two):
    two["further_data"]["mine"] |= {"name": "utd_mhad", "root": "/a/copy", "rename": {}}
    text = refusal(two)
    assert (
        "split.b: subject 1 is already in split.a" in text and "data and further_data.mine hold the same people" in text
    )


def test_the_people_of_a_folder_are_the_same_under_two_names_and_those_of_two_folders_are_not(two):
    two["further_data"]["again"] = {**two["further_data"]["mine"], "modalities": ["accelerometer", "gyroscope"]}
    two["groups"]["a"]["data"] = "again"
    assert check(two).split["a"] == ["1", "2"]  # which folders they are is said on the nodes
    two["further_data"]["mine"]["root"], two["further_data"]["again"]["root"] = "/x/y", "/x/z"
    assert check(two)
    two["further_data"]["again"]["root"] = "/x/z/../y/"
    assert "further_data.again and further_data.mine hold the same people" in refusal(two)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["walk", "sit"], {"walk": ["walk"], "sit": ["sit"]}),
        ({"jogging": "run", "sit": None}, {"jogging": ["run"], "sit": ["sit"]}),
        ({"moving": ["walk", "run"], "sitting": "sit"}, {"moving": ["walk", "run"], "sitting": ["sit"]}),
        ([1, 2], {"1": ["1"], "2": ["2"]}),
        (None, None),
    ],
)
def test_classes_are_kept_renamed_or_joined(tree, given, kept):
    tree["data"]["classes"] = given
    assert check(tree).data.classes == kept
    assert check(yaml.safe_load(dump(check(tree)))).data.classes == kept


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t["groups"]["b"].update(data="min"), "groups.b.data: 'min' is not in further_data; did you mean mine?"),
        (lambda t: t["groups"]["b"].update(data="zz"), "groups.b.data: 'zz' is not in further_data; known: mine"),
        (lambda t: t["groups"]["b"].update(modalities=["accelerometer", "gyroscope"]),
         "groups.b.modalities: 'gyroscope' is not in further_data.mine.modalities (accelerometer, skeleton)"),
        (lambda t: t["further_data"].update({"m e": t["further_data"]["mine"]}), "further_data.m e: a data set's name"),
        (lambda t: t["further_data"]["mine"].update(rename={"acc": "a"}), "further_data.mine.rename.acc: not in"),
        (lambda t: t["further_data"]["mine"].update(rename={"accelerometer": "skeleton"}),
         "further_data.mine.rename: 'skeleton' of the data set is both accelerometer and skeleton"),
        (lambda t: t["data"].update(rename={"gyroscope": "x", "skeleton": "x"}), "data.rename: 'x' of the data set"),
        (lambda t: t["data"].update(classes={"run": "a", "walk": ["b", "a"]}), "data.classes: 'a' of the data set is both"),
        (lambda t: t["data"].update(classes={"run": []}), "data.classes.run: no word of the data set"),
        (lambda t: t["data"].update(classes=["a", "a"]), "each class is named once"),
        (lambda t: t["further_data"]["mine"].update(modality=[]), "modality: unknown key; did you mean modalities?"),
        (lambda t: t["further_data"]["mine"].update(window={"second": 3}), "second: unknown key; did you mean seconds?"),
        (lambda t: t["groups"]["finetune"].update(labels_share=0.1, labels_per_class=3), "give one of the two"),
        (lambda t: t["groups"]["finetune"].update(labels_share=0), "groups.finetune.labels_share: 0"),
        (lambda t: t["groups"]["finetune"].update(labels_share=1.01), "groups.finetune.labels_share: 1.01"),
        (lambda t: t.update(evaluation={"synonyms": {"run": "jog", "jog": "jogging"}}), "evaluation.synonyms.run: jog"),
        (lambda t: t["groups"]["b"].update(natural_share=0.5, modalities=["skeleton", "accelerometer"]),
         "groups.b.natural_share: further_data.mine has nothing of what fine-tuning takes (gyroscope) besides"),
    ],
)  # fmt: skip
def test_what_leads_nowhere_is_told_with_its_key(two, change, said):
    change(two)
    assert said in refusal(two)


def test_a_test_group_whose_data_set_nobody_trains_on_has_nobody_to_agree_with(two):
    two["further_data"]["target"] = {"name": "folder", "modalities": ["gyroscope", "skeleton"]}
    two["groups"]["test"]["data"] = "target"
    text = refusal(two)
    assert "groups.test.data: no group that trains on further_data.target holds gyroscope, skeleton" in text
    assert "further_data.target.normalise=per_subject" in text
    two["further_data"]["target"]["normalise"] = "per_subject"
    assert check(two)
    two["further_data"]["target"]["normalise"] = None
    two["groups"]["finetune"]["data"] = "target"
    assert check(two)


# --- what nodes hold --------------------------------------------------------------------------------------------------


def test_under_the_upper_bound_a_node_holds_what_its_own_data_set_lists(two):
    experiment = check(two)
    assert modalities_of(experiment, "a", "upper_bound") == ["accelerometer", "gyroscope", "skeleton"]
    assert modalities_of(experiment, "b", "upper_bound") == ["accelerometer", "skeleton"]
    assert modalities_of(experiment, "b", "fedbind") == ["accelerometer", "skeleton"]


def test_natural_pairs_hold_what_the_own_data_set_lists(two):
    two["groups"]["b"] |= {"natural_share": 0.5, "modalities": ["accelerometer"]}
    assert modalities_of(check(two), "b", "fedbind") == ["accelerometer", "skeleton"]
