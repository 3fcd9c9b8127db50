"""Own recordings in .mat and .parquet files."""

import sys
import types

import numpy as np
import pytest
from scipy.io import savemat

from configs.errors import UserError
from tests.client.data.own_folders import PLAIN, described, load, write

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
