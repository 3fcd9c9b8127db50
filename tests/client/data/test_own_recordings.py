"""The user's own recordings: folders written here, described by a dataset.yaml, read as any data set is."""

import sys
import types

import numpy as np
import pytest
from scipy.io import savemat

from client.data.describe import check
from client.data.own.dataset import OwnRecordings
from configs.errors import UserError

NAN = float("nan")
PLAIN = """
title: Gait at home
files: "{subject}/{activity}_{trial}.csv"
rate_hz: 50
modalities:
  acc: {kind: inertial, columns: [ax, ay, az], unit: g}
  gyr: {kind: inertial, columns: [gx, gy, gz], unit: deg/s}
label: activity
"""


def load(root, **asked):
    asked = {"subjects": ["1"], "modalities": ["acc"], "on_corrupt": "fail", "options": {}, "seed": 0} | asked
    return OwnRecordings().load(root, **asked)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def described(root, text):
    write(root / "dataset.yaml", text)
    return root


def csv(rows, names="ax,ay,az,gx,gy,gz"):
    return names + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def counting(records, columns=6):
    return [[record + column / 10 for column in range(columns)] for record in range(records)]


@pytest.fixture
def gait(tmp_path):
    for subject, activity, trial, records in (
        (1, "walk", 1, 3),
        (1, "sit", 1, 2),
        (10, "walk", 1, 4),
        (2, "sit", 2, 5),
    ):
        write(tmp_path / str(subject) / f"{activity}_{trial}.csv", csv(counting(records)))
    return described(tmp_path, PLAIN)


# --- one file a recording, the label in its path ----------------------------------------------------------------------


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
        ("", "no column 'ax'"),
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


# --- text in its kinds ------------------------------------------------------------------------------------------------


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


# --- labels that change within a file ---------------------------------------------------------------------------------

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


ARRAYS = """
title: Two sensors and a label, each in its own rate
files: "{subject}_{day}.npz"
modalities:
  acc: {kind: inertial, key: acc, axes: [x, y, z], rate_hz: 4}
  ecg: {kind: physiological, key: ecg, axes: [lead], rate_hz: 8}
label: {column: label, rate_hz: 1}
classes: [calm, stress]
"""


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


# --- mat, parquet -----------------------------------------------------------------------------------------------------

MAT = """
title: MATLAB
files: "s{subject}_{activity}.mat"
rate_hz: 10
modalities:
  acc: {kind: inertial, key: data.imu, axes: [x, y, z], transposed: true}
  gyr: {kind: inertial, key: both, columns: [3, 4, 5]}
  hr: {kind: physiological, columns: [hr]}
label: activity
"""


def test_structures_columns_of_arrays_and_turned_arrays_of_mat_files(tmp_path):
    described(tmp_path, MAT)
    imu = np.arange(12).reshape(3, 4)
    savemat(
        tmp_path / "s1_jump.mat", {"data": {"imu": imu}, "both": np.arange(24).reshape(4, 6), "hr": np.ones((4, 1))}
    )
    signals = load(tmp_path, modalities=["acc", "gyr", "hr"]).recordings[0].signals
    assert signals["acc"].values.tolist() == imu.T.tolist()
    assert signals["gyr"].values[0].tolist() == [3, 4, 5] and signals["hr"].values.shape == (4, 1)


