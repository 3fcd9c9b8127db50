"""FLISM's weights, by hand and in general."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.flism import sureness
from strategies.registry import rule_of
from strategies.rule import Reply, apply


def sent(*entropies, weights=(1.0, 1.0)):
    """Two nodes that answer 0 and 12."""
    return [
        Reply({"w": np.array([12.0 * node])}, weight, node, {"entropy": entropy})
        for node, (entropy, weight) in enumerate(zip(entropies, weights, strict=True))
    ]


def made(replies):
    return apply(rule_of("flism"), {"w": np.zeros(1)}, {}, replies)[0]["w"][0]


def test_a_node_half_as_unsure_weighs_twice_as_much():
    assert made(sent(0.25, 0.5)) == pytest.approx(4.0)  # 2 : 1
    assert made(sent(0.5, 0.25, weights=(4.0, 1.0))) == pytest.approx(4.0)  # 4·1 : 1·2


def test_nobody_is_so_sure_that_the_others_count_nothing():
    assert sureness(0.0) == sureness(0.01) == 100 and 0 < made(sent(0.0, 1.0)) < 0.2


@given(st.floats(0.02, 1), st.floats(0.02, 1), st.floats(0.1, 1.0))
def test_only_how_unsure_nodes_are_beside_each_other_matters(one, other, scale):
    assert made(sent(one, other)) == pytest.approx(
        made(sent(max(one * scale, 0.01), max(other * scale, 0.01)))
        if min(one, other) * scale >= 0.01
        else made(sent(one, other))
    )


@pytest.mark.parametrize("entropy", [-0.1, 1.5, float("nan")])
def test_an_entropy_that_is_none_cannot_be_used(entropy):
    rule = rule_of("flism")
    assert "an entropy of" in rule.unusable(Reply({}, 1.0, 0, {"entropy": entropy}))
    assert "did not tell its entropy" in rule.unusable(Reply({}, 1.0, 0, {}))
