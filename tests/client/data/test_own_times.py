"""Own recordings with a file for each sensor, times, and a table of labels."""

import numpy as np
import pytest

from client.data.own.dataset import OwnRecordings
from configs.errors import UserError
from tests.client.data.own_folders import PLAIN, SEPARATE, csv, described, load, write


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
