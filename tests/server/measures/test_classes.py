"""Neighbours and probe: by hand, beside a slow twin with exact fractions, and on degenerate input."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import server.measures.classes
from server.measures.classes import neighbour_accuracy, probe_accuracy
from tests.server.measures.test_retrieval import unit


def test_by_hand():
    """Known: x at 0, 10 and 20°, y at 50 and 60°. Asked at 5 (x), 40 (y) and 30 (y)."""
    known, label = unit(0, 10, 20, 50, 60), np.array([0, 0, 0, 1, 1])
    asked, right = unit(5, 40, 29), np.array([0, 1, 1])
    assert neighbour_accuracy(known, label, asked, right, 1) == pytest.approx(2 / 3)  # 29 is nearest to 20
    assert neighbour_accuracy(known, label, asked, right, 3) == pytest.approx(2 / 3)  # 40: 50, 20, 60; 29: 20, 10, 50
    assert neighbour_accuracy(known, label, asked, right, 5) == pytest.approx(1 / 3)  # the three x outvote all
    assert neighbour_accuracy(known, label, asked, right, 99) == pytest.approx(1 / 3)


def test_known_rows_that_are_all_alike_give_chance():
    known = unit(*[33] * 6)
    asked, right = unit(0, 33, 90), np.array([0, 1, 2])
    balanced, skewed = np.array([0, 1, 2] * 2), np.array([0, 0, 0, 1, 1, 2])
    for k in (1, 5):
        assert neighbour_accuracy(known, balanced, asked, right, k) == pytest.approx(1 / 3)
        assert neighbour_accuracy(known, skewed, asked, right, k) == pytest.approx(1 / 3)  # always the commonest


def slowly(known, known_label, asked, asked_label, k):
    k, right = min(k, len(known)), Fraction(0)
    for row, label in zip(asked, asked_label.tolist(), strict=True):
        cosine = [round(float(row.astype(np.float64) @ other.astype(np.float64)), 6) for other in known]
        last = sorted(cosine, reverse=True)[k - 1]
        places, tied = k - sum(c > last for c in cosine), cosine.count(last)
        votes = Counter()
        for c, of in zip(cosine, known_label.tolist(), strict=True):
            votes[of] += 1 if c > last else Fraction(places, tied) if c == last else 0
        winners = [of for of in votes if votes[of] == max(votes.values())]
        right += Fraction(int(label in winners), len(winners))
    return float(right / len(asked))


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(1, 5), st.sampled_from([1, 2, 5]))
def test_it_equals_loops_with_ties_in_rows_of_few_values(seed, n, m, k):
    generator = np.random.default_rng(seed)
    known, asked = (generator.integers(-1, 2, (size, 2)).astype(np.float32) for size in (n, m))
    known_label, asked_label = np.append(generator.integers(0, 3, n - 2), [0, 1]), generator.integers(0, 3, m)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server.measures.classes, "_CELLS", 7)
        fast = neighbour_accuracy(known, known_label, asked, asked_label, k)
    assert fast == pytest.approx(slowly(known, known_label, asked, asked_label, k), abs=1e-12)


def test_the_probe_reads_a_class_that_a_line_tells_and_none_that_is_not_there():
    generator = np.random.default_rng(0)
    rows, label = generator.normal(size=(200, 8)).astype(np.float32), generator.integers(0, 2, 200)
    assert probe_accuracy(rows[:100], label[:100], rows[100:], label[100:]) < 0.7
    told = (rows[:, 0] > 0).astype(int) * 5  # class numbers need not be 0, 1, ...
    assert probe_accuracy(rows[:100], told[:100], rows[100:], told[100:]) > 0.9
    state = np.random.get_state()[1].copy()
    assert probe_accuracy(rows, told, rows, told) == probe_accuracy(rows, told, rows, told)
    assert np.array_equal(state, np.random.get_state()[1])  # no one's random numbers are used up


@pytest.mark.filterwarnings("error")
def test_the_probe_takes_one_row_of_each_class_without_a_word():
    rows, label = np.eye(30, dtype=np.float32), np.arange(30)
    assert probe_accuracy(rows, label, rows, label) == 1.0


@pytest.mark.parametrize("measure", [lambda *a: neighbour_accuracy(*a, k=5), probe_accuracy], ids=["knn", "probe"])
def test_without_two_classes_or_anyone_who_asks_there_is_no_figure(measure):
    rows, none = unit(0, 10), np.zeros((0, 2), np.float32)
    zero, one = np.zeros(2, int), np.array([0, 1])
    assert measure(rows, zero, rows, one) is None
    assert measure(none, zero[:0], rows, one) is None
    assert measure(rows, one, none, zero[:0]) is None
    assert measure(rows, one, unit(5), np.array([7])) == 0.0  # a class nobody knew
