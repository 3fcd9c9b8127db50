"""The simulated wearables: the same for everyone, whatever is asked beside, and built as the docstring says."""

import numpy as np
import pytest

from client.data.wearable_sim import CARD, CLASSES, WearableSim
from configs.errors import UserError

SMALL = {"subjects": 3, "recordings_per_class": 1, "seconds": 8.0}


def load(**asked):
    asked = {
        "subjects": ["1"],
        "modalities": list(CARD.modalities),
        "on_corrupt": "fail",
        "options": SMALL,
        "seed": 0,
    } | asked
    return WearableSim().load(None, **asked).recordings


def test_the_card_says_that_it_is_simulated():
    assert CARD.simulated and CARD.tree == ""
    assert WearableSim().subjects(None, SMALL) == ["1", "2", "3"]


def test_every_class_once_per_subject_with_the_cards_channels_and_rates():
    recordings = load()
    assert sorted(each.label for each in recordings) == list(range(len(CLASSES)))
    for recording in recordings:
        for modality, signal in recording.signals.items():
            card = CARD.modalities[modality]
            assert signal.values.shape == (8 * card.rate_hz, card.channels) and signal.rate_hz == card.rate_hz
            assert signal.values.dtype == np.float32 and np.isfinite(signal.values).all()


def test_a_subject_is_the_same_alone_with_others_and_with_fewer_modalities():
    alone, among = load(subjects=["2"]), load(subjects=["3", "1", "2"])[-len(CLASSES) :]
    few = load(subjects=["2"], modalities=["eda", "acc"], options={**SMALL, "subjects": 9})
    for one, two, three in zip(alone, among, few, strict=True):
        assert one.label == two.label == three.label
        assert list(three.signals) == ["eda", "acc"]
        for modality, signal in one.signals.items():
            np.testing.assert_array_equal(signal.values, two.signals[modality].values)
        np.testing.assert_array_equal(one.signals["acc"].values, three.signals["acc"].values)


def test_seeds_and_subjects_differ():
    first = load()[0].signals["ecg"].values
    assert not np.array_equal(first, load(seed=1)[0].signals["ecg"].values)
    assert not np.array_equal(first, load(subjects=["2"])[0].signals["ecg"].values)


def test_acceleration_tells_moving_from_resting_and_physiology_tells_stress():
    recordings = load(subjects=["1", "2", "3"], options={**SMALL, "recordings_per_class": 4})
    moved = {name: [] for name in CLASSES}
    skin = {name: [] for name in CLASSES}
    for each in recordings:
        moved[CLASSES[each.label]].append(each.signals["acc"].values.std(axis=0).max())
        skin[CLASSES[each.label]].append(each.signals["temp"].values.mean())
    assert max(moved["resting"]) < min(moved["walking"])
    for name in ("resting", "walking", "cycling"):
        assert np.mean(skin[f"{name} under stress"]) < np.mean(skin[name])


def test_unknown_subjects_and_recordings_too_short_are_refused():
    with pytest.raises(UserError, match="unknown subject '4'"):
        load(subjects=["4"])
    with pytest.raises(UserError, match="seconds"):
        load(options={**SMALL, "seconds": 0.1})
