"""Figures over nodes by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.measures.nodes import over_nodes


def test_each_node_counts_once_however_many_examples_it_has():
    found = over_nodes({5: (9, 10), 2: (1, 2), 7: (0, 0)})
    assert found["nodes"] == {"2": {"accuracy": 0.5, "examples": 2}, "5": {"accuracy": 0.9, "examples": 10}}
    assert found["mean"] == pytest.approx(0.7) and found["worst_decile"] == 0.5
    assert found["std"] == pytest.approx(0.4 / 2**0.5)


def test_the_worst_decile_is_the_mean_of_a_tenth_rounded_up():
    assert over_nodes({n: (n, 20) for n in range(20)})["worst_decile"] == pytest.approx(0.5 / 20)
    assert over_nodes({n: (n, 20) for n in range(11)})["worst_decile"] == pytest.approx(0.5 / 20)


def test_no_node_has_no_figures_and_one_no_spread():
    assert over_nodes({}) is None and over_nodes({3: (0, 0)}) is None
    assert over_nodes({3: (1, 4)})["std"] is None


@given(st.dictionaries(st.integers(0, 50), st.tuples(st.integers(0, 9), st.integers(9, 20)), min_size=1))
def test_the_worst_are_no_better_than_the_mean_and_order_does_not_matter(counted):
    found = over_nodes(counted)
    assert 0 <= found["worst_decile"] <= found["mean"] + 1e-12 <= 1 + 1e-12
    assert over_nodes(dict(reversed(counted.items()))) == found
