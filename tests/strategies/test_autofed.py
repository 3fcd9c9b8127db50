"""AutoFed's choice of nodes that are alike, by hand and in general."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from strategies.autofed import most_alike
from strategies.registry import rule_of
from strategies.rule import Reply, apply

LINE = np.array([[0.0], [1.0], [2.0], [10.0], [12.0]])


def test_the_row_with_the_nearest_neighbours_and_these():
    """Three of them: from 1 the others lie at 1 and 1; from 0 at 1 and 2; from 10 at 2 and 8."""
    assert most_alike(LINE, 3) == [0, 1, 2]
    assert most_alike(LINE, 2) == [0, 1] and most_alike(LINE, 1) == [0]
    assert most_alike(LINE, 5) == [0, 1, 2, 3, 4]


def test_the_mean_of_the_chosen_by_weight():
    sent = [
        Reply({"w": row}, weight, node) for node, (row, weight) in enumerate(zip(LINE, (1, 1, 2, 9, 9), strict=True))
    ]
    assert apply(rule_of("autofed", {"share": 0.6}), {"w": np.zeros(1)}, {}, sent)[0]["w"][0] == (0 + 1 + 2 * 2) / 4


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_moving_and_turning_all_rows_chooses_the_same(seed, count):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(6, 3))
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    assert most_alike(rows, count) == most_alike(rows @ turn + 5.0, count)
