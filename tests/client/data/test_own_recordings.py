"""One file a recording, the label in its path; text in its kinds."""

import numpy as np
import pytest

from client.data.describe import check
from client.data.own.dataset import OwnRecordings
from configs.errors import UserError
from tests.client.data.own_folders import NAN, PLAIN, counting, csv, described, gait_at_home, load, write


@pytest.fixture
def gait(tmp_path):
    return gait_at_home(tmp_path)


def test_subject_label_and_columns_come_out_as_described(gait):
    source = OwnRecordings()
    card = source.card_for({}, gait)
    assert (card.title, card.classes, card.simulated) == ("Gait at home", ("sit", "walk"), False)
    assert [(m.kind, m.channels, m.rate_hz, m.unit) for m in card.modalities.values()] == [
        ("inertial", 3, 50.0, "g"), ("inertial", 3, 50.0, "deg/s"),
    ]  # fmt: skip
    assert source.subjects(gait, {}) == ["1", "2", "10"]
    loaded = load(gait, modalities=["gyr", "acc"])
    assert [(each.subject, card.classes[each.label], each.name) for each in loaded.recordings] == [
        ("1", "sit", "sit 1 1"), ("1", "walk", "walk 1 1"),
    ]  # fmt: skip
    walk = loaded.recordings[1].signals
    np.testing.assert_allclose(walk["gyr"].values, [[0.3, 0.4, 0.5], [1.3, 1.4, 1.5], [2.3, 2.4, 2.5]], rtol=1e-6)
    assert list(walk) == ["gyr", "acc"] and walk["acc"].rate_hz == 50 and loaded.skipped == []


def test_classes_rename_join_and_order_the_labels_and_others_are_told_or_ignored(gait):
    described(gait, PLAIN + "classes: {walk: on the feet, run: on the feet, sit: sitting}\n")
    assert OwnRecordings().card_for({}, gait).classes == ("on the feet", "sitting")
    assert [each.label for each in load(gait).recordings] == [1, 0]
    described(gait, PLAIN + "classes: {walk: walking, jog: jogging}\n")
    with pytest.raises(UserError, match="label 'sit' is no class"):
        load(gait)
    loaded = load(gait, on_corrupt="skip")
    assert len(loaded.recordings) == 1 and "label 'sit' is no class" in loaded.skipped[0].reason
    ignoring = PLAIN.replace("label: activity", "label: {path: activity, ignore: [sit]}")
    described(gait, ignoring + "classes: {walk: walking, jog: jogging}\n")
    assert len(load(gait).recordings) == 1


def test_without_a_folder_nothing_is_known_and_the_folder_is_checked_like_any(gait):
    assert OwnRecordings().card_for({}, None).modalities == {}
    found = check("folder", gait)
    assert found.by_class == {"sit": 2, "walk": 2} and found.modalities["acc"].recordings == 4
    with pytest.raises(UserError, match="did you mean 'acc'"):
        check("folder", gait, modalities=["ac"])


def test_only_the_subjects_asked_for_are_read(gait):
    write(gait / "2" / "sit_2.csv", "broken")
    assert len(load(gait, subjects=["1", "10"]).recordings) == 3
    with pytest.raises(UserError, match=r"no column 'ax'"):
        load(gait, subjects=["2"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        (csv([]), "the signal is empty"),
        (csv([[1, 2, 3, 4, 5, "six"]]), "row 1, column gz: 'six' is no number"),
        (csv(counting(2), "ax,ay,g,gx,gy,gz"), "no column 'az'; there is ax, ay, g"),
        ("\x00\xff", "no column 'ax'"),
    ],
)
def test_a_broken_file_is_named_and_counted_or_an_error(gait, text, reason):
    write(gait / "1" / "sit_1.csv", text)
    loaded = load(gait, modalities=["acc", "gyr"], on_corrupt="skip")
    assert any(reason in each.reason and "sit_1.csv" in each.where for each in loaded.skipped)
    with pytest.raises(UserError, match="to do"):
        load(gait, modalities=["acc", "gyr"])


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("ax,ay,az\n1,2,3\n4,,nan\n", "[ax, ay, az]"),
        ('"ax";"ay";"az"\n1;2;3\n4;NA;\n', "[ax, ay, az]"),
        ("t\tax\tay\taz\n0\t1\t2\t3\n1\t4\tnull\t\n", "[ax, ay, az]"),
        ("1 2 3\n4 nan nan\n", "[0, 1, 2]"),
        ("1,2,3\n4\n", "[0, 1, 2]"),
        ("\ufeffax,ay,az\r\n1,2,3\r\n4,,\r\n", "[ax, 1, 2]"),
    ],
    ids=["commas", "semicolons and quotes", "tabs", "blanks without header", "short row", "mark, header by number"],
)
def test_separators_headers_and_missing_cells(tmp_path, text, columns):
    yaml = PLAIN.replace("[ax, ay, az]", columns)
    described(tmp_path, yaml)
    write(tmp_path / "1" / "walk_1.csv", text)
    values = load(tmp_path).recordings[0].signals["acc"].values
    np.testing.assert_array_equal(values, np.array([[1, 2, 3], [4, NAN, NAN]], np.float32))


def test_a_header_in_the_writing_of_a_spreadsheet_is_read(tmp_path):
    described(tmp_path, PLAIN.replace("[ax, ay, az]", "[x m/s², y m/s², z m/s²]"))
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "walk_1.csv").write_bytes("x m/s²;y m/s²;z m/s²\r\n1;2;3\r\n".encode("cp1252"))
    assert load(tmp_path).recordings[0].signals["acc"].values.tolist() == [[1, 2, 3]]