def test_a_mat_of_version_7_3_says_what_to_do(tmp_path):
    described(tmp_path, MAT)
    (tmp_path / "s1_jump.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124, b" ") + b"\x00\x02IM" + b"\x89HDF\r\n")
    with pytest.raises(UserError, match="save it with -v7"):
        load(tmp_path)


PARQUET = PLAIN.replace(".csv", ".parquet")


def test_parquet_without_its_reader_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr("client.data.own.tables.find_spec", lambda name: None)
    described(tmp_path, PARQUET)
    write(tmp_path / "1" / "walk_1.parquet", "PAR1")
    with pytest.raises(UserError, match="pip install pyarrow"):
        load(tmp_path, on_corrupt="skip")


def test_parquet_columns_are_read_by_pyarrow_where_it_is(tmp_path, monkeypatch):
    """Against a stand-in with the four names of pyarrow that are used: pyarrow itself is no dependency."""

    class Column:
        def to_numpy(self):
            return np.array([1.0, 2.0])

    class Table:
        column_names = ("ax", "ay", "az")

        def column(self, name):
            return Column()

    module = types.ModuleType("pyarrow.parquet")
    module.read_table = lambda path: Table()
    monkeypatch.setitem(sys.modules, "pyarrow", types.ModuleType("pyarrow"))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", module)
    monkeypatch.setattr("client.data.own.tables.find_spec", lambda name: module)
    described(tmp_path, PARQUET)
    write(tmp_path / "1" / "walk_1.parquet", "PAR1")
    assert load(tmp_path).recordings[0].signals["acc"].values.tolist() == [[1, 1, 1], [2, 2, 2]]


# --- a file for each sensor, times, tables ----------------------------------------------------------------------------

SEPARATE = """
title: Phones
rate_hz: 10
time: t
time_unit: ms
modalities:
  acc: {kind: inertial, files: "{subject}/{trial}/acc.csv", columns: [x, y, z]}
  gyr: {kind: inertial, files: "{subject}/{trial}/gyr.csv", columns: [x, y, z]}
label: {table: trials.csv, column: activity}
classes: {sit: sitting, go: walking}
"""


def timed(path, stamps):
    write(path, csv([[stamp, stamp / 1000, 0, 0] for stamp in stamps], "t,x,y,z"))


@pytest.fixture
def phones(tmp_path):
    timed(tmp_path / "p1" / "01" / "acc.csv", [5000, 5100, 5250, 5300])
    timed(tmp_path / "p1" / "01" / "gyr.csv", [5200, 5300, 7000, 7100])
    timed(tmp_path / "p1" / "02" / "acc.csv", [0, 100, float("inf")])
    write(tmp_path / "trials.csv", "subject,trial,activity\np1,1,go\np1,2,sit\n")
    return described(tmp_path, SEPARATE)


def test_signals_with_times_share_a_clock_and_have_gaps_where_records_are_missing(phones):
    first, second = load(phones, subjects=["p1"], modalities=["acc", "gyr"]).recordings
    np.testing.assert_allclose(first.signals["acc"].values[:, 0], [5.0, 5.1, 5.2, 5.3], rtol=1e-6)
    gyroscope = first.signals["gyr"].values[:, 0]
    known = np.flatnonzero(~np.isnan(gyroscope))
    assert len(gyroscope) == 22 and known.tolist() == [2, 3, 20, 21]
    np.testing.assert_allclose(gyroscope[known], [5.2, 5.3, 7.0, 7.1], rtol=1e-6)
    assert (first.label, second.label) == (1, 0) and list(second.signals) == ["acc"]
    assert len(second.signals["acc"].values) == 2  # a record at no time is none


def test_the_table_tells_the_classes_where_none_are_named_and_must_have_every_recording(phones):
    described(phones, SEPARATE.replace("classes: {sit: sitting, go: walking}", ""))
    assert OwnRecordings().card_for({}, phones).classes == ("go", "sit")
    write(phones / "trials.csv", "subject,trial,activity\np1,1,go\n")
    with pytest.raises(UserError, match="no row for this recording"):
        load(phones, subjects=["p1"])
    for text, said in (
        ("subject,trial\np1,1\n", "no column 'activity'"),
        ("who,activity\np1,go\n", "no column of the"),
        ("subject,activity\np1,go\np1,sit\n", "two labels for subject p1: go and sit"),
    ):
        write(phones / "trials.csv", text)
        with pytest.raises(UserError, match=said):
            load(phones, subjects=["p1"])
    (phones / "trials.csv").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        load(phones, subjects=["p1"])


def test_a_label_file_with_times_cuts_by_the_signals_clock(phones):
    yaml = SEPARATE.replace(
        "label: {table: trials.csv, column: activity}", 'label: {files: "{subject}/{trial}/label.csv", column: is}'
    )
    described(phones, yaml)
    write(phones / "p1" / "01" / "label.csv", "t,is\n5000,sit\n5200,go\n5300,go\n5400,\n")
    loaded = load(phones, subjects=["p1"], on_corrupt="skip")
    assert [each.label for each in loaded.recordings] == [0, 1]
    np.testing.assert_allclose(loaded.recordings[1].signals["acc"].values[:, 0], [5.2, 5.3], rtol=1e-6)
    assert "no file with its label" in loaded.skipped[0].reason


def test_dates_are_times(tmp_path):
    described(tmp_path, PLAIN + "time: when\ntime_unit: iso\n")
    rows = [["2024-03-01 10:00:00.00", 1, 2, 3], ["2024-03-01 10:00:00.02", 4, 5, 6]]
    write(tmp_path / "1" / "walk_1.csv", csv(rows, "when,ax,ay,az"))
    assert load(tmp_path).recordings[0].signals["acc"].values.tolist() == [[1, 2, 3], [4, 5, 6]]
    rows = [["2024-03-01T10:00:00.02Z", 4, 5, 6], ["2024-03-01T10:00:00Z", 1, 2, 3], ["", 7, 8, 9]]
    write(tmp_path / "1" / "walk_1.csv", csv(rows, "when,ax,ay,az"))
    assert load(tmp_path).recordings[0].signals["acc"].values.tolist() == [[1, 2, 3], [4, 5, 6]]
    write(tmp_path / "1" / "walk_1.csv", csv([["noon", 1, 2, 3]], "when,ax,ay,az"))
    with pytest.raises(UserError, match="when holds no date and time"):
        load(tmp_path)


def test_times_that_do_not_fit_are_told(phones):
    timed(phones / "p1" / "02" / "acc.csv", [0, 10**9])
    with pytest.raises(UserError, match="do not fit a rate of 10 Hz"):
        load(phones, subjects=["p1"])


# --- dataset.yaml itself ----------------------------------------------------------------------------------------------


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
        ("title: [\n", ["not YAML"]),
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
