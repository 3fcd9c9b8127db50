"""Windows: hand-worked ones first, then properties over lengths, rates and gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.recording import Recording, Signal
from client.data.windows import between_records, fill_gaps, sliding, smooth, whole
from configs.errors import UserError


def signal(values, rate_hz=1.0):
    array = np.array(values, dtype=np.float32)
    return Signal(array[:, None] if array.ndim == 1 else array, rate_hz)


def recording(label=0, subject="1", **signals):
    return Recording(subject, label, signals, "a trial")


ONE = {"acc": 1}
NAN = float("nan")


def test_whole_stretches_each_signal_by_itself_from_first_to_last_record():
    samples = whole([recording(label=2, acc=signal([0, 2, 4]), eda=signal([1, 3], 0.1))], {"acc": 1, "eda": 1}, 5)
    assert samples.arrays["acc"][0, :, 0].tolist() == [0, 1, 2, 3, 4]
    assert samples.arrays["eda"][0, :, 0].tolist() == [1, 1.5, 2, 2.5, 3]
    assert samples.label.tolist() == [2] and samples.recording.tolist() == [0] and samples.subject.tolist() == ["1"]


def test_whole_with_as_many_frames_as_records_changes_nothing():
    values = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    np.testing.assert_array_equal(whole([recording(acc=signal(values, 50.0))], {"acc": 3}, 7).arrays["acc"][0], values)


def test_sliding_windows_at_the_signals_own_rate_are_its_records():
    samples = sliding([recording(acc=signal(range(10), 2.0))], ONE, seconds=2, stride_s=1, frames=4)
    assert samples.arrays["acc"][:, :, 0].tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7], [6, 7, 8, 9]]


def test_sliding_at_a_common_rate_spans_the_same_seconds_in_every_modality():
    fast, slow = signal(np.arange(40) / 8, 8.0), signal(np.arange(10) / 2, 2.0)  # values are their time in seconds
    samples = sliding(
        [recording(acc=fast, eda=slow)], {"acc": 1, "eda": 1}, seconds=2, stride_s=2, rate_hz=4, antialias=False
    )
    assert samples.arrays["acc"].shape == samples.arrays["eda"].shape == (2, 8, 1)
    np.testing.assert_allclose(samples.arrays["acc"], samples.arrays["eda"], atol=1e-6)
    np.testing.assert_allclose(samples.arrays["acc"][1, :, 0], 2 + np.arange(8) / 4, atol=1e-6)


def test_frames_and_rates_may_differ_by_modality():
    held = recording(acc=signal(range(8), 2.0), eda=signal(range(4), 1.0))
    both = {"acc": 1, "eda": 1}
    by_rate = sliding([held], both, seconds=4, stride_s=4, rate_hz={"acc": 2.0, "eda": 1.0})
    by_frames = sliding([held], both, seconds=4, stride_s=4, frames={"acc": 8, "eda": 4})
    for samples in (by_rate, by_frames):
        assert samples.arrays["acc"].shape == (1, 8, 1) and samples.arrays["eda"].shape == (1, 4, 1)


def test_going_down_a_fast_wave_is_averaged_away_unless_told_otherwise():
    wave = signal(np.tile([1.0, -1.0], 400), 100.0)
    kept = sliding([recording(acc=wave)], ONE, seconds=8, stride_s=8, rate_hz=10, antialias=False)
    gone = sliding([recording(acc=wave)], ONE, seconds=8, stride_s=8, rate_hz=10)
    assert np.abs(kept.arrays["acc"]).min() == 1.0
    assert np.abs(gone.arrays["acc"][:, 1:-1]).max() < 1e-6


@pytest.mark.parametrize("width", [2, 3, 4, 5])
def test_smoothing_delays_nothing_and_keeps_the_sum(width):
    impulse = np.zeros((21, 1))
    impulse[10] = 1.0
    smoothed = smooth(impulse, width)
    np.testing.assert_allclose(smoothed, smoothed[::-1], atol=1e-12)
    assert smoothed.sum() == pytest.approx(1.0)
    assert smoothed.max() == pytest.approx(1 / width)


def test_gaps_are_filled_forward_then_with_zeros():
    values, gap = fill_gaps(np.array([[NAN, 1], [2, NAN], [NAN, NAN], [3, 4]], dtype=np.float32))
    assert values.tolist() == [[0, 1], [2, 1], [2, 1], [3, 4]]
    assert gap.tolist() == [True, True, True, False]


def test_a_modality_is_absent_where_it_is_missing_or_mostly_gaps_and_zero_there():
    gappy = recording(acc=signal([1, 2, 3, 4, 5, NAN, NAN, NAN]), eda=signal(range(8)))
    bare = recording(eda=signal(range(4)))
    samples = sliding([gappy, bare], {"acc": 1, "eda": 1}, seconds=4, stride_s=4, frames=4)
    assert samples.recording.tolist() == [0, 0, 1]
    assert samples.present["acc"].tolist() == [True, False, False]
    assert samples.present["eda"].tolist() == [True, True, True]
    assert samples.arrays["acc"][:, :, 0].tolist() == [[1, 2, 3, 4], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_the_share_of_gaps_decides():
    held = [recording(acc=signal([1, NAN, NAN, 4]))]
    kept = whole(held, ONE, 4, max_gap_share=0.5)
    assert kept.arrays["acc"][0, :, 0].tolist() == [1, 1, 1, 4]
    assert len(whole(held, ONE, 4, max_gap_share=0.49)) == 0  # and a window with nothing in it is dropped
    assert len(whole([recording(acc=signal([NAN, NAN]))], ONE, 4, max_gap_share=1.0)) == 0


def test_a_signal_that_ends_early_is_absent_in_the_windows_after_it():
    held = [recording(acc=signal(range(4)), eda=signal(range(12)))]
    samples = sliding(held, {"acc": 1, "eda": 1}, seconds=4, stride_s=4, frames=4)
    assert samples.present["acc"].tolist() == [True, False, False]


def test_an_empty_signal_counts_as_missing_and_too_short_a_recording_gives_no_window():
    empty = recording(acc=Signal(np.zeros((0, 1), np.float32), 1.0))
    assert len(whole([empty], ONE, 4)) == 0
    assert len(sliding([recording(acc=signal([1, 2]))], ONE, seconds=4, stride_s=1, frames=4)) == 0
    none = whole([], {"acc": 3}, 4)
    assert none.arrays["acc"].shape == (0, 4, 3) and none.subject.dtype.kind == "U"


def test_the_number_of_channels_must_be_the_cards():
    with pytest.raises(ValueError, match="1 channels, not 3"):
        whole([recording(acc=signal([1, 2]))], {"acc": 3}, 4)


@pytest.mark.parametrize(
    "settings",
    [
        {"seconds": 0, "stride_s": 1, "frames": 4},
        {"seconds": 4, "stride_s": 0, "frames": 4},
        {"seconds": 4, "stride_s": 1, "frames": 0},
        {"seconds": 4, "stride_s": 1},
        {"seconds": 4, "stride_s": 1, "frames": 4, "rate_hz": 1.0},
        {"seconds": 4, "stride_s": 1, "rate_hz": {"eda": 1.0}},
        {"seconds": 4, "stride_s": 1, "rate_hz": 0.01},
        {"seconds": 4, "stride_s": 1, "frames": 4, "max_gap_share": 2},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UserError):
        sliding([recording(acc=signal(range(8)))], ONE, **settings)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    rate_hz=st.sampled_from([0.5, 1.0, 4.0, 7.0]),
    seconds=st.floats(0.5, 10),
    stride_s=st.floats(0.3, 10),
    frames=st.integers(1, 20),
    antialias=st.booleans(),
)
def test_windows_never_straddle_recordings(lengths, rate_hz, seconds, stride_s, frames, antialias):
    held = [
        recording(label=number, subject=str(number), acc=signal(np.full(length, number + 1), rate_hz))
        for number, length in enumerate(lengths)
    ]
    samples = sliding(held, ONE, seconds=seconds, stride_s=stride_s, frames=frames, antialias=antialias)
    of_recording = samples.recording[:, None, None] + 1
    np.testing.assert_array_equal(samples.arrays["acc"], np.broadcast_to(of_recording, samples.arrays["acc"].shape))
    assert samples.label.tolist() == samples.recording.tolist()
    for number, length in enumerate(lengths):
        assert (samples.recording == number).sum() == max(
            0, int(np.floor((length / rate_hz - seconds) / stride_s + 1e-6)) + 1
        )


@given(
    values=st.lists(st.one_of(st.floats(-100, 100, width=32), st.just(NAN)), min_size=1, max_size=40),
    frames=st.integers(1, 30),
    share=st.floats(0, 1),
)
def test_whole_windows_are_finite_within_the_signals_range_and_repeat_exactly(values, frames, share):
    held = [recording(acc=signal(values, 10.0))]
    first, again = (whole(held, ONE, frames, max_gap_share=share) for _ in range(2))
    np.testing.assert_array_equal(first.arrays["acc"], again.arrays["acc"])
    known = [each for each in values if each == each]
    if known and len(known) == len(values):
        assert len(first) == 1
    if len(first):
        assert np.isfinite(first.arrays["acc"]).all()
        assert min([*known, 0]) - 1e-3 <= first.arrays["acc"].min()
        assert first.arrays["acc"].max() <= max([*known, 0]) + 1e-3


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 4))
def test_all_channels_at_once_is_numpy_s_interpolation(seed, records, channels):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(records, channels)) * 10.0 ** generator.integers(-8, 8)
    at = generator.uniform(-1, records + 1, (3, 7))
    at[0] = np.round(at[0])
    slow = np.stack([np.interp(at, np.arange(records), column) for column in values.T], axis=-1)
    np.testing.assert_allclose(between_records(values, at), slow, rtol=0, atol=1e-14 * np.abs(values).max())


# --- point clouds -----------------------------------------------------------------------------------------------------


def test_frames_that_cannot_be_mixed_are_picked_unsmoothed_and_unfilled():
    clouds = signal([[0, 0], [10, NAN], [20, 20], [NAN, NAN]])
    samples = whole([recording(radar=clouds)], {"radar": 2}, 7, nearest=["radar"])
    np.testing.assert_array_equal(
        samples.arrays["radar"][0], [[0, 0], [10, NAN], [10, NAN], [20, 20], [20, 20], [NAN, NAN], [NAN, NAN]]
    )
    down = whole([recording(radar=clouds)], {"radar": 2}, 2, nearest=["radar"])
    np.testing.assert_array_equal(down.arrays["radar"][0], [[0, 0], [NAN, NAN]])


def test_a_cloud_is_absent_where_it_saw_nothing_for_most_of_the_window():
    """A frame with a point in it is no gap, a frame without any is one."""
    some = signal([[1, NAN], [NAN, 2], [NAN, NAN], [3, NAN]])
    none = signal([[1, NAN], [NAN, NAN], [NAN, NAN], [NAN, NAN]])
    both = [recording(radar=some, acc=signal(range(4))), recording(radar=none, acc=signal(range(4)))]
    samples = sliding(both, {"radar": 2, "acc": 1}, seconds=4, stride_s=4, frames=4, nearest={"radar"})
    assert samples.present["radar"].tolist() == [True, False] and samples.present["acc"].all()
    assert not samples.arrays["radar"][1].any()
    assert samples.arrays["acc"][0, :, 0].tolist() == [0, 1, 2, 3]  # others as ever


@pytest.mark.parametrize("nearest", [(), ["a"]])
def test_a_single_record_is_a_window_of_one_frame(nearest):
    samples = whole([recording(a=signal([[3.0, 4.0]]))], {"a": 2}, 1, nearest=nearest)
    assert samples.present["a"].all() and samples.arrays["a"].tolist() == [[[3.0, 4.0]]]
