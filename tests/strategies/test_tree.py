"""Sums over a tree of nodes: by hand, and the same to the bit however the nodes are split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.tree import GROUP, Part, TreeSum, holder, joined, owned

LIKE = {"w": np.zeros(3, np.float32), "count": np.zeros((), np.int64)}


def block(seed):
    generator = np.random.default_rng(seed)
    return {
        "w": (generator.normal(size=3) * 10.0 ** generator.integers(-6, 6)).astype(np.float32),
        "count": np.array(4),
    }


def test_a_mean_by_hand():
    sums = TreeSum({"w": np.zeros(2, np.float32)})
    sums.add({"w": np.array([1, 10], np.float32)}, 1.0, 3)
    sums.add({"w": np.array([4, -2], np.float32)}, 2.0, 900)
    assert sums.mean()["w"].tolist() == [3, 2] and sums.mean()["w"].dtype == np.float32


def test_neighbours_are_added_one_after_another_and_groups_two_by_two():
    """1 is lost beside 2^53 wherever it is added to it, so the result tells the order."""
    large = 2.0**53
    values = {0: large, 1: 1.0, GROUP: -large, GROUP + 1: 0.0, 2 * GROUP: 1.0, 3 * GROUP: 1.0}
    sums = TreeSum({"w": np.zeros((), np.float64)})
    for node, value in values.items():
        sums.add({"w": np.array(value)}, 1.0, node)
    assert sums.whole().values["w"] == 2.0 and (sums.whole().level, sums.whole().index) == (2, 0)


def test_what_is_out_of_order_of_another_shape_or_missing_is_refused():
    sums = TreeSum(LIKE)
    with pytest.raises(ValueError, match="weight above 0"):
        sums.mean()
    sums.add(block(0), 1.0, 9)
    with pytest.raises(ValueError, match="rising"):
        sums.add(block(0), 1.0, 9)
    with pytest.raises(ValueError, match="comes after"):
        sums.add_part(Part(0, 1, 1.0, {}))
    with pytest.raises(ValueError, match="shape"):
        sums.add({"w": np.zeros(2), "count": np.array(1)}, 1.0, 10)


def test_who_has_all_nodes_of_a_subtree_owns_it():
    assert owned(range(16), range(32)) == [(1, 0)]
    assert owned(range(4, 24), range(32)) == [(0, 1), (0, 2)]  # the first and the last group are not theirs alone
    assert owned([1, 30], [1, 30]) == [(2, 0)]  # groups 0 and 3
    assert owned([], [3]) == [] and owned([3], []) == []
    assert holder([(1, 1), (0, 5)], 17) == (1, 1) and holder([(1, 1)], 3) is None


NODES = st.dictionaries(st.integers(0, 300), st.tuples(st.integers(0, 2), st.floats(0.1, 1e4)), min_size=1, max_size=60)


@given(NODES)
def test_however_nodes_are_split_among_three_the_sum_is_the_same_to_the_bit(nodes):
    alone = TreeSum(LIKE)
    for node, (_, weight) in sorted(nodes.items()):
        alone.add(block(node), weight, node)
    parts, left = [], []
    for actor in range(3):
        mine = sorted(node for node, (where, _) in nodes.items() if where == actor)
        subtrees = owned(mine, nodes)
        for at in subtrees:
            own = TreeSum(LIKE)
            for node in mine:
                if holder(subtrees, node) == at:
                    own.add(block(node), nodes[node][1], node)
            parts.append(own.whole(at))
            assert (parts[-1].level, parts[-1].index) == at
            for value in parts[-1].values.values():
                value.flags.writeable = actor != 1  # what came from another process may not be written to
        left += [(node, nodes[node][1], block(node)) for node in mine if holder(subtrees, node) is None]
    together = joined(LIKE, parts[::-1], left)
    one, other = alone.mean(), together.mean()
    assert all(one[name].tobytes() == other[name].tobytes() and one[name].dtype == LIKE[name].dtype for name in LIKE)
    exact = sum(w * block(n)["w"].astype(np.float64) for n, (_, w) in nodes.items()) / sum(w for _, w in nodes.values())
    assert np.allclose(one["w"], exact, rtol=1e-5, atol=1e-7 * max(1.0, float(np.abs(exact).max())))
