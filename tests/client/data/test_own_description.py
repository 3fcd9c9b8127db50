"""The dataset.yaml itself: what is told where it is faulty."""

import pytest

from client.data.own.dataset import OwnRecordings
from configs.errors import UserError
from tests.client.data.own_folders import ARRAYS, PLAIN, SEPARATE, counting, csv, described, gait_at_home, load, write


@pytest.fixture
def gait(tmp_path):
    return gait_at_home(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN.replace("title", "titel"), ["titel: unknown key; did you mean title?", "title: missing"]),
        (PLAIN.replace("kind: inertial, columns: [ax", "kin: inertial, columns: [ax"),
         ["modalities.acc.kin: unknown key; did you mean kind?", "modalities.acc.kind: missing"]),
        (PLAIN.replace("rate_hz: 50", "rate_hz: -1").replace("unit: g", "unit: [g]"),
         ["rate_hz: -1", "modalities.acc.unit"]),
        (PLAIN.replace("rate_hz: 50", ""), ["modalities.acc.rate_hz: missing", "modalities.gyr.rate_hz: missing"]),
        (PLAIN.replace("{subject}", "{who}"), ["has no {subject}"]),
        (PLAIN.replace(".csv", ".xlsx"), ["does not end in one of .csv"]),
        (PLAIN.replace("{subject}/", "../{subject}/"), ["leads out of the folder"]),
        (PLAIN.replace("{trial}", "{trial"), ["has a brace"]),
        (PLAIN.replace("label: activity", "label: speed"), ["'speed' is no part of", "subject, activity, trial"]),
        (PLAIN.replace("label: activity", "label: {colum: a, path: b}"), ["label.colum: unknown key; did you mean column?"]),
        (PLAIN.replace("label: activity", "label: {path: activity, column: a}"), ["give `path`, or"]),
        (PLAIN.replace("label: activity", "label: {path: activity, rate_hz: 5}"), ["go with a `column`"]),
        (PLAIN.replace("label: activity", "label: {column: a}"), ["classes: missing"]),
        (PLAIN + "classes: {yes: fit, no: unfit}\n", ["write it in quotes"]),
        (PLAIN + "classes: {walk: moving, sit: moving}\n", ["fewer than two"]),
        (PLAIN.replace("acc:", "a.c:"), ["letters, digits and _ alone"]),
        (PLAIN.replace("columns: [ax, ay, az]", "axes: [x, y, z]"), ["modalities.acc: `columns` is missing"]),
        (PLAIN.replace("columns: [ax, ay, az]", "key: acc, axes: [x]"), ["modalities.acc.key: is for .npz and .mat"]),
        (PLAIN.replace("unit: g,", "").replace("columns: [ax, ay, az]", "columns: [ax], axes: [x, y]"), ["2 names for 1"]),
        (ARRAYS.replace("axes: [lead], ", ""), ["tells how many channels"]),
        (ARRAYS.replace(", rate_hz: 1}", "}"), ["label.rate_hz: missing"]),
        (ARRAYS.replace("key: acc, axes: [x, y, z]", "columns: [0, 1]"), ["its `key` is missing"]),
        (SEPARATE.replace("{trial}/gyr", "{run}/gyr"), ["modalities.gyr.files", "other parts than"]),
        (SEPARATE.replace("table: trials.csv, ", ""), ["label.files: missing"]),
        (PLAIN.replace("[ax, ay, az]", "[ax, -1, yes]").replace("title:", "time: [1]\ntitle:"),
         ["modalities.acc.columns.1: -1 is no column", "modalities.acc.columns.2: True is no", "time: [1] is no"]),
        (PLAIN.replace("label: activity", "label: 3"), ["label: 3 is not allowed; keys are needed: column, files"]),
        (PLAIN.replace("[ax, ay, az]", "{ax: 1}"), ["modalities.acc.columns: {'ax': 1} is not allowed; a list is"]),
        ("- a list\n", ["not a mapping"]),
        ("", ["empty"]),
        ("title: [\n", ["cannot be read as YAML", "line 2"]),
    ],
)  # fmt: skip
def test_faults_are_told_with_their_key_and_what_is_meant(tmp_path, text, said):
    described(tmp_path, text)
    with pytest.raises(UserError) as raised:
        OwnRecordings().card_for({}, tmp_path)
    for part in said:
        assert part in str(raised.value)


def test_all_faults_are_told_at_once_those_between_keys_too(tmp_path):
    text = PLAIN.replace("unit: g,", "").replace("unit: g}", "unit: 3}").replace("label: activity", "label: speed")
    described(tmp_path, text.replace("columns: [gx", "time_unit: h, columns: [gx"))
    with pytest.raises(UserError) as raised:
        OwnRecordings().card_for({}, tmp_path)
    told = str(raised.value)
    assert told.startswith("3 faults") and "modalities.gyr.time_unit: 'h'" in told and "modalities.acc.unit: 3" in told
    assert "'speed' is no part" in told and "docs/data.md" in told and str(tmp_path / "dataset.yaml") in told


def test_a_folder_without_a_description_or_without_files_says_so(tmp_path, gait):
    (tmp_path / "dataset.yaml").unlink()
    with pytest.raises(UserError, match=r"holds no dataset.yaml"):
        OwnRecordings().card_for({}, tmp_path)
    described(tmp_path, PLAIN.replace("{trial}", "{trial}_{day}"))
    with pytest.raises(UserError, match="no file of Gait at home has a path"):
        OwnRecordings().subjects(tmp_path, {})


def test_two_files_of_one_recording_are_refused(gait):
    described(gait, PLAIN.replace("_{trial}", "_*"))
    write(gait / "1" / "sit_2.csv", csv(counting(2)))
    with pytest.raises(UserError, match="two files are the same recording's"):
        load(gait)
