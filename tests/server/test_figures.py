"""Figures from counts, and the choice of the epoch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from server.phases.evaluate import figures
from server.phases.finetune import choose_epoch


def test_figures_by_hand():
    """Class 0: 3 right of 4, 1 taken for class 1; class 1: 1 right of 2; class 2 never occurs."""
    accuracy, macro_f1 = figures(np.array([[3, 1, 0], [1, 1, 0], [0, 0, 0]]))
    assert accuracy == pytest.approx(4 / 6)
    assert macro_f1 == pytest.approx((6 / 8 + 2 / 4) / 2)
    assert figures(np.zeros((3, 3), int)) == (0.0, 0.0)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_figures_equal_sklearn_s(outcomes):
    true, predicted = (np.array(column) for column in zip(*outcomes, strict=True))
    counts = np.zeros((5, 5), dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    accuracy, macro_f1 = figures(counts)
    assert accuracy == pytest.approx(accuracy_score(true, predicted))
    assert macro_f1 == pytest.approx(f1_score(true, predicted, average="macro"))


def test_the_epoch_is_the_middle_of_the_best_stretch():
    """A lone peak of one epoch (epoch 2) does not beat a plateau of nine (epochs 12 to 20)."""
    validation = np.full(30, 0.5)
    validation[1] = 1.0
    validation[11:20] = 0.8
    assert choose_epoch(validation) == 16
    assert choose_epoch(validation, window=1) == 2


def test_the_first_of_equals_is_chosen_and_edges_count_as_they_are():
    assert choose_epoch(np.full(12, 0.25)) == 1
    rising = np.linspace(0, 1, 20)
    assert choose_epoch(rising) == 20
    assert choose_epoch(rising[::-1]) == 1


@pytest.mark.parametrize("epochs", [1, 2, 5, 9])
def test_fewer_epochs_than_the_window_are_enough(epochs):
    assert choose_epoch(np.linspace(0, 1, epochs)) == epochs


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40))
def test_the_chosen_epoch_has_the_best_mean_over_its_neighbours(correct):
    validation = np.array(correct) / 20

    def around(epoch):
        inside = np.clip(np.arange(epoch - 4, epoch + 5), 0, len(validation) - 1)
        return validation[inside].mean()

    best = max(range(len(validation)), key=lambda epoch: (round(around(epoch), 9), -epoch))
    assert choose_epoch(validation) == best + 1
