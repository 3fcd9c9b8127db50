"""Frames that come in a file each: their order, and what becomes of those that are not there or broken."""

import numpy as np
import pytest

from client.data.corrupt import CorruptPolicy
from client.data.frame_files import numbered, stacked
from configs.errors import UserError


def number_in(path):
    return np.array([float(path.read_text()), 1.0])


def test_numbered_files_come_in_the_order_of_their_numbers(tmp_path):
    for name in ("f10.png", "f9.png", "f.png", "f1.txt", "xf1.png"):
        (tmp_path / name).write_bytes(b"")
    assert [(number, path.name) for number, path in numbered(tmp_path, r"f(\d+)\.png").items()] == [
        (9, "f9.png"),
        (10, "f10.png"),
    ]
    assert numbered(tmp_path / "nowhere", r"f(\d+)") == {}


def test_missing_empty_and_broken_frames_are_gaps_and_only_the_last_is_counted(tmp_path):
    for name, text in (("a", "5"), ("empty", ""), ("broken", "x"), ("b", "7")):
        (tmp_path / name).write_text(text)
    files = [tmp_path / "a", None, tmp_path / "empty", tmp_path / "broken", tmp_path / "b"]
    policy = CorruptPolicy("skip")
    values = stacked(files, 2, number_in, policy)
    np.testing.assert_array_equal(values, [[5, 1], [np.nan] * 2, [np.nan] * 2, [np.nan] * 2, [7, 1]])
    assert values.dtype == np.float32 and [each.where for each in policy.skipped] == [str(tmp_path / "broken")]
    with pytest.raises(UserError, match="broken"):
        stacked(files, 2, number_in, CorruptPolicy("fail"))


def test_nothing_to_read_is_no_signal(tmp_path):
    (tmp_path / "empty").write_text("")
    assert stacked([tmp_path / "empty", None], 2, number_in, CorruptPolicy("fail")) is None
    assert stacked([], 2, number_in, CorruptPolicy("fail")) is None


def test_a_frame_of_another_size_is_told(tmp_path):
    (tmp_path / "a").write_text("5")
    policy = CorruptPolicy("skip")
    assert stacked([tmp_path / "a"], 3, number_in, policy) is None and len(policy.skipped) == 1
