"""Nearest class means by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from client.handlers.probe import nearest_mean


def test_by_hand():
    """Fold 0 is judged by means of fold 1 and the other way round; the last sample lies with the other class."""
    rows = np.array([[2, 0], [0, 3], [1, 0.1], [0.1, 1], [0.2, 1]], float)
    label, fold = np.array([0, 1, 0, 1, 0]), np.array([0, 0, 1, 1, 1])
    assert nearest_mean(rows, label, fold) == (4, 5)


def test_a_class_that_only_its_own_fold_holds_is_missed_and_a_single_fold_is_not_judged():
    rows, label = np.eye(3), np.array([0, 1, 1])
    assert nearest_mean(rows[[0, 1, 1]], label, np.array([0, 1, 0])) == (2, 3)
    assert nearest_mean(rows, label, np.zeros(3, int)) == (0, 0)
    assert nearest_mean(np.zeros((0, 3)), np.zeros(0, int), np.zeros(0, int)) == (0, 0)


@given(st.integers(1, 5), st.integers(2, 4), st.integers(0, 99))
def test_classes_apart_are_all_right_in_any_order(each, classes, seed):
    label = np.repeat(np.arange(classes), 2 * each)
    fold = np.tile([0, 1], classes * each)
    order = np.random.default_rng(seed).permutation(len(label))
    rows = np.eye(classes)[label] + 0.01
    assert nearest_mean(rows[order], label[order], fold[order]) == (len(label), len(label))
