"""Figures from counts, and the choice of the epoch."""

import math

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


def test_a_lone_peak_does_not_beat_a_plateau():
    """Epoch 2 alone is best; over nine epochs the stretch from 12 to 20 is, and its last epoch within the error is 18:
    (7 · 0.8 + 2 · 0.5) / 9 = 0.733 there, 0.7 after it, against 0.8 - sqrt(0.8 · 0.2 / 30) = 0.727."""
    validation = np.full(30, 0.5)
    validation[1] = 1.0
    validation[11:20] = 0.8
    assert choose_epoch(validation, 30) == 18
    assert choose_epoch(validation, 30, window=1) == 2


def test_of_epochs_that_cannot_be_told_apart_the_latest_is_chosen():
    assert choose_epoch(np.full(12, 0.25), 54) == 12
    early = np.concatenate([np.full(20, 0.60), np.full(30, 0.56)])
    assert choose_epoch(early, 54) == 50  # standard error 0.067
    assert choose_epoch(early, 10_000) == 17  # 0.005: the mean around epoch 16 is 0.6, around 17 0.5956, 18 0.5911


def test_edges_count_as_they_are():
    rising = np.linspace(0, 1, 20)
    assert choose_epoch(rising, 54) == 20
    assert choose_epoch(rising[::-1], 54) == 2  # 0.942 at its best, error 0.032, then 0.912 and 0.877
    assert choose_epoch(np.ones(7), 3) == 7


@pytest.mark.parametrize("epochs", [1, 2, 5, 9])
def test_fewer_epochs_than_the_window_are_enough(epochs):
    assert choose_epoch(np.linspace(0, 1, epochs), 54) == epochs


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.integers(1, 500))
def test_no_later_epoch_is_as_good_as_the_chosen_one_within_an_error(correct, examples):
    validation = np.array(correct) / 20

    def around(epoch):
        inside = np.clip(np.arange(epoch - 4, epoch + 5), 0, len(validation) - 1)
        return validation[inside].mean()

    means = [around(epoch) for epoch in range(len(validation))]
    bar = max(means) - math.sqrt(max(0.0, max(means) * (1 - max(means))) / examples)
    chosen = choose_epoch(validation, examples)
    assert means[chosen - 1] >= bar - 1e-8
    assert all(mean < bar + 1e-8 for mean in means[chosen:])
