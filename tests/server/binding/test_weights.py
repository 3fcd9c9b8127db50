"""What a pair counts, rule by rule."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.schema import BindSettings
from server.binding.weights import RULES, pair_weights

COSINES = np.array([0.2, 0.6, 1.0, -0.6], np.float32)


def test_cosines_that_rounding_alone_tells_apart_weigh_alike():
    assert pair_weights(np.array([0.99999, 1.0, 1.00002], np.float32), "normalized").tolist() == [1, 1, 1]
    assert pair_weights(np.array([0.5, 0.51], np.float32), "normalized").tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("normalized", [0.5, 0.75, 1.0, 0.0]),
        ("cosine", [0.2, 0.6, 1.0, 0.0]),
        ("log", [1 + 0.5 * math.log(0.2), 1 + 0.5 * math.log(0.6), 1.0, 0.0]),
        ("none", [1, 1, 1, 1]),
        ("softmax", [1, 1, 1, 1]),  # one partner each
    ],
)
def test_weights_by_hand(rule, expected):
    weights = pair_weights(COSINES, rule)
    assert weights.dtype == np.float32
    assert np.allclose(weights, expected, atol=1e-6)


def test_a_logarithm_below_minus_one_weighs_nothing():
    assert pair_weights(np.array([math.exp(-2), 0.13, 0.14]), "log")[:2].tolist() == [0, 0]
    assert pair_weights(np.array([0.14]), "log")[0] > 0  # 1 + ln(0.14)/2 = 0.017


def test_equal_similarities_all_weigh_one():
    assert pair_weights(np.array([0.3, 0.3, 0.3]), "normalized").tolist() == [1, 1, 1]
    assert pair_weights(np.array([-0.3]), "normalized").tolist() == [1]


@pytest.mark.parametrize("rule", RULES)
def test_no_pair_has_no_weight(rule):
    assert pair_weights(np.zeros(0), rule).shape == (0,)


def test_the_configuration_offers_these_rules_and_another_is_refused():
    assert set(BindSettings.model_fields["weights"].annotation.__args__) == set(RULES)
    with pytest.raises(ValueError, match="unknown rule 'squared': one of normalized, cosine, log, softmax, none"):
        pair_weights(COSINES, "squared")


def test_softmax_shares_a_sample_s_weight_among_its_partners():
    cosine = np.array([[0.9, 0.85, 0.8], [0.5, 0.5, -1.0]])
    weights = pair_weights(cosine, "softmax")
    by_hand = np.exp(np.array([0, -1, -2]))  # steps of the temperature, 0.05
    assert np.allclose(weights[0], by_hand / by_hand.sum(), atol=1e-6)
    assert np.allclose(weights[1], [0.5, 0.5, 0], atol=1e-6)
    assert weights.dtype == np.float32 and pair_weights(np.zeros((0, 3)), "softmax").shape == (0, 3)


@pytest.mark.parametrize("rule", ["normalized", "cosine", "log", "none"])
def test_several_partners_are_weighted_as_one_list(rule):
    cosine = np.array([[0.9, 0.3], [0.5, -0.2]])
    assert np.array_equal(pair_weights(cosine, rule), pair_weights(cosine.ravel(), rule).reshape(2, 2))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.sampled_from(RULES))
def test_weights_lie_between_zero_and_one_and_rise_with_similarity(cosines, rule):
    cosines = np.array(sorted(cosines))
    weights = pair_weights(cosines, rule)
    assert ((weights >= 0) & (weights <= 1)).all()
    assert (np.diff(weights) >= 0).all()
