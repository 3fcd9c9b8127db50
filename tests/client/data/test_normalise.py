"""Moments add up over nodes to the pooled data's own; the four ways of normalising."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.normalise import NORMALISATIONS, Moments, add_up, moments_of, moments_of_rows, normalise, shared_by
from client.data.samples import SampleSet, concatenate
from configs.errors import UserError


def samples(values, present=None, subject=None):
    array = np.array(values, dtype=np.float32)  # (n, frames, channel)
    n = len(array)
    return SampleSet(
        arrays={"acc": array},
        present={"acc": np.ones(n, bool) if present is None else np.array(present)},
        label=np.zeros(n, np.int64),
        subject=np.array(["1"] * n if subject is None else subject),
        recording=np.arange(n),
    )


HAND = samples([[[1, 5], [3, 5]], [[5, 5], [7, 5]]])


def test_the_sums_of_a_hand_worked_array():
    moments = moments_of(HAND)["acc"]
    assert moments.count.tolist() == [4, 4]
    assert moments.total.tolist() == [16, 20]
    assert moments.total_of_squares.tolist() == [84, 100]
    assert moments.mean.tolist() == [4, 5]
    np.testing.assert_allclose(moments.spread, [np.sqrt(5), 1])  # the second channel never moves
    assert moments.total.dtype == np.float64


def test_normalising_by_own_moments_gives_mean_zero_and_spread_one():
    out = normalise(HAND, "per_node").arrays["acc"]
    np.testing.assert_allclose(out[..., 0].ravel(), np.array([-3, -1, 1, 3]) / np.sqrt(5), rtol=1e-6)
    assert out[..., 1].tolist() == [[0, 0], [0, 0]]
    assert out.dtype == np.float32


def test_rows_that_are_not_present_count_for_nothing_and_stay_zero():
    some = samples([[[1.0], [3.0]], [[0.0], [0.0]]], present=[True, False])
    assert moments_of(some)["acc"].mean.tolist() == [2]
    assert normalise(some, "per_node").arrays["acc"].tolist() == [[[-1], [1]], [[0], [0]]]


def test_nan_and_infinity_are_passed_over_and_become_the_mean():
    moments = moments_of_rows(np.array([[1, np.nan], [3, np.inf], [np.nan, 4]], dtype=np.float32))
    assert moments.count.tolist() == [2, 1] and moments.mean.tolist() == [2, 4]
    out = normalise(samples([[[1.0], [np.nan], [3.0]]]), "per_node").arrays["acc"]
    assert out.tolist() == [[[-1], [0], [1]]]


def test_each_subject_by_its_own():
    two = samples([[[1.0], [3.0]], [[10.0], [30.0]]], subject=["1", "2"])
    assert normalise(two, "per_subject").arrays["acc"].tolist() == [[[-1], [1]], [[-1], [1]]]


def test_federated_uses_what_was_agreed_and_needs_it():
    agreed = {"acc": Moments(np.full(2, 2.0), np.full(2, 2.0), np.full(2, 10.0))}  # mean 1, spread 2
    np.testing.assert_array_equal(normalise(HAND, "federated", agreed).arrays["acc"], (HAND.arrays["acc"] - 1) / 2)
    with pytest.raises(UserError, match="agreed"):
        normalise(HAND, "federated")
    with pytest.raises(UserError, match="no agreed statistics for acc"):
        normalise(HAND, "federated", {})


def test_none_changes_nothing_and_unknown_names_are_refused():
    assert normalise(HAND, "none") is HAND
    with pytest.raises(UserError, match="did you mean 'federated'"):
        normalise(HAND, "federate")
    assert NORMALISATIONS == ("federated", "per_node", "per_subject", "none")


def test_nothing_counted_normalises_by_nothing():
    nothing = Moments.none(2)
    assert nothing.mean.tolist() == [0, 0] and nothing.spread.tolist() == [1, 1]


def test_modalities_are_summed_over_the_nodes_that_hold_them():
    one, other = Moments(*(np.full(1, 1.0),) * 3), Moments(*(np.full(1, 2.0),) * 3)
    added = add_up([{"acc": one}, {"acc": other, "eda": other}])
    assert added["acc"].count.tolist() == [3] and added["eda"].count.tolist() == [2]
    with pytest.raises(ValueError, match="do not add up"):
        one + Moments.none(3)


@given(st.data())
def test_the_sum_over_nodes_is_the_pooled_statistics(data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    sizes = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=6))
    rng = np.random.default_rng(seed)
    nodes = [
        samples(
            rng.normal(rng.normal(0, 50), rng.uniform(0.1, 20), (n, 5, 3)).reshape(n, 5, 3),
            present=rng.random(n) < 0.8,
        )
        for n in sizes
    ]
    agreed = add_up(moments_of(node) for node in nodes)["acc"]
    pooled = concatenate(nodes)
    values = pooled.arrays["acc"][pooled.present["acc"]].reshape(-1, 3).astype(np.float64)
    assert agreed.count.tolist() == [len(values)] * 3
    if len(values):
        np.testing.assert_allclose(agreed.mean, values.mean(axis=0), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(agreed.spread, values.std(axis=0), rtol=1e-6)
        together = normalise(pooled, "federated", {"acc": agreed}).arrays["acc"]
        apart = [normalise(node, "federated", {"acc": agreed}).arrays["acc"] for node in nodes]
        np.testing.assert_array_equal(together, np.concatenate(apart))


# --- the same quantity at many places ---------------------------------------------------------------------------------


def test_pooled_sums_by_hand():
    moments = moments_of_rows(
        np.array([[1, 10, 3, 30], [2, 20, np.nan, 40]], dtype=np.float32)
    )  # two points, two numbers
    pooled = moments.pooled(2)
    assert pooled.count.tolist() == [3, 4, 3, 4] and pooled.total.tolist() == [6, 100, 6, 100]
    assert pooled.total_of_squares.tolist() == [14, 3000, 14, 3000]
    assert moments.pooled(None) is moments


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 5))
def test_pooling_is_the_statistics_of_all_places_and_adds_up_over_nodes(seed, each, places):
    generator = np.random.default_rng(seed)
    parts = [generator.normal(3, 2, (4, 6, places * each)).astype(np.float32) for _ in range(2)]
    added = moments_of_rows(parts[0]).pooled(each) + moments_of_rows(parts[1]).pooled(each)
    flat = np.concatenate(parts).reshape(-1, each).astype(np.float64)
    np.testing.assert_allclose(added.mean, np.tile(flat.mean(0), places), rtol=1e-6)
    np.testing.assert_allclose(added.spread, np.tile(flat.std(0), places), rtol=1e-6)


def test_what_shares_its_statistics():
    assert [shared_by(kind, (4, 5, 3)) for kind in ("image", "depth", "infrared")] == [3, 3, 3]
    assert shared_by("points", (7, 5)) == 5
    assert {shared_by("skeleton", (20, 3)), shared_by("csi", (3, 4, 2)), shared_by("image", ())} == {None}
