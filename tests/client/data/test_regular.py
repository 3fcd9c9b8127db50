"""Irregular time stamps onto a regular grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.recording import Signal
from client.data.regular import on_grid, one_clock
from client.data.stretches import between, runs

NAN = float("nan")


def grid(times_s, values, rate_hz=1.0, start_s=0.0, stop_s=None):
    times_s = np.array(times_s, dtype=float)
    stop_s = float(np.nanmax(times_s)) if stop_s is None else stop_s
    return on_grid(times_s, np.array(values, dtype=float)[:, None], rate_hz, start_s, stop_s)[:, 0]


def test_records_between_the_points_are_interpolated():
    assert grid([0, 0.5, 2.5, 3], [0, 1, 5, 6]).tolist() == [0, 2, 4, 6]


def test_regular_records_are_themselves_whatever_their_order():
    assert grid([2, 0, 1], [20, 0, 10]).tolist() == [0, 10, 20]


def test_a_long_leap_is_a_gap_with_its_ends_kept():
    held = grid([0, 1, 8.4, 9], [0, 1, 8.4, 9])
    assert held[[0, 1, 8, 9]] == pytest.approx([0, 1, 8, 9])
    assert np.isnan(held[2:8]).all()


def test_before_the_first_record_and_after_the_last_is_a_gap():
    held = grid([2, 3], [5, 6], start_s=0.0, stop_s=5.0)
    assert np.isnan(held).tolist() == [True, True, False, False, True, True]


def test_of_records_with_one_stamp_the_first_counts_and_those_without_are_left_out():
    assert grid([0, 1, 1, NAN, 2], [0, 7, 9, 100, 8]).tolist() == [0, 7, 8]


def test_a_record_that_is_a_gap_stays_one():
    assert np.isnan(grid([0, 1, 2, 3], [0, NAN, 2, 3])).tolist() == [False, True, False, False]


def test_seconds_since_1970_keep_the_last_record():
    since = 1435993780.0
    held = grid(since + np.arange(4) / 50, [0, 1, 2, 3], rate_hz=50.0, start_s=since, stop_s=since + 0.06)
    np.testing.assert_allclose(held, [0, 1, 2, 3], atol=1e-4)


def test_stamps_that_do_not_fit_the_rate_are_refused():
    with pytest.raises(ValueError, match="do not fit a rate of 50 Hz"):
        grid([0, 10, 2000], [1, 2, 3], rate_hz=50.0)
    with pytest.raises(ValueError, match="no record"):
        grid([NAN, NAN], [1, 2], stop_s=1.0)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=80, unique=True), st.sampled_from([2.0, 10.0]))
def test_no_value_lies_beyond_the_records_and_none_is_made_up_far_from_them(ticks, rate_hz):
    times_s = np.array(sorted(ticks)) / 10
    try:
        held = on_grid(times_s, times_s[:, None], rate_hz, 0.0, 30.0)[:, 0]
    except ValueError:
        assert len(times_s) < 20
        return
    points = np.arange(len(held)) / rate_hz
    known = ~np.isnan(held)
    np.testing.assert_allclose(held[known], np.clip(points[known], times_s[0], times_s[-1]), atol=1e-5)
    for point in points[known]:
        assert np.abs(times_s - point).min() <= 5 / rate_hz


def test_runs_and_what_lies_between_two_times():
    assert runs(np.array(["a", "a", "b", "a"])) == [(0, 2), (2, 3), (3, 4)] and runs(np.array([])) == []
    signal = Signal(np.arange(10, dtype=np.float32)[:, None], 2.0)
    assert between(signal, 1.0, 2.5).values[:, 0].tolist() == [2, 3, 4]
    assert len(between(signal, -3.0, -1.0).values) == 0


def test_the_clock_is_that_of_the_signal_in_the_middle_and_others_are_off():
    assert one_clock({"a": (5.0, 9.0), "b": (4.0, 6.0)}) == (4.0, [])
    assert one_clock({"a": (5.0, 9.0), "b": (4.0, 6.0), "late": (1e6, 1e6 + 5)}) == (4.0, ["late"])
    assert one_clock({"early": (0.0, 1.0), "a": (5.0, 9.0), "b": (6.0, 7.0)}) == (5.0, ["early"])
    assert one_clock({}) == (0.0, [])
