"""The loader of Shoaib's Sensors Activity Dataset on small files in the published layout."""

import numpy as np
import pytest

from client.data.shoaib import CARD, Shoaib
from configs.errors import UserError

NAMES = ["time_stamp", *(f"{sensor}{axis}" for sensor in "ALGM" for axis in "xyz")]
HEADER = "\n".join(
    [
        ",".join(f"{each}{',' * 13}" for each in ("Left_pocket", "Right_pocket", "Wrist", "Upper_arm", "Belt")),
        ",".join([*NAMES, ""] * 4 + [*NAMES, "Activity"]),
    ]
)


def load(root, **asked):
    base = {"subjects": ["1"], "modalities": ["wrist_gyroscope"], "on_corrupt": "fail", "options": {}, "seed": 0}
    return Shoaib().load(root, **{**base, **asked})


def row(number, activity):
    """Row n: every value is n and a hundredth of its column."""
    cells = []
    for place in range(5):
        cells += ["1.39E+12", *(f"{number + (14 * place + 1 + each) / 100:.2f}" for each in range(12)), ""]
    return ",".join([*cells[:-1], activity])


def text(activities):
    return HEADER + "\n" + "".join(row(number, activity) + "\n" for number, activity in enumerate(activities))


@pytest.fixture
def home(tmp_path):
    (tmp_path / "DataSet").mkdir()
    for participant in (1, 2, 10):
        words = ["walking"] * 3 + ["upsatirs"] * 2 + ["standing"] * 4 + ["upstairs"]
        (tmp_path / "DataSet" / f"Participant_{participant}.csv").write_text(text(words))
    (tmp_path / "DataSet" / "ReadMe.txt").write_text("read me")
    return tmp_path / "DataSet"


def test_each_unbroken_stretch_of_an_activity_is_a_recording_however_upstairs_is_spelt(home):
    recordings = load(home).recordings
    assert [CARD.classes[each.label] for each in recordings] == [
        "walking", "walking upstairs", "standing", "walking upstairs",
    ]  # fmt: skip
    assert [len(each.signals["wrist_gyroscope"].values) for each in recordings] == [3, 2, 4, 1]
    assert recordings[2].signals["wrist_gyroscope"].rate_hz == 50 and recordings[2].subject == "1"


def test_every_position_and_sensor_is_cut_from_its_own_columns(home):
    recording = load(home, modalities=list(CARD.modalities)).recordings[1]
    assert len(recording.signals) == 20 and list(recording.signals) == list(CARD.modalities)
    for place, position in enumerate(("left_pocket", "right_pocket", "wrist", "upper_arm", "belt")):
        for number, sensor in enumerate(("accelerometer", "linear_acceleration", "gyroscope", "magnetometer")):
            first = 3 + (14 * place + 1 + 3 * number) / 100
            values = recording.signals[f"{position}_{sensor}"].values[0]
            np.testing.assert_allclose(values, [first, first + 0.01, first + 0.02], rtol=1e-5)


def test_participants_in_natural_order_and_the_parent_folder_does_as_well(home):
    assert Shoaib().subjects(home, {}) == ["1", "2", "10"] == Shoaib().subjects(home.parent, {})


def test_an_empty_cell_is_a_gap(home):
    path = home / "Participant_1.csv"
    path.write_text(path.read_text().replace("1.35,1.36,1.37", "1.35,,1.37").replace("2.36", "nan"))
    values = load(home).recordings[0].signals["wrist_gyroscope"].values
    assert np.isnan(values).tolist() == [[False] * 3, [False, True, False], [False, True, False]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the columns of left_pocket are missing"),
        (text(["walking"]).replace("Gx", "Wx", 1), "the columns of left_pocket are Ax, Ay, Az, Lx, Ly, Lz, Wx"),
        (text(["walking", "flying", "flying"]), "there is no activity 'flying'"),
        (text(["walking"]).replace("0.35", "fast"), "'fast' is no number"),
        (HEADER + "\n", "empty"),
        (text(["walking"] * 2)[:-40], "there is no activity ''"),
    ],
    ids=["empty", "other columns", "no such activity", "text", "headers alone", "cut off"],
)
def test_a_broken_file_is_named_and_counted_or_an_error(home, content, reason):
    (home / "Participant_1.csv").write_text(content)
    loaded = load(home, subjects=["1", "2"], on_corrupt="skip")
    assert len(loaded.skipped) == 1 and reason in loaded.skipped[0].reason
    assert "Participant_1.csv" in loaded.skipped[0].where
    with pytest.raises(UserError):
        load(home)


def test_only_the_participants_asked_for_are_read(home):
    (home / "Participant_2.csv").write_bytes(b"\xff\xfe\x00")
    assert len(load(home, subjects=["1", "10"]).recordings) == 8
    with pytest.raises(UserError, match="cannot be read as"):
        load(home, subjects=["2"])
