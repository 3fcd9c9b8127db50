"""MotionSense's loader on small files in the published layout, as a folder and as a zip."""

import zipfile

import numpy as np
import pytest

from client.data.motionsense import CARD, MotionSense
from configs.errors import UserError

HEADER = (
    ",attitude.roll,attitude.pitch,attitude.yaw,gravity.x,gravity.y,gravity.z,rotationRate.x,rotationRate.y,"
    "rotationRate.z,userAcceleration.x,userAcceleration.y,userAcceleration.z"
)


def load(root, **asked):
    asked = {
        "subjects": ["1"],
        "modalities": ["accelerometer", "gyroscope"],
        "on_corrupt": "fail",
        "options": {},
        "seed": 0,
    } | asked
    return MotionSense().load(root, **asked)


def rows(count, value=lambda record, column: record + column / 100):
    return "\n".join(
        f"{record}," + ",".join(f"{value(record, column)}" for column in range(12)) for record in range(count)
    )


def write(home, trial, subject, text):
    (home / trial).mkdir(parents=True, exist_ok=True)
    (home / trial / f"sub_{subject}.csv").write_text(text)


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "A_DeviceMotion_data"
    write(folder, "sit_5", 1, f"{HEADER}\n{rows(4)}\n")
    write(folder, "dws_11", 1, f"{HEADER}\n{rows(3)}\n")
    write(folder, "dws_2", 1, f"{HEADER}\n{rows(2)}\n")
    write(folder, "wlk_7", 10, f"{HEADER}\n{rows(2)}\n")
    write(folder, "wlk_7", 2, f"{HEADER}\n{rows(2)}\n")
    return tmp_path


def zipped(home, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(home.rglob("*.csv")):
            archive.write(file, file.relative_to(home).as_posix())
        archive.writestr("__MACOSX/A_DeviceMotion_data/sit_5/sub_1.csv", b"\x00\x05")
        archive.writestr("A_DeviceMotion_data/.DS_Store", b"")
    return path


def test_acceleration_is_gravity_and_the_users_together(home):
    everything = ["gyroscope", "accelerometer", "attitude", "gravity", "user_acceleration"]
    recording = load(home, modalities=everything).recordings[0]
    assert list(recording.signals) == everything
    value = {modality: signal.values[1] for modality, signal in recording.signals.items()}
    np.testing.assert_allclose(value["accelerometer"], [2 + 0.12, 2 + 0.14, 2 + 0.16], rtol=1e-6)
    np.testing.assert_allclose(value["gyroscope"], [1.06, 1.07, 1.08], rtol=1e-6)
    np.testing.assert_allclose(value["attitude"], [1.0, 1.01, 1.02], rtol=1e-6)
    np.testing.assert_allclose(value["accelerometer"], value["gravity"] + value["user_acceleration"], rtol=1e-6)
    assert recording.signals["gyroscope"].rate_hz == 50


def test_recordings_are_ordered_by_activity_and_trial_and_named_in_words(home):
    recordings = load(home).recordings
    assert [len(each.signals["gyroscope"].values) for each in recordings] == [2, 3, 4]
    assert [CARD.classes[each.label] for each in recordings] == ["walking downstairs", "walking downstairs", "sitting"]
    assert MotionSense().subjects(home, {}) == ["1", "2", "10"]


def test_the_zip_its_folder_and_the_data_folder_itself_read_the_same(home, tmp_path):
    (tmp_path / "other").mkdir()
    path = zipped(home, tmp_path / "other" / "A_DeviceMotion_data.zip")
    want = [each.signals["accelerometer"].values.tolist() for each in load(home).recordings]
    for root in (path, tmp_path / "other", home / "A_DeviceMotion_data"):
        got = load(root)
        assert [each.signals["accelerometer"].values.tolist() for each in got.recordings] == want
        assert got.skipped == []


def test_a_zip_that_is_none_is_an_error(tmp_path):
    path = tmp_path / "A_DeviceMotion_data.zip"
    path.write_bytes(b"PK broken")
    for root in (path, tmp_path):
        with pytest.raises(UserError, match="cannot be read as a zip"):
            MotionSense().subjects(root, {})


def test_an_empty_cell_and_nan_are_gaps(home):
    text = f"{HEADER}\n{rows(3)}\n".replace("1.06", "").replace("2.07", "nan")
    write(home / "A_DeviceMotion_data", "sit_5", 1, text)
    gyroscope = load(home).recordings[2].signals["gyroscope"].values
    assert np.isnan(gyroscope).tolist() == [[False] * 3, [True, False, False], [False, True, False]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{HEADER}\n{rows(2)}\nbroken", "cannot be read as .csv"),
        (f"{HEADER}\n{rows(2)}\n3,1,2", "cannot be read as .csv"),
        (f"{HEADER}\n", "empty"),
        ("", "missing"),
        (HEADER.replace("gravity.x", "g.x") + f"\n{rows(2)}", "columns of accelerometer are missing"),
        (HEADER + f",more\n{rows(2)}", "13 columns under 14 names"),
    ],
)
def test_a_broken_file_is_named_and_counted_or_an_error(home, text, reason):
    write(home / "A_DeviceMotion_data", "sit_5", 1, text)
    loaded = load(home, on_corrupt="skip")
    assert reason in loaded.skipped[0].reason
    assert loaded.skipped[0].where.endswith("sub_1.csv")
    with pytest.raises(UserError) as raised:
        load(home)
    assert "sub_1.csv" in str(raised.value)


def test_only_the_subjects_asked_for_are_read(home):
    write(home / "A_DeviceMotion_data", "wlk_7", 2, "broken")
    assert len(load(home, subjects=["1", "10"]).recordings) == 4


def test_an_activity_that_does_not_exist_is_told(home):
    write(home / "A_DeviceMotion_data", "fly_1", 1, f"{HEADER}\n{rows(2)}")
    assert "no activity fly" in load(home, on_corrupt="skip").skipped[0].reason
