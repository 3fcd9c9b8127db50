"""The experiment's names for what a data set calls otherwise: sensors, classes, and recordings that are left out."""

from dataclasses import replace

import numpy as np
import pytest

from client.data.cards import DatasetCard, ModalityCard
from client.data.naming import named_card, named_recordings, of_classes, places_of
from client.data.recording import Recording, Signal
from configs.errors import UserError
from configs.schema import DataSettings

CARD = DatasetCard(
    "x", "X", "", "", "", "", False, ("walk", "run", "jog", "sit"),
    {name: ModalityCard("inertial", 3, 50.0, "g") for name in ("acc", "gyr", "mag")},
)  # fmt: skip


def settings(**changes):
    given = {"name": "x", "modalities": {"motion": {}, "gyr": {}}, "rename": {"motion": "acc"}} | changes
    return DataSettings.model_validate(given)


def recordings(*labels):
    signal = Signal(np.zeros((2, 3), np.float32), 50.0)
    return [Recording("1", label, {"acc": signal, "gyr": signal}, str(at)) for at, label in enumerate(labels)]


def test_a_card_shows_the_wanted_sensors_under_the_experiment_s_names():
    card = named_card(CARD, settings(), ["motion", "gyr"])
    assert list(card.modalities) == ["motion", "gyr"] and card.modalities["motion"] is CARD.modalities["acc"]
    assert card.classes == CARD.classes
    assert list(named_card(CARD, settings(), ["gyr"]).modalities) == ["gyr"]


def test_classes_are_kept_joined_and_ordered_as_the_experiment_names_them():
    asked = settings(classes={"still": "sit", "on the feet": ["jog", "walk"]})
    assert named_card(CARD, asked, ["gyr"]).classes == ("still", "on the feet")
    assert places_of(CARD.classes, asked).tolist() == [1, -2, 1, 0]
    told = named_recordings(recordings(0, 1, 2, 3, -1), CARD.classes, asked)
    assert [(each.name, each.label) for each in told] == [("0", 1), ("2", 1), ("3", 0), ("4", -1)]
    assert all(list(each.signals) == ["motion", "gyr"] for each in told)


def test_a_group_may_hold_some_of_the_classes_alone():
    every = named_recordings(recordings(0, 1, 2, 3, -1), CARD.classes, settings())
    told = of_classes(every, {1, 3})
    assert of_classes(every, None) == every
    assert [(each.name, each.label) for each in told] == [("1", 1), ("3", 3), ("4", -1)]


def test_without_any_renaming_recordings_are_as_they_were():
    plain = settings(rename={}, modalities={"acc": {}, "gyr": {}})
    before = recordings(3, 0)
    told = named_recordings(before, CARD.classes, plain)
    assert [(r.label, r.name, r.signals) for r in told] == [(r.label, r.name, r.signals) for r in before]


def test_a_folder_that_is_not_known_yet_says_nothing():
    empty = replace(CARD, modalities={}, classes=(), described_by_folder=True)
    assert named_card(empty, settings(classes=["sit"]), ["motion"]) is empty


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rename": {"motion": "ac"}}, ["unknown modality 'ac'", "further_data.y.rename.motion", "did you mean 'acc'"]),
        ({"rename": {}}, ["unknown modality 'motion'", "further_data.y.modalities, data set x"]),
        (
            {"classes": {"running": "rum"}},
            ["unknown class 'rum'", "further_data.y.classes.running", "did you mean 'run'"],
        ),
    ],
)
def test_a_name_that_the_data_set_does_not_know_is_told_with_the_nearest(changes, told):
    asked = settings(**changes)
    with pytest.raises(UserError) as caught:
        named_card(CARD, asked, asked.modalities, "further_data.y")
    assert all(part in str(caught.value) for part in told)
