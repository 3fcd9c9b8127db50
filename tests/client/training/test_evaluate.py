"""Counts and the ranking number by hand, and against the library, class by class."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from client.training.evaluate import confusion, macro_auc


def test_counts_are_true_by_predicted():
    probability = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1]], np.float32)
    assert confusion(np.array([0, 1, 1, 2]), probability).tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]


def test_the_ranking_number_is_the_mean_over_classes_that_occur():
    probability = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.8, 0.1, 0.1]], np.float32)
    label = np.array([0, 0, 1, 1])
    # class 0: of four pairs (0.7, 0.6) x (0.3, 0.8) two are in order; class 1: (0.6, 0.1) x (0.2, 0.3): two
    assert macro_auc(label, probability) == pytest.approx(0.5)
    assert macro_auc(label, probability) == pytest.approx(
        np.mean([roc_auc_score(label == value, probability[:, value]) for value in (0, 1)])
    )
    assert macro_auc(np.zeros(4, dtype=int), probability) is None
