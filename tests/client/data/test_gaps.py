"""Gaps that come and go: their share, their length, and what they do to a signal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.gaps import cut_gaps, gap_spans
from client.data.recording import Recording, Signal
from configs.errors import UserError


def held(seconds=100, rate_hz=10.0):
    values = np.ones((int(seconds * rate_hz), 2), np.float32)
    return Recording("1", 0, {"acc": Signal(values, rate_hz), "eda": Signal(values.copy(), rate_hz)}, "")


@given(
    duration_s=st.floats(0, 200),
    rate=st.floats(0, 0.99),
    mean_s=st.floats(0.1, 20),
    seed=st.integers(0, 2**32 - 1),
)
def test_gaps_lie_in_order_within_the_time_and_do_not_touch(duration_s, rate, mean_s, seed):
    edges = [edge for span in gap_spans(duration_s, rate, mean_s, np.random.default_rng(seed)) for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= edge <= duration_s for edge in edges)


def test_in_the_long_run_the_rate_and_the_mean_length_are_as_asked():
    spans = np.array(gap_spans(200_000, 0.3, 2.0, np.random.default_rng(0)))
    lengths = spans[:, 1] - spans[:, 0]
    assert lengths.sum() / 200_000 == pytest.approx(0.3, abs=0.01)
    assert lengths.mean() == pytest.approx(2.0, abs=0.05)


def test_the_rate_holds_for_short_recordings_too():
    rng = np.random.default_rng(0)
    missing = [sum(stop - start for start, stop in gap_spans(1.0, 0.3, 5.0, rng)) for _ in range(4000)]
    assert np.mean(missing) == pytest.approx(0.3, abs=0.03)


def test_modalities_are_blanked_by_their_own_rates_and_the_original_stays_whole():
    original = held()
    (cut,) = cut_gaps([original], {"acc": 0.5}, 2.0, np.random.default_rng(0))
    assert 0.1 < np.isnan(cut.signals["acc"].values).mean() < 0.9
    assert not np.isnan(cut.signals["eda"].values).any()
    assert not np.isnan(original.signals["acc"].values).any()
    gap = np.isnan(cut.signals["acc"].values)
    assert (gap[:, 0] == gap[:, 1]).all()  # the sensor goes, not a channel of it


def test_one_rate_for_all_blanks_each_modality_by_itself():
    (cut,) = cut_gaps([held()], 0.5, 2.0, np.random.default_rng(0))
    acc, eda = (np.isnan(cut.signals[each].values[:, 0]) for each in ("acc", "eda"))
    assert acc.any() and eda.any() and (acc != eda).any()


def test_no_rate_no_gaps():
    (cut,) = cut_gaps([held()], 0.0, 2.0, np.random.default_rng(0))
    assert not np.isnan(cut.signals["acc"].values).any()


@pytest.mark.parametrize(("rate", "mean_s"), [(1.0, 1.0), (-0.1, 1.0), (0.5, 0.0), (0.5, float("nan"))])
def test_rates_and_lengths_out_of_range_are_refused(rate, mean_s):
    with pytest.raises(UserError):
        gap_spans(10, rate, mean_s, np.random.default_rng(0))
