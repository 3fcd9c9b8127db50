"""PAMAP2's loader on small files in the published layout."""

import numpy as np
import pytest

from client.data.pamap2 import CARD, Pamap2, held
from client.data.windows import sliding
from configs.errors import UserError

NAN = float("nan")
UNITS = ("hand", "chest", "ankle")


def load(root, **asked):
    asked = {
        "subjects": ["101"],
        "modalities": ["hand_accelerometer"],
        "on_corrupt": "fail",
        "options": {},
        "seed": 0,
    } | asked
    return Pamap2().load(root, **asked)


def rows(activities, start_s=8.38, heart_every=11):
    """100 a second; column c of a unit counts the row + c / 100; heart rate 60, 61, ... with NaN between."""
    table = np.empty((len(activities), 54))
    count = np.arange(len(activities))
    table[:, 0] = start_s + count / 100
    table[:, 1] = activities
    table[:, 2] = np.where(count % heart_every == 0, 60 + count // heart_every, NAN)
    table[:, 3:] = count[:, None] + np.arange(51) / 100
    return table


def text(table):
    return "\n".join(" ".join("NaN" if value != value else f"{value:.7g}" for value in row) for row in table) + "\n"


def write(home, folder, subject, table):
    (home / folder).mkdir(parents=True, exist_ok=True)
    path = home / folder / f"subject{subject}.dat"
    path.write_text(table if isinstance(table, str) else text(table))
    return path


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "PAMAP2_Dataset"
    write(folder, "Protocol", 101, rows([0] * 5 + [1] * 20 + [0] * 3 + [24] * 30 + [17] * 10 + [1] * 5 + [0]))
    write(folder, "Protocol", 109, rows([24] * 10))
    write(folder, "Optional", 101, rows([0] * 2 + [9] * 10 + [20] * 5))
    (folder / "subjectInformation.pdf").write_bytes(b"%PDF")
    return folder


def test_each_unbroken_stretch_of_an_activity_is_a_recording_and_transients_are_left_out(home):
    recordings = load(home).recordings
    assert [CARD.classes[each.label] for each in recordings] == ["lying", "rope jumping", "ironing", "lying"]
    assert [len(each.signals["hand_accelerometer"].values) for each in recordings] == [20, 30, 10, 5]
    assert recordings[0].signals["hand_accelerometer"].rate_hz == 100 and recordings[0].subject == "101"


def test_every_modality_is_cut_from_its_own_columns(home):
    units = [f"{unit}_{sensor}" for unit in UNITS for sensor in ("temperature", "magnetometer", "gyroscope")]
    accelerations = [f"{unit}_accelerometer{which}" for unit in UNITS for which in ("", "_6g")]
    recording = load(home, modalities=[*units, "heart_rate", *accelerations]).recordings[0]
    first = {name: np.round((signal.values[0] - 5) * 100).tolist() for name, signal in recording.signals.items()}
    for unit, base in (("hand", 0), ("chest", 17), ("ankle", 34)):
        assert first[f"{unit}_temperature"] == [base]
        assert first[f"{unit}_accelerometer"] == [base + 1, base + 2, base + 3]
        assert first[f"{unit}_accelerometer_6g"] == [base + 4, base + 5, base + 6]
        assert first[f"{unit}_gyroscope"] == [base + 7, base + 8, base + 9]
        assert first[f"{unit}_magnetometer"] == [base + 10, base + 11, base + 12]
    assert not any("orientation" in name for name in CARD.modalities)


def test_heart_rate_is_held_between_its_values_at_nine_a_second():
    time_s = np.arange(400) / 100
    values = np.full(400, NAN)
    values[[20, 31, 150]] = 60, 61, 62
    found = held(time_s, values, 9.0)  # at 0, 0.11, 0.22, 0.33, ... s
    assert len(found) == 36
    assert np.isnan(found[:2]).all() and found[2:4].tolist() == [60, 61]
    assert found[11] == 61 and np.isnan(found[12:14]).all() and found[14] == 62  # 1.22 s, 1.33 to 1.44 s, 1.56 s
    assert np.isnan(held(time_s, np.full(400, NAN), 9.0)).all()


def test_heart_rate_is_present_in_windows_although_most_rows_have_none(home):
    write(home, "Protocol", 101, rows([4] * 400))
    recordings = load(home, modalities=["heart_rate", "chest_gyroscope"]).recordings
    channels = {"heart_rate": 1, "chest_gyroscope": 3}
    samples = sliding(recordings, channels, seconds=2, stride_s=2, frames={"heart_rate": 18, "chest_gyroscope": 50})
    assert samples.present["heart_rate"].tolist() == [True, True]


def test_lost_records_are_gaps_and_a_leap_in_time_ends_a_stretch(home):
    table = rows([4] * 60)
    table[10:13, 20:37] = NAN  # the chest's unit, three records
    table[30:, 0] += 2.0
    write(home, "Protocol", 101, table)
    first, second = load(home, modalities=["hand_accelerometer", "chest_accelerometer"]).recordings
    gaps = np.isnan(first.signals["chest_accelerometer"].values).all(axis=1)
    assert np.flatnonzero(gaps).tolist() == [10, 11, 12]
    assert not np.isnan(first.signals["hand_accelerometer"].values).any()
    assert [len(each.signals["hand_accelerometer"].values) for each in (first, second)] == [30, 30]


@pytest.mark.parametrize(
    ("sessions", "count", "there"),
    [
        ("protocol", 12, ["lying"]),
        ("optional", 6, ["watching TV", "playing soccer"]),
        ("both", 18, ["lying", "watching TV"]),
    ],
)
def test_the_sessions_make_the_classes(home, sessions, count, there):
    options = {"sessions": sessions}
    card = Pamap2().card_for(options, None)
    found = [card.classes[each.label] for each in load(home, options=options).recordings]
    assert len(card.classes) == count and set(there) <= set(found)
    assert Pamap2().subjects(home, options) == (["101"] if sessions == "optional" else ["101", "109"])


def test_the_parent_folder_does_as_well_and_only_those_asked_for_are_read(home):
    write(home, "Protocol", 109, "broken")
    assert len(load(home.parent).recordings) == 4
    with pytest.raises(UserError, match="1 columns"):
        load(home, subjects=["109"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "0 columns"),
        (text(rows([1] * 3)[:, :53]), "53 columns"),
        (text(rows([1] * 3))[:-200], "cannot be read as .dat"),
        (text(rows([1] * 3)).replace("NaN", "n.a."), "cannot be read as .dat"),
        (text(rows([0] * 3)), "no stretch of an activity"),
        (text(rows([8, 1, 1])), "there is no activity 8"),
    ],
    ids=["empty", "narrow", "cut off", "other text", "transient alone", "no such activity"],
)
def test_a_broken_file_is_named_and_counted_or_an_error(home, content, reason):
    write(home, "Protocol", 101, content)
    loaded = load(home, subjects=["101", "109"], on_corrupt="skip")
    assert reason in loaded.skipped[0].reason and loaded.skipped[0].where.endswith("subject101.dat")
    with pytest.raises(UserError, match=reason.split("(")[0]):
        load(home)
