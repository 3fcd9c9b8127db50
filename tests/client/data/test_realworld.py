"""RealWorld's loader on small files in the published layout: zips, zips within zips, and what is unpacked."""

import io
import zipfile

import numpy as np
import pytest

from client.data.realworld import CARD, RealWorld
from configs.errors import UserError

START_MS = 1435993780000
PREFIX = {"acc": "acc", "gyr": "Gyroscope", "mag": "MagneticField"}


def load(root, **asked):
    base = {"subjects": ["1"], "modalities": ["chest_accelerometer"], "on_corrupt": "fail", "options": {}, "seed": 0}
    return RealWorld().load(root, **{**base, **asked})


def table(stamps_ms=(0, 20, 40, 60), value=1.0):
    """attr_x counts the seconds since START_MS, attr_y is the value."""
    rows = [f"{number},{START_MS + at},{at / 1000},{value},0" for number, at in enumerate(stamps_ms, 1)]
    return "\n".join(["id,attr_time,attr_x,attr_y,attr_z", *rows, ""])


def packed(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
        archive.writestr("readMe", "device, position")
    return content.getvalue()


def write(root, person, sensor, activity, tables, part=""):
    """tables: place -> text; the zip of one sensor and activity as published."""
    home = root / f"proband{person}" / "data"
    home.mkdir(parents=True, exist_ok=True)
    members = {f"{PREFIX[sensor]}_{activity}{part}_{place}.csv": text for place, text in tables.items()}
    (home / f"{sensor}_{activity}_csv.zip").write_bytes(packed(members))


@pytest.fixture
def home(tmp_path):
    root = tmp_path / "realworld2016_dataset"
    write(root, 1, "acc", "walking", {"chest": table(), "waist": table(value=2.0)})
    write(root, 1, "gyr", "walking", {"chest": table(value=3.0)})
    write(root, 1, "mag", "walking", {"chest": table(value=4.0)})
    write(root, 1, "acc", "lying", {"chest": table((0, 20))})
    write(root, 10, "acc", "walking", {"chest": table()}, part="_2")
    write(root, 2, "acc", "sitting", {"chest": table()})
    (root / "proband1" / "data" / "gps_walking_csv.zip").write_bytes(b"not looked at")
    (root / "proband1" / "images").mkdir()
    return root


def test_sensors_of_one_activity_are_one_recording_whatever_their_files_are_called(home):
    wanted = ["chest_gyroscope", "chest_accelerometer", "waist_accelerometer", "chest_magnetometer", "head_gyroscope"]
    lying, walking = load(home, modalities=wanted).recordings
    assert [CARD.classes[each.label] for each in (lying, walking)] == ["lying", "walking"]
    assert {name: float(signal.values[0, 1]) for name, signal in walking.signals.items()} == {
        "chest_gyroscope": 3, "chest_accelerometer": 1, "waist_accelerometer": 2, "chest_magnetometer": 4,
    }  # fmt: skip
    assert next(iter(walking.signals)) == "chest_gyroscope" and list(lying.signals) == ["chest_accelerometer"]
    assert walking.signals["chest_gyroscope"].rate_hz == 50 and len(walking.signals["chest_gyroscope"].values) == 4


def test_irregular_stamps_become_a_regular_grid_with_gaps_that_all_signals_share(home):
    stamps = (7, 25, 49, 66, 90, 800, 820)
    write(home, 1, "acc", "walking", {"chest": table(stamps), "waist": table((107, 127))})
    walking = load(home, modalities=["chest_accelerometer", "waist_accelerometer"]).recordings[1]
    chest, waist = (signal.values[:, 0] for signal in walking.signals.values())
    grid_s = 0.007 + np.arange(len(chest)) * 0.02
    gap = (grid_s > 0.1) & (grid_s < 0.79)
    assert np.isnan(chest).tolist() == gap.tolist()
    np.testing.assert_allclose(chest[~gap], np.clip(grid_s[~gap], 0.007, 0.82), atol=0.011)
    assert np.isnan(waist).tolist() == [True] * 5 + [False] * 2
    np.testing.assert_allclose(waist[5:], [0.107, 0.127], rtol=1e-5)


def test_parts_in_zips_within_the_zip_are_recordings_of_their_own(home):
    data = home / "proband1" / "data"
    for sensor, first in (("acc", "_1"), ("gyr", "")):
        prefix = PREFIX[sensor]
        inner = {
            f"{sensor}_climbingup{first}_csv.zip": packed({f"{prefix}_climbingup_chest.csv": table(value=1.0)}),
            f"{sensor}_climbingup_2_csv.zip": packed({f"{prefix}_climbingup_2_chest.csv": table(value=2.0)}),
            f"{sensor}_climbingup_3_csv.zip": packed({f"{prefix}_climbingup_3_chest.csv": table(value=3.0)}),
        }
        (data / f"{sensor}_climbingup_csv.zip").write_bytes(packed(inner))
    recordings = load(home, modalities=["chest_accelerometer", "chest_gyroscope"]).recordings
    climbing = [each for each in recordings if CARD.classes[each.label] == "climbing up stairs"]
    assert [[float(s.values[0, 1]) for s in each.signals.values()] for each in climbing] == [[1, 1], [2, 2], [3, 3]]
    assert [each.name for each in climbing] == [f"proband1 climbingup {part}" for part in (1, 2, 3)]


def test_parts_told_apart_by_the_inner_zips_names_alone_are_parts_too(home):
    inner = {
        f"acc_climbingup_{part}_csv.zip": packed({"acc_climbingup_chest.csv": table(value=float(part))})
        for part in (1, 2)
    }
    (home / "proband1" / "data" / "acc_climbingup_csv.zip").write_bytes(packed(inner))
    climbing = [each for each in load(home).recordings if CARD.classes[each.label] == "climbing up stairs"]
    assert [each.signals["chest_accelerometer"].values[0, 1] for each in climbing] == [1, 2]


def test_a_number_in_the_name_of_the_only_part_does_no_harm_and_people_are_in_natural_order(home):
    assert RealWorld().subjects(home, {}) == ["1", "2", "10"] == RealWorld().subjects(home.parent, {})
    assert [CARD.classes[each.label] for each in load(home, subjects=["10"]).recordings] == ["walking"]


@pytest.mark.parametrize("folder", ["acc_walking_csv", "."])
def test_what_is_unpacked_is_read_and_goes_before_its_zip(home, folder):
    path = home / "proband1" / "data" / folder / "acc_walking_chest.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(table(value=9.0))
    walking = load(home).recordings[1]
    assert walking.signals["chest_accelerometer"].values[0, 1] == 9
    (home / "proband1" / "data" / "acc_walking_csv.zip").unlink()
    assert len(load(home).recordings) == 2


def test_a_record_without_a_finite_time_is_left_out(home):
    text = table((0, 20, 40)).replace(f",{START_MS + 20},", ",inf,")
    write(home, 1, "acc", "walking", {"chest": text})
    values = load(home).recordings[1].signals["chest_accelerometer"].values
    np.testing.assert_allclose(values[:, 0], [0, 0.02, 0.04], atol=1e-5)


def test_a_signal_with_another_clock_is_left_out_and_told(home):
    day = 24 * 3600 * 1000
    other = {"chest": table(), "waist": table(), "head": table((day, day + 20, day + 40))}
    write(home, 1, "acc", "walking", other)
    modalities = ["head_accelerometer", "chest_accelerometer", "waist_accelerometer"]
    loaded = load(home, modalities=modalities, on_corrupt="skip")
    assert list(loaded.recordings[1].signals) == modalities[1:]
    assert "beside those of the recording's other" in loaded.skipped[0].reason
    assert loaded.skipped[0].where.endswith("acc_walking_csv.zip:acc_walking_head.csv")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        (table().replace("attr_z", "attr_w"), "no column 'attr_z'"),
        (table().replace(",1.0,", ",fast,"), "'fast' is no number"),
        (table(()), "empty"),
        (table((0, 10**7)), "do not fit a rate of 50 Hz"),
        ("id,attr_time,attr_x,attr_y,attr_z\n1,,1,2,3\n", "no record has a time"),
    ],
)
def test_a_broken_table_is_named_and_counted_or_an_error(home, text, reason):
    write(home, 1, "acc", "walking", {"chest": text})
    loaded = load(home, on_corrupt="skip")
    assert len(loaded.recordings) == 1 and reason in loaded.skipped[0].reason
    assert loaded.skipped[0].where.endswith("acc_walking_csv.zip:acc_walking_chest.csv")
    with pytest.raises(UserError):
        load(home)


def test_a_broken_zip_is_named_and_an_unknown_activity_told(home):
    data = home / "proband1" / "data"
    (data / "acc_walking_csv.zip").write_bytes(b"PK\x03\x04 broken")
    (data / "acc_lying_csv.zip").write_bytes(packed({"acc_1_csv.zip": b"broken too"}))
    write(home, 1, "acc", "flying", {"chest": table()})
    write(home, 1, "acc", "running", {"chest": table()})
    loaded = load(home, on_corrupt="skip")
    assert [CARD.classes[each.label] for each in loaded.recordings] == ["running"]
    told = {each.where.rpartition("data/")[2]: each.reason for each in loaded.skipped}
    assert set(told) == {
        "acc_walking_csv.zip", "acc_lying_csv.zip:acc_1_csv.zip", "acc_flying_csv.zip:acc_flying_chest.csv",
    }  # fmt: skip
    with pytest.raises(UserError):
        load(home)


def test_only_the_people_and_sensors_asked_for_are_read(home):
    (home / "proband2" / "data" / "acc_sitting_csv.zip").write_bytes(b"broken")
    (home / "proband1" / "data" / "gyr_walking_csv.zip").write_bytes(b"broken")
    assert len(load(home).recordings) == 2
