"""Moments add up over nodes to the pooled data's own; the four ways in which a node's windows are normalised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.holdings import Holdings
from client.data.normalise import Moments, moments_of_rows, shared_by
from client.data.samples import SampleSet
from models.blocks import ModalityShape


def held(values, present=None, subject=None):
    """A node whose one sensor gave these windows (n, frames, channel)."""
    array = np.array(values, dtype=np.float32)
    n = len(array)
    samples = SampleSet(
        arrays={"acc": array},
        present={"acc": np.ones(n, bool) if present is None else np.array(present)},
        label=np.zeros(n, np.int64),
        subject=np.array(["1"] * n if subject is None else subject),
        recording=np.arange(n),
    )
    shapes = {"acc": ModalityShape("inertial", *array.shape[1:])}
    return Holdings(samples, shapes, {"acc": 50.0}, ("x", "y"), True, (), "federated")


def normalised(node, how, agreed=None):
    mean, std = node.normaliser("acc", agreed, how)
    return (node.samples.arrays["acc"] - mean) / std


HAND = held([[[1, 5], [3, 5]], [[5, 5], [7, 5]]])


def test_the_sums_of_a_hand_worked_array():
    moments = HAND.moments("acc")
    assert moments.count.tolist() == [4, 4]
    assert moments.total.tolist() == [16, 20]
    assert moments.total_of_squares.tolist() == [84, 100]
    assert moments.mean.tolist() == [4, 5]
    np.testing.assert_allclose(moments.spread, [np.sqrt(5), 1])  # the second channel never moves
    assert moments.total.dtype == np.float64


def test_normalising_by_own_moments_gives_mean_zero_and_spread_one():
    out = normalised(HAND, "per_node")
    np.testing.assert_allclose(out[..., 0].ravel(), np.array([-3, -1, 1, 3]) / np.sqrt(5), rtol=1e-6)
    assert out[..., 1].tolist() == [[0, 0], [0, 0]] and out.dtype == np.float32


def test_rows_that_are_not_present_count_for_nothing():
    some = held([[[1.0], [3.0]], [[9.0], [9.0]]], present=[True, False])
    assert some.moments("acc").mean.tolist() == [2]
    assert normalised(some, "per_node")[0].tolist() == [[-1], [1]]


def test_nan_and_infinity_are_passed_over():
    moments = moments_of_rows(np.array([[1, np.nan], [3, np.inf], [np.nan, 4]], dtype=np.float32))
    assert moments.count.tolist() == [2, 1] and moments.mean.tolist() == [2, 4]


def test_each_subject_by_its_own():
    two = held([[[1.0], [3.0]], [[10.0], [30.0]]], subject=["1", "2"])
    assert normalised(two, "per_subject").tolist() == [[[-1], [1]], [[-1], [1]]]
    assert normalised(two, "per_node").tolist() != [[[-1], [1]], [[-1], [1]]]


def test_federated_uses_what_was_agreed_and_needs_it():
    agreed = {"mean": np.full(2, 1.0, np.float32), "std": np.full(2, 2.0, np.float32)}
    np.testing.assert_array_equal(normalised(HAND, "federated", agreed), (HAND.samples.arrays["acc"] - 1) / 2)
    for wrong in (None, {key: value[:1] for key, value in agreed.items()}):
        with pytest.raises(ValueError, match="agreed statistics of acc are missing or do not fit its 2 channels"):
            normalised(HAND, "federated", wrong)


def test_none_changes_nothing():
    np.testing.assert_array_equal(normalised(HAND, "none"), HAND.samples.arrays["acc"])


def test_nothing_counted_normalises_by_nothing():
    nothing = Moments.none(2)
    assert nothing.mean.tolist() == [0, 0] and nothing.spread.tolist() == [1, 1]
    with pytest.raises(ValueError, match="do not add up"):
        nothing + Moments.none(3)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_the_sum_over_nodes_is_the_pooled_statistics(seed, sizes):
    rng = np.random.default_rng(seed)
    nodes = [
        held(rng.normal(rng.normal(0, 50), rng.uniform(0.1, 20), (n, 5, 3)), present=rng.random(n) < 0.8) for n in sizes
    ]
    agreed = sum((node.moments("acc") for node in nodes), Moments.none(3))
    values = np.concatenate([node.samples.arrays["acc"][node.samples.present["acc"]].reshape(-1, 3) for node in nodes])
    assert agreed.count.tolist() == [len(values)] * 3
    if len(values):
        np.testing.assert_allclose(agreed.mean, values.mean(axis=0, dtype=np.float64), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(agreed.spread, values.std(axis=0, dtype=np.float64), rtol=1e-6)


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
