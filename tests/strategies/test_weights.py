"""What nodes count, and who is asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.aggregation import binding_quality
from server.binding.bind import Pairs, no_pairs
from strategies.modality_wise import Contribution
from strategies.participation import taking_part
from strategies.weights import weighted

SENT = [Contribution(0, {}, 20.0), Contribution(1, {}, 300.0), Contribution(2, {}, 0.0)]


@pytest.mark.parametrize(
    ("how", "told"),
    [("examples", [20, 300, 0]), ("equal", [1, 1, 0]), ("capped", [20, 50, 0]), ("binding", [10, 0, 0])],
)
def test_weights(how, told):
    assert [each.weight for each in weighted(SENT, how, 50, {0: 0.5})] == told


def test_binding_quality_is_the_best_pair_s_cosine_over_all_samples():
    """Node 0: samples 5 (0.2 and 0.6) and 6 (−0.4 counts 0), and two unbound ones: 0.6 / 4. Node 3: one sample, 0.9."""
    node, handle = np.array([0, 0, 0, 3]), np.array([5, 5, 6, 8])
    pairs = Pairs(node, handle, node + 1, handle + 9, np.array([0.2, 0.6, -0.4, 0.9]), np.ones(4))
    assert binding_quality(pairs, {0: 4, 3: 1, 4: 7}) == pytest.approx({0: 0.15, 3: 0.9})
    assert binding_quality(no_pairs(), {0: 4}) == {}


@given(
    st.dictionaries(st.integers(0, 50), st.sets(st.sampled_from(["acc", "ecg", "eda", "emg"]), min_size=1), min_size=1),
    st.floats(0.01, 1.0), st.integers(1, 4), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_a_share_is_asked_and_nothing_is_left_without_holders(held, fraction, least, seed):
    chosen = taking_part(held, fraction, least, seed)
    assert chosen == sorted(set(chosen)) and set(chosen) <= set(held)
    assert len(chosen) >= min(len(held), int(np.ceil(fraction * len(held) - 1e-9)))
    for thing in {each for own in held.values() for each in own}:
        holders = [node for node in held if thing in held[node]]
        assert sum(node in chosen for node in holders) >= min(least, len(holders))


def test_without_that_care_a_modality_would_be_left_out():
    held = {node: {"acc"} for node in range(20)} | {20: {"acc", "ecg"}}
    assert all(20 in taking_part(held, 0.1, 1, seed) for seed in range(20))
    assert len({tuple(taking_part(held, 0.1, 1, seed)) for seed in range(20)}) > 5
