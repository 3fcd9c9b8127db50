"""The discriminant within a study: own means, what is absent, nodes, and beside the network."""

import numpy as np
import pytest
import torch

from models.latent_fusion.discriminant import ClassSums, discriminant_of, temperature_of
from simulation.fusion.discriminant import Averages
from simulation.fusion.job import logarithms, measures, together
from tests.simulation.fusion.test_heads import NAMES, features


def test_every_person_is_seen_about_their_own_mean():
    told = features()
    told.values["pulse"][torch.from_numpy(told.subject == "S1")] += 50.0  # one person's sensor reads high
    moved, plain = Averages.of(told, NAMES), Averages.of(features(), NAMES)
    assert np.allclose(moved.values["pulse"], plain.values["pulse"], atol=0.05)  # half precision at 50
    for who in ("S0", "S1", "S2"):
        assert np.allclose(moved.values["pulse"][told.subject == who].mean(axis=0), 0.0)


def judge_of(told, nodes=None):
    """By default, a node for each person."""
    rows = np.arange(len(told.label))
    nodes = [rows[told.subject == who] for who in ("S0", "S1", "S2")] if nodes is None else nodes
    return Averages.of(told, NAMES).judge(told.label, nodes, 2)


def test_it_tells_what_there_is_and_any_subset_has_its_own():
    told = features(samples=24)
    judge, rows, label = judge_of(told), np.arange(24), told.label.numpy()
    assert (judge.probabilities(rows, NAMES).argmax(axis=1) == label).all()
    alone = judge.probabilities(rows, ["heat"])
    values = judge.averages.values["heat"]
    sums = [ClassSums.of(values[held], label[held], 2) for held in judge.nodes]
    warmth = temperature_of(sums, [values[held] for held in judge.nodes], [label[held] for held in judge.nodes])
    odds = discriminant_of(ClassSums.of(values, label, 2))(values) / warmth
    assert np.allclose(np.log(alone[:, 1] / alone[:, 0]), odds[:, 1] - odds[:, 0])
    assert np.allclose(alone.sum(axis=1), 1.0)


def test_the_order_of_the_modalities_is_no_matter():
    judge, rows = judge_of(features(samples=24)), np.arange(24)
    assert np.allclose(judge.probabilities(rows, NAMES), judge.probabilities(rows, NAMES[::-1]))


def test_an_absent_modality_is_passed_over_and_neither_sums_nor_says_anything():
    told = features(samples=24)
    told.present["pulse"][[0, 1]] = False
    told.values["pulse"][[0, 1]] = torch.nan
    told.present["heat"][1] = False
    judge, rows = judge_of(told), np.arange(24)
    assert sum(each.count.sum() for each in judge.sums) == 22
    found = judge.probabilities(rows, NAMES)
    assert np.allclose(found[1], 0.5) and np.isfinite(found).all()
    assert np.allclose(found[0], judge.probabilities(rows[:1], ["heat"]))


def test_with_nobody_who_has_all_it_says_nothing():
    told = features()
    told.present["pulse"][:] = False
    assert np.allclose(judge_of(told).probabilities(np.arange(12), NAMES), 0.5)


def test_two_judges_are_one_by_their_geometric_mean():
    first, second = np.array([[0.8, 0.2]]), np.array([[0.2, 0.8]])
    assert np.allclose(together([first]), first) and np.allclose(together([first, second]), 0.5)
    assert np.allclose(together([first, np.array([[0.5, 0.5]])]), [[2 / 3, 1 / 3]])  # odds of 4 by 1: their root is 2
    assert np.isfinite(together([np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])])).all()


def test_sure_judgements_keep_their_order_in_the_auc():
    """Log-odds of 40 and 50 are both a probability of exactly one."""
    odds = np.array([50.0, 40.0, 45.0, -3.0])
    told = np.stack([1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))], axis=1)
    assert told[0, 1] == told[1, 1] == 1.0
    assert measures(np.array([1, 0, 1, 0]), told)["auc"] == pytest.approx(1.0)
    assert np.isfinite(logarithms(np.array([[1.0, 0.0]]))).all()
