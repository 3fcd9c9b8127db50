"""What sensors bring and cost: Shapley values by hand and their axioms, and which are sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.training.choice import chosen, priority, shapley

WORTH = {
    "": 0.0, "a": 12.0, "b": 6.0, "c": 9.0, "ab": 18.0, "ac": 15.0, "bc": 15.0, "abc": 21.0,
}  # fmt: skip


def test_three_sensors_worked_by_hand():
    """a joins first (12), after b (12), after c (6), last (6): (2·12 + 12 + 6 + 2·6)/6."""
    found = shapley("abc", lambda some: WORTH["".join(sorted(some))])
    assert found == pytest.approx({"a": 9.0, "b": 6.0, "c": 6.0})


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8))
def test_what_all_bring_is_shared_out_and_who_brings_nothing_gets_nothing(values):
    worth = dict(zip(WORTH, values, strict=True))
    found = shapley("abc", lambda some: worth["".join(sorted(some))])
    assert sum(found.values()) == pytest.approx(worth["abc"] - worth[""], abs=1e-9)
    idle = shapley("abcd", lambda some: worth["".join(sorted(some - {"d"}))])
    assert idle["d"] == pytest.approx(0, abs=1e-12) and idle["a"] == pytest.approx(found["a"])


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_sensors_that_bring_the_same_have_the_same(one, both):
    found = shapley("ab", lambda some: (0.0, one, both)[len(some)])
    assert found["a"] == pytest.approx(found["b"])


def test_priority_weighs_impact_smallness_and_waiting():
    told = priority({"a": -4.0, "b": 1.0}, {"a": 200, "b": 50}, {"a": 0.25, "b": 1.0}, (1.0, 1.0, 1.0))
    assert told == pytest.approx({"a": 1 + 0 + 0.25, "b": 0.25 + 0.75 + 1})
    assert priority({"a": 0.0}, {"a": 0}, {"a": 1.0}, (1.0, 0.0, 0.0)) == {"a": 0.0}


def test_the_highest_are_chosen_and_of_equals_the_first():
    assert chosen({"c": 1.0, "b": 2.0, "a": 1.0}, 2) == ["a", "b"]
