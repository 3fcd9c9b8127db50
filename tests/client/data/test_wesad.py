"""WESAD's loader on small files in the published layout."""

import os
import pickle

import numpy as np
import pytest

from client.data.wesad import Wesad
from configs.errors import UserError

WRIST = ["wrist_acc", "wrist_bvp", "wrist_eda", "wrist_temp"]


def load(root, **asked):
    asked = {"subjects": ["S2"], "modalities": WRIST, "on_corrupt": "fail", "options": {}, "seed": 0} | asked
    return Wesad().load(root, **asked)


def subject(codes=(0, 1, 0, 2, 4, 3, 7), chest=False, seconds=2):
    """Each code lasts `seconds`; every signal counts its own records."""
    total = seconds * len(codes)

    def counting(rate, channels):
        return np.repeat(np.arange(total * rate, dtype=np.float64)[:, None], channels, axis=1)

    wrist = {"ACC": counting(32, 3), "BVP": counting(64, 1), "EDA": counting(4, 1), "TEMP": counting(4, 1)}
    names = ("ACC", "ECG", "EMG", "EDA", "Temp", "Resp")
    everything = {name: counting(700, 3 if name == "ACC" else 1) for name in names}
    return {
        "subject": "S2",
        "signal": {"chest": everything if chest else {}, "wrist": wrist},
        "label": np.repeat(np.array(codes, dtype=np.int32), seconds * 700),
    }


def write(home, name, content):
    (home / name).mkdir(parents=True, exist_ok=True)
    path = home / name / f"{name}.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=2))
    return path


@pytest.fixture
def home(tmp_path):
    write(tmp_path / "WESAD", "S10", subject())
    write(tmp_path / "WESAD", "S2", subject())
    return tmp_path / "WESAD"


def test_each_labelled_stretch_is_a_recording_cut_in_every_signals_own_rate(home):
    loaded = load(home)
    assert [each.label for each in loaded.recordings] == [0, 1, 0]  # baseline, stress, amusement; no meditation
    stress = loaded.recordings[1].signals
    assert [(len(stress[each].values), stress[each].rate_hz) for each in WRIST] == [(64, 32), (128, 64), (8, 4), (8, 4)]
    assert [float(stress[each].values[0, 0]) for each in WRIST] == [6 * 32 / 64, 6 * 64, 6 * 4, 6 * 4]  # from 6 s; g
    assert loaded.skipped == []


@pytest.mark.parametrize(
    ("options", "classes", "labels"),
    [
        ({}, ("rest", "stress"), [0, 1, 0]),
        ({"meditation": "rest"}, ("rest", "stress"), [0, 1, 0, 0]),
        ({"conditions": "three"}, ("baseline", "stress", "amusement"), [0, 1, 2]),
        ({"conditions": "four"}, ("baseline", "stress", "amusement", "meditation"), [0, 1, 3, 2]),
    ],
)
def test_the_conditions_make_the_classes(home, options, classes, labels):
    assert Wesad().card_for(options, None).classes == classes
    assert [each.label for each in load(home, options=options).recordings] == labels


def test_subjects_are_in_natural_order_and_the_parent_folder_does_as_well(home):
    (home / "S3").mkdir()  # a folder without its file
    assert Wesad().subjects(home, {}) == ["S2", "S10"] == Wesad().subjects(home.parent, {})


def test_chest_signals_are_read_where_they_are(home):
    write(home, "S2", subject(chest=True))
    loaded = load(home, subjects=["S2", "S10"], modalities=["chest_ecg", "chest_acc", "wrist_eda"])
    assert [list(each.signals) for each in loaded.recordings[:3]] == [["chest_ecg", "chest_acc", "wrist_eda"]] * 3
    assert [list(each.signals) for each in loaded.recordings[3:]] == [["wrist_eda"]] * 3
    chest = loaded.recordings[0].signals["chest_acc"]
    assert chest.values.shape == (1400, 3) and chest.rate_hz == 700 and chest.values[0, 0] == 1400


def test_a_file_without_the_asked_modalities_says_what_it_holds(home):
    with pytest.raises(UserError, match="holds none of chest_ecg") as raised:
        load(home, modalities=["chest_ecg"])
    assert "wrist_acc" in str(raised.value)


def test_a_file_without_a_labelled_stretch_says_which_labels_it_has(home):
    write(home, "S2", subject(codes=(7, 7)))
    with pytest.raises(UserError, match="no labelled stretch: the labels are 7"):
        load(home)
    loaded = load(home, subjects=["S2", "S10"], on_corrupt="skip")
    assert {each.subject for each in loaded.recordings} == {"S10"}
    assert "no labelled stretch" in loaded.skipped[0].reason


class Malicious:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def test_a_malicious_file_is_refused_with_the_name_it_asks_for_and_does_nothing(home, tmp_path):
    path = write(home, "S2", {**subject(), "extra": Malicious(tmp_path / "mark")})
    with pytest.raises(UserError, match=r"asks for the global posix\.system") as raised:
        load(home)
    assert str(path) in str(raised.value)
    assert "posix.system" in load(home, subjects=["S2", "S10"], on_corrupt="skip").skipped[0].reason
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("content", [["a", "list"], {"signal": 3, "label": []}, {"signal": {}}, 7])
def test_a_pickle_that_is_not_wesads_is_told(home, content):
    write(home, "S2", content)
    with pytest.raises(UserError, match="not WESAD's"):
        load(home)


@pytest.mark.parametrize("label", [[[1], [1, 2]], "1111", np.zeros((4, 2)), None])
def test_labels_that_are_not_one_number_per_record_are_told(home, label):
    write(home, "S2", {**subject(), "label": label})
    with pytest.raises(UserError, match="label is"):
        load(home)


def test_a_label_that_is_no_number_is_no_label(home):
    content = subject()
    content["label"] = np.where(content["label"] == 2, np.nan, content["label"].astype(float))
    write(home, "S2", content)
    assert [each.label for each in load(home).recordings] == [0, 0]


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(subject(), 2)[:2000]])
def test_a_broken_file_is_named(home, content):
    path = write(home, "S2", content)
    with pytest.raises(UserError, match="cannot be read as a pickle") as raised:
        load(home)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("key", "values", "reason"),
    [
        ("EDA", np.zeros((0, 1)), "empty"),
        ("ACC", np.zeros((300, 2)), "shape (300, 2)"),
        ("BVP", ["a"], "not numbers"),
    ],
)
def test_a_broken_signal_is_left_out_and_counted(home, key, values, reason):
    content = subject()
    content["signal"]["wrist"][key] = values
    write(home, "S2", content)
    loaded = load(home, on_corrupt="skip")
    assert len(loaded.recordings) == 3 and len(loaded.recordings[0].signals) == 3
    assert reason in loaded.skipped[0].reason and f"signal.wrist.{key}" in loaded.skipped[0].where


def test_only_the_subjects_asked_for_are_read(home):
    write(home, "S10", b"broken")
    assert len(load(home).recordings) == 3
