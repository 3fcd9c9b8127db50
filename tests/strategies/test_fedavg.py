"""FedAvg by hand, by Flower's own aggregation, and by its properties."""

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from strategies.fedavg import fedavg

NUMBER = st.floats(-1e3, 1e3, width=32)
WEIGHT = st.integers(1, 10_000)


def block(*values, dtype=np.float32):
    return {"w": np.array(values, dtype)}


@st.composite
def replies(draw):
    shapes = {
        "weight": draw(hnp.array_shapes(max_dims=3, max_side=3)),
        "bias": draw(hnp.array_shapes(max_dims=1)),
        "t": (),
    }
    count = draw(st.integers(1, 5))
    made = [
        {name: draw(hnp.arrays(np.float32, shape, elements=NUMBER)) for name, shape in shapes.items()}
        for _ in range(count)
    ]
    return made, draw(st.lists(WEIGHT, min_size=count, max_size=count))


def test_the_mean_is_weighted_by_examples():
    mean = fedavg([block(1, 10), block(4, -2)], [1, 2])
    assert mean["w"].tolist() == [3, 2]


def test_one_reply_comes_back_whatever_its_weight():
    assert fedavg([block(1.5, -2)], [7])["w"].tolist() == [1.5, -2]


def test_a_reply_of_weight_zero_has_no_influence():
    assert fedavg([block(1, 2), block(1e30, -1e30)], [3, 0])["w"].tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_results_keep_the_type(dtype):
    assert fedavg([block(1, dtype=dtype), block(2, dtype=dtype)], [1, 1])["w"].dtype == dtype


def test_sums_run_in_double_precision():
    """2²⁵ + 1 is no float32: summed in single precision the ones would be lost."""
    ones = [block(1.0)] * 1000
    assert fedavg([block(2.0**25), *ones], [1] * 1001)["w"][0] == np.float32((2.0**25 + 1000) / 1001)


def test_the_replies_are_left_as_they_were():
    given_ = [block(1, 2), block(3, 4)]
    mean = fedavg(given_, [1, 1])
    mean["w"][:] = 99
    assert [each["w"].tolist() for each in given_] == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("made", "weights"),
    [([], []), ([block(1)], []), ([block(1)], [0]), ([block(1), block(2)], [1, -1]), ([block(1), block(2)], [3, -1]),
     ([block(1)], [float("nan")]), ([block(1), block(2)], [1])],
)  # fmt: skip
def test_nothing_to_average_is_refused(made, weights):
    with pytest.raises(ValueError, match="weights"):
        fedavg(made, weights)


@given(replies())
def test_flower_s_own_aggregation_gives_the_same(drawn):
    made, weights = drawn
    records = [
        RecordDict({
            "arrays": ArrayRecord({name: Array(value) for name, value in each.items()}),
            "metrics": MetricRecord({"num-examples": weight}),
        })
        for each, weight in zip(made, weights, strict=True)
    ]  # fmt: skip
    theirs = aggregate_arrayrecords(records, "num-examples")
    ours = fedavg(made, weights)
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        scale = max(1.0, *(float(np.abs(each[name]).max(initial=0)) for each in made))
        assert np.allclose(value, theirs[name].numpy(), rtol=0, atol=1e-6 * scale)


@given(replies(), st.sampled_from([0.5, 2.0, 1024.0, 3.0, 1e-3]))
def test_scaling_all_weights_changes_nothing(drawn, factor):
    made, weights = drawn
    one, other = fedavg(made, weights), fedavg(made, [weight * factor for weight in weights])
    for name in one:
        assert np.allclose(one[name], other[name], rtol=2e-7, atol=1e-9)


@given(replies())
def test_equal_replies_come_back_bit_for_bit(drawn):
    made, weights = drawn
    same = fedavg([made[0]] * len(weights), weights)
    assert all(np.array_equal(same[name], made[0][name]) for name in same)


@given(replies())
def test_a_node_that_is_there_twice_counts_as_one_of_twice_the_weight(drawn):
    made, weights = drawn
    twice = fedavg([made[0], *made], [weights[0], *weights])
    heavy = fedavg(made, [2 * weights[0], *weights[1:]])
    for name in twice:
        assert np.allclose(twice[name], heavy[name], rtol=2e-7, atol=1e-3 * 1e-6)


@given(replies())
def test_the_mean_lies_among_the_replies(drawn):
    made, weights = drawn
    for name, mean in fedavg(made, weights).items():
        stacked = np.stack([each[name] for each in made])
        assert (mean >= stacked.min(axis=0)).all() and (mean <= stacked.max(axis=0)).all()
