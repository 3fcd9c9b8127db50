"""A modality of a recording as signals at the common rate."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.cards import ModalityCard
from client.data.recording import Signal
from client.data.spectral import is_signal, series_of
from configs.errors import UserError

NAN = math.nan
ONE = ModalityCard("physiological", 1, 4.0, "1")
THREE = ModalityCard("inertial", 3, 4.0, "g")


def series(values, rate_hz=4.0, card=ONE, to_hz=4.0, axes="norm"):
    array = np.array(values, dtype=np.float32)
    return series_of(Signal(array[:, None] if array.ndim == 1 else array, rate_hz), card, to_hz, axes)


def test_at_its_own_rate_a_signal_is_its_records():
    found = series([1, -2, 3])
    assert found.values.tolist() == [[1, -2, 3]] and found.known.tolist() == [True] * 3


def test_each_signal_comes_to_the_common_rate_by_itself_and_spans_the_same_seconds():
    slow, fast = series(np.arange(8) / 4, 4.0, to_hz=8.0), series(np.arange(64) / 32, 32.0, to_hz=8.0)
    assert slow.values.shape == fast.values.shape == (1, 16)  # 2 s
    np.testing.assert_allclose(slow.values[0, :15], np.arange(15) / 8, atol=1e-6)
    np.testing.assert_allclose(fast.values[0, 1:-1], np.arange(16)[1:-1] / 8, atol=0.02)  # smoothed, not delayed


def test_a_fast_wave_is_smoothed_away_and_not_folded_down():
    assert np.abs(series(np.tile([1.0, -1.0], 320), 320.0, to_hz=32.0).values[0, 1:-1]).max() < 1e-6


def test_gaps_are_filled_forward_and_what_comes_before_the_first_record_is_not_known():
    found = series([NAN, 2, NAN, 4])
    np.testing.assert_array_equal(found.values, [[NAN, 2, 2, 4]])
    assert found.known.tolist() == [False, True, False, True]


def test_what_lies_before_the_first_record_draws_no_smoothed_value_down():
    values = np.full(64, 5.0)
    values[:20] = NAN
    found = series(values, 32.0, to_hz=4.0)
    assert np.isnan(found.values[0, :3]).all() and np.allclose(found.values[0, 3:], 5.0)


def test_three_axes_are_one_norm_or_three_signals():
    values = [[3, 4, 0], [0, 0, 2], [NAN, 1, 1]]
    np.testing.assert_array_equal(series(values, card=THREE).values, [[5, 2, 2]])
    np.testing.assert_array_equal(series(values, card=THREE, axes="channels").values, [[3, 0, 0], [4, 0, 1], [0, 2, 1]])
    assert series([-1, 1]).values.tolist() == [[-1, 1]]  # of one channel no norm is taken


@pytest.mark.parametrize(
    ("card", "signals"),
    [
        (ModalityCard("skeleton", 12, 4.0, "m", (4, 3)), 4),  # a joint's numbers
        (ModalityCard("csi", 12, 4.0, "1", (2, 6)), 2),  # an antenna's subcarriers
        (ModalityCard("csi", 12, 4.0, "1", (2, 3, 2)), 2),
        (ModalityCard("inertial", 12, 4.0, "g"), 1),
    ],
)
def test_what_counts_as_one_vector(card, signals):
    values = np.arange(24, dtype=np.float32).reshape(2, 12)
    found = series(values, card=card)
    wanted = np.linalg.norm(values.reshape(2, signals, -1), axis=2).T
    np.testing.assert_allclose(found.values, wanted, rtol=1e-6)


def test_pictures_and_point_clouds_are_no_signals():
    kinds = {kind: is_signal(ModalityCard(kind, 12, 4.0, "1")) for kind in ("image", "depth", "infrared", "points")}
    assert not any(kinds.values()) and is_signal(ONE) and is_signal(THREE)


@pytest.mark.parametrize(("settings", "what"), [({"to_hz": 0}, "0 Hz"), ({"axes": "nrom"}, "did you mean 'norm'")])
def test_what_cannot_be_done_is_told(settings, what):
    with pytest.raises(UserError, match=what):
        series([1, 2], **settings)
    with pytest.raises(UserError, match="without a record"):
        series(np.zeros((0, 1)))


@given(
    values=st.lists(
        st.one_of(st.floats(-100, 100, width=32), st.just(NAN), st.just(math.inf)), min_size=1, max_size=60
    ),
    rate_hz=st.sampled_from([1.0, 4.0, 50.0]),
    to_hz=st.sampled_from([0.5, 4.0, 32.0]),
)
def test_length_follows_the_duration_and_nothing_is_made_up(values, rate_hz, to_hz):
    found = series(values, rate_hz, to_hz=to_hz)
    frames = max(math.floor(len(values) / rate_hz * to_hz + 1e-6), 1)
    assert found.values.shape == (1, frames) and found.known.shape == (frames,)
    finite = [value for value in values if math.isfinite(value)]
    held = found.values[np.isfinite(found.values)]
    assert not np.isinf(found.values).any()
    if len(held):
        assert min(finite) - 1e-3 <= held.min() and held.max() <= max(finite) + 1e-3
    assert len(finite) or not found.known.any()
