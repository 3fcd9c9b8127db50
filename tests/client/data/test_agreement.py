"""Data sets that cannot be read as one are told of before a recording is read, both by name."""

import pytest

from client.data.agreement import check_agreement, kept_classes
from client.data.cards import DatasetCard, ModalityCard
from configs.errors import UserError
from configs.load import check

WORDS = ("walk", "run", "sit")


def card(title, classes=WORDS, **modalities):
    return DatasetCard(title, title, "", "", "", "", False, classes, modalities)


def experiment(mine=None, data=None, **groups):
    """Group b, and finetune and test where asked, read `mine`."""
    every = {"acc": {}, "gyr": {}}
    return check({
        "name": "x", "seeds": [0], "methods": ["fedbind"],
        "data": {"name": "x", "modalities": every, **(data or {})},
        "further_data": {"mine": {"name": "y", "modalities": list(every), **(mine or {})}},
        "split": {"a": [1], "b": [2], "finetune": [3], "test": [4]},
        "groups": {
            name: {"modalities": ["acc", "gyr"], **({"data": "mine"} if name == "b" else {}), **groups.get(name, {})}
            for name in ("a", "b", "finetune", "test")
        },
        "bind": {"by": "acc"},
    })  # fmt: skip


ACC = ModalityCard("inertial", 3, 50.0, "g")


def refusal(asked, one, other):
    with pytest.raises(UserError) as caught:
        check_agreement(asked, {"data": one, "further_data.mine": other})
    return str(caught.value)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (
            ModalityCard("inertial", 2, 50.0, "g"),
            "acc is inertial with 2 channels in further_data.mine (Y), and inertial with 3",
        ),
        (ModalityCard("physiological", 3, 50.0, "g"), "acc is physiological with 3 channels in further_data.mine (Y)"),
        (ModalityCard("inertial", 3, 50.0, "g", (3, 1)), "inertial with 3 channels as 3 × 1 in further_data.mine (Y)"),
        (ModalityCard("physiological", 1, 50.0, "g"), "physiological with 1 channel in"),
    ],
)
def test_shapes_that_disagree_name_both_data_sets(other, told):
    text = refusal(experiment(), card("X", acc=ACC), card("Y", acc=other))
    assert told in text and "in data (X)" in text and "further_data.mine.rename.acc" in text


def test_another_rate_or_unit_is_no_disagreement_unless_nothing_scales_it():
    other = ModalityCard("inertial", 3, 100.0, "m/s²")
    for asked in (experiment(), experiment({"normalise": "per_node"})):
        check_agreement(asked, {"data": card("X", acc=ACC), "further_data.mine": card("Y", acc=other)})
    text = refusal(experiment({"normalise": "none"}), card("X", acc=ACC), card("Y", acc=other))
    assert "acc is in m/s² in further_data.mine, in g in data" in text and "further_data.mine.normalise = none" in text
    text = refusal(
        experiment({"normalise": "federated"}, {"normalise": "none"}), card("X", acc=ACC), card("Y", acc=other)
    )
    assert "where: data.normalise = none" in text
    same = ModalityCard("inertial", 3, 100.0, "g")
    check_agreement(
        experiment({"normalise": "none"}), {"data": card("X", acc=ACC), "further_data.mine": card("Y", acc=same)}
    )


@pytest.mark.parametrize("classes", [("walk", "sit", "run"), ("walk", "run"), ("jog", "walk", "sit")])
def test_fine_tuning_and_test_share_one_vocabulary_and_other_groups_need_not(classes):
    cards = card("X", acc=ACC), card("Y", classes, acc=ACC)
    check_agreement(experiment(), {"data": cards[0], "further_data.mine": cards[1]})
    text = refusal(experiment({"normalise": "per_node"}, test={"data": "mine"}), *cards)
    assert "walk, run, sit (data)" in text and f"{', '.join(classes)} (further_data.mine)" in text


def test_a_folder_that_is_not_known_yet_disagrees_with_nothing():
    asked = experiment({"normalise": "per_node"}, test={"data": "mine"}, b={"classes": ["anything"]})
    check_agreement(asked, {"data": card("X", acc=ACC), "further_data.mine": card("Y", ())})


def test_a_group_s_classes_are_words_of_the_experiment():
    asked = experiment(a={"classes": ["sit", "walk"]})
    assert kept_classes(asked, "a", card("X")) == {0, 2} and kept_classes(asked, "b", card("Y")) is None
    with pytest.raises(UserError, match=r"unknown class 'sit'[\s\S]*groups.a.classes"):
        kept_classes(asked, "a", card("X", ("walk", "run")))
