"""Own recordings whose labels change within a file."""

import numpy as np
import pytest

from configs.errors import UserError
from tests.client.data.own_folders import ARRAYS, NAN, csv, described, load, write

LABELLED = """
title: A day
files: "{subject}.csv"
rate_hz: 2
modalities:
  acc: {kind: inertial, columns: [x, y, z]}
  eda: {kind: physiological, columns: [eda], rate_hz: 2}
label: {column: doing, ignore: [0]}
classes: {1: rest, 2: work}
"""


def test_each_unbroken_stretch_of_one_label_is_a_recording(tmp_path):
    described(tmp_path, LABELLED)
    codes = [0, 1, 1, "", 2, 2, 2, 1]
    write(tmp_path / "1.csv", csv([[i, i, i, 10 * i, code] for i, code in enumerate(codes)], "x,y,z,eda,doing"))
    recordings = load(tmp_path, modalities=["acc", "eda"]).recordings
    assert [each.label for each in recordings] == [0, 1, 0]
    assert [each.signals["eda"].values[:, 0].tolist() for each in recordings] == [[10, 20], [40, 50, 60], [70]]
    assert recordings[1].name == "1, 2 to 4 s"


def test_words_as_labels_are_told_once_where_they_are_no_class(tmp_path):
    described(
        tmp_path, LABELLED.replace("ignore: [0]", "ignore: [pause]").replace("{1: rest, 2: work}", "[rest, work]")
    )
    words = ["rest", "rest", "work", "pause", "naps", "rest", "naps"]
    write(tmp_path / "1.csv", csv([[i, i, i, i, word] for i, word in enumerate(words)], "x,y,z,eda,doing"))
    loaded = load(tmp_path, on_corrupt="skip")
    assert [each.label for each in loaded.recordings] == [0, 1, 0]
    assert [each.reason for each in loaded.skipped if "'naps' is no class" in each.reason] == [loaded.skipped[0].reason]


def test_a_label_of_its_own_rate_cuts_every_signal_by_time(tmp_path):
    described(tmp_path, ARRAYS)
    label = np.array(["calm", "calm", "stress"])
    np.savez(tmp_path / "7_mon.npz", acc=np.arange(36).reshape(12, 3), ecg=np.arange(24), label=label)
    calm, stress = load(tmp_path, subjects=["7"], modalities=["acc", "ecg"]).recordings
    assert len(calm.signals["acc"].values) == 8 and len(calm.signals["ecg"].values) == 16
    assert stress.signals["acc"].values[0].tolist() == [24, 25, 26] and stress.signals["ecg"].values[0] == 16


def test_labels_with_times_cut_where_they_change_and_must_be_as_many(tmp_path):
    yaml = ARRAYS.replace("label, rate_hz: 1", "label, time: at").replace("[calm, stress]", "{1: calm, 2: stress}")
    described(tmp_path, yaml)
    acc, at = np.arange(36).reshape(12, 3), np.array([2.0, 0.0, 1.0, NAN])
    np.savez(tmp_path / "7_mon.npz", acc=acc, label=np.array([2, 1, 1, 2]), at=at)
    calm, stress = load(tmp_path, subjects=["7"]).recordings
    assert (calm.label, len(calm.signals["acc"].values)) == (0, 8)
    assert (stress.label, stress.signals["acc"].values[0].tolist()) == (1, [24, 25, 26])
    np.savez(tmp_path / "7_mon.npz", acc=acc, label=np.array([2, 1, 1, 2]), at=at + 1.7e9)
    with pytest.raises(UserError, match="no stretch of a class lies within the signals"):
        load(tmp_path, subjects=["7"])
    np.savez(tmp_path / "7_mon.npz", acc=acc, label=np.array([2, 1]), at=at)
    with pytest.raises(UserError, match="4 times for 2 labels"):
        load(tmp_path, subjects=["7"])


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"acc": np.zeros((3, 8)), "ecg": np.zeros(8)}, "shape (3, 8)"),
        ({"ecg": np.zeros(8)}, "there is no 'acc'; there is label, ecg"),
        ({"acc": np.array([None, 2])}, "cannot be read as .npz"),
        ({"acc": np.array(["a"])}, "acc holds no numbers"),
        ({"acc": np.zeros((2, 2), complex)}, "acc holds no real numbers"),
        ({"acc": np.zeros((2, 3, 4))}, "(expected (time, channel))"),
    ],
    ids=["turned", "missing", "pickled", "text", "complex", "three axes"],
)
def test_arrays_that_are_not_as_described_are_told(tmp_path, arrays, reason):
    described(tmp_path, ARRAYS)
    np.savez(tmp_path / "7_mon.npz", label=np.zeros(2), **arrays)
    with pytest.raises(UserError) as raised:
        load(tmp_path, subjects=["7"])
    assert reason in str(raised.value)
