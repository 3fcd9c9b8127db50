"""Normalisation agreed over nodes equals that of the pooled recordings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from protocol.payload import ProtocolError
from server.normalisation import agreed, check_sums, moments_of


def sums(values):
    flat = np.asarray(values, dtype=np.float64).reshape(-1, np.shape(values)[-1])
    return {
        "count": np.full(flat.shape[1], float(len(flat))),
        "total": flat.sum(axis=0),
        "squares": (flat**2).sum(axis=0),
    }


def test_by_hand():
    one, other = [[1.0, 5.0], [3.0, 5.0]], [[8.0, 5.0]]
    (block,) = agreed([{"ecg": sums(one)}, {"ecg": sums(other)}]).values()
    assert block["mean"].tolist() == [4, 5]
    assert block["std"].tolist() == [pytest.approx(np.sqrt(26 / 3)), 1.0]  # a channel that never moves keeps its size
    assert block["mean"].dtype == block["std"].dtype == np.float32


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4))
def test_the_agreement_is_the_pooled_mean_and_spread(seed, nodes, channels):
    generator = np.random.default_rng(seed)
    held = [
        generator.normal(generator.normal() * 5, 1 + generator.random(), (generator.integers(1, 6), 7, channels))
        for _ in range(nodes)
    ]
    pooled = np.concatenate(held)
    block = agreed([{"ecg": sums(values)} for values in held])["moments.ecg"]
    assert np.allclose(block["mean"], pooled.mean(axis=(0, 1)), rtol=1e-5, atol=1e-6)
    assert np.allclose(block["std"], pooled.std(axis=(0, 1)), rtol=1e-4)


def test_a_sensor_is_agreed_on_by_those_who_hold_it():
    found = agreed([{"ecg": sums([[1.0]])}, {"gyroscope": sums([[2.0, 2.0]])}, {"ecg": sums([[3.0]])}, {}])
    assert list(found) == ["moments.ecg", "moments.gyroscope"]
    assert found["moments.ecg"]["mean"].tolist() == [2] and found["moments.gyroscope"]["mean"].tolist() == [2, 2]


def test_a_joint_that_hardly_moves_is_not_blown_up():
    """Spreads 4, 0.001 and 3: their root mean square is √(25/3), of which 0.3 is the floor; other kinds have none."""
    values = np.array([[4.0, 0.001, 3.0], [-4.0, -0.001, -3.0]])
    floor = 0.3 * np.sqrt((16 + 1e-6 + 9) / 3)
    assert np.allclose(agreed([{"x": sums(values)}], {"x": "skeleton"})["moments.x"]["std"], [4, floor, 3])
    assert np.allclose(agreed([{"x": sums(values)}], {"x": "inertial"})["moments.x"]["std"], [4, 0.001, 3])
    assert np.allclose(agreed([{"x": sums(values)}])["moments.x"]["std"], [4, 0.001, 3])


def test_channels_without_a_frame_and_no_nodes_at_all():
    nothing = {"count": np.zeros(2), "total": np.zeros(2), "squares": np.zeros(2)}
    block = agreed([{"ecg": nothing}])["moments.ecg"]
    assert block["mean"].tolist() == [0, 0] and block["std"].tolist() == [1, 1]
    assert agreed([]) == {}


def test_what_a_node_sent_is_not_changed():
    mine = sums([[1.0], [2.0]])
    before = {key: value.copy() for key, value in mine.items()}
    agreed([{"ecg": mine}, {"ecg": mine}])
    assert all(np.array_equal(mine[key], before[key]) for key in mine)


def test_nodes_that_disagree_on_the_channels_are_refused():
    with pytest.raises(ProtocolError, match="ecg: nodes disagree on the number of channels"):
        agreed([{"ecg": sums([[1.0]])}, {"ecg": sums([[1.0, 2.0]])}])


def test_one_node_s_sums_are_found_among_its_host_s():
    blocks = {
        "moments.ecg": {f"{p}/{key}": value for p in (1, 11) for key, value in sums([[float(p)]]).items()},
        "moments.gyroscope": {f"11/{key}": value for key, value in sums([[0.0, 1.0]]).items()},
    }
    assert {name: block["total"].tolist() for name, block in moments_of(blocks, 1).items()} == {"ecg": [1]}
    assert {name: block["total"].tolist() for name, block in moments_of(blocks, 11).items()} == {
        "ecg": [11],
        "gyroscope": [0, 1],
    }
    assert moments_of(blocks, 2) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"count": None}, {"total": None}, {"squares": None}, {"more": np.zeros(1)}, {"count": np.zeros(2)},
        {"total": np.zeros((1, 1))}, {"count": np.array([-1.0])}, {"squares": np.array([-1.0])},
        {"total": np.zeros(1, np.float32)}, {"count": np.array([1], np.int64)},
        {key: np.float64(1.0).reshape(()) for key in ("count", "total", "squares")},
        {key: np.zeros((1, 3)) for key in ("count", "total", "squares")},
    ],
    ids=["no count", "no total", "no squares", "more", "two counts", "a column", "negative count", "negative squares",
         "single precision", "whole", "no channel", "windows"],
)  # fmt: skip
def test_sums_of_another_form_are_refused(change):
    block = {f"3/{key}": value for key, value in {**sums([[1.0]]), **change}.items() if value is not None}
    with pytest.raises(ProtocolError, match=r"moments\.ecg"):
        moments_of({"moments.ecg": block}, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"total": np.array([1e300])}, "values above"), ({"squares": np.array([1e300])}, "values above"),
        ({"count": np.array([1e300])}, "counts above"), ({"count": np.zeros(1)}, "values above"),
        ({"total": np.array([5.0])}, "no numbers have"), ({"total": np.array([-5.0])}, "no numbers have"),
    ],
)  # fmt: skip
def test_sums_that_no_numbers_can_have_are_refused(change, said):
    """Of 1 and 3: count 2, sum 4, squares 10; |5| is more than √2 · √10."""
    with pytest.raises(ProtocolError, match=said):
        check_sums("moments.ecg", {**sums([[1.0], [3.0]]), **change})


@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 3)), elements=st.floats(-1e15, 1e15)))
def test_sums_of_any_numbers_that_a_sensor_gives_pass_and_stay_numbers(values):
    check_sums("moments.ecg", sums(values))
    for statistic in agreed([{"ecg": sums(values)}])["moments.ecg"].values():
        assert np.isfinite(statistic).all()
