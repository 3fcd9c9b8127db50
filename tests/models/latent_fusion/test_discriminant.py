"""The linear discriminant: by hand, against scikit-learn's, and from sums of nodes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from models.latent_fusion.discriminant import FLOOR, ClassSums, averages, discriminant_of, temperature_of


def drawn(samples=40, numbers=5, classes=3, seed=0):
    generator = np.random.default_rng(seed)
    label = np.arange(samples) % classes
    values = generator.normal(size=(samples, numbers)) * np.arange(1, numbers + 1)
    return values + label[:, None] * generator.normal(size=numbers), label


def test_by_hand():
    """Two classes on a line at 0 and 4, each one to either side: the spread is one, the border at 2."""
    values, label = np.array([[-1.0], [1.0], [3.0], [5.0]]), np.array([0, 0, 1, 1])
    judge = discriminant_of(ClassSums.of(values, label, 2))
    odds = judge(np.array([[2.0], [3.0]]))
    # variance within 1; divided by a spread of √(1 + FLOOR²), half of shrinkage changes nothing of a single number
    assert odds[0, 0] == pytest.approx(odds[0, 1])
    assert odds[1, 1] - odds[1, 0] == pytest.approx(4.0 * (3.0 - 2.0))


def test_without_shrinkage_and_floor_it_is_that_of_scikit_learn(monkeypatch):
    monkeypatch.setattr("models.latent_fusion.discriminant.FLOOR", 0.0)
    values, label = drawn(samples=42)  # as many of each: scikit-learn weighs covariances by the priors
    ours = discriminant_of(ClassSums.of(values, label, 3), shrinkage=0.0)(values)
    oracle = LinearDiscriminantAnalysis(solver="lsqr", priors=[1 / 3] * 3).fit(values, label).decision_function(values)
    assert np.allclose(ours - ours[:, :1], oracle - oracle[:, :1])


def test_nodes_sums_give_what_all_samples_in_one_place_do():
    values, label = drawn()
    whole = discriminant_of(ClassSums.of(values, label, 3))(values)
    nodes = [ClassSums.of(values[rows], label[rows], 3) for rows in np.array_split(np.arange(40), [1, 9, 30])]
    assert nodes[0].size == 3 + 3 * 5 + 15
    added = discriminant_of(nodes[0] + nodes[1] + nodes[2] + nodes[3])(values)
    assert np.allclose(whole, added, rtol=1e-9)


def test_some_columns_are_the_discriminant_of_those_columns():
    values, label = drawn()
    of = np.array([3, 1])
    part = discriminant_of(ClassSums.of(values, label, 3).of_columns(of))(values[:, of])
    assert np.allclose(part, discriminant_of(ClassSums.of(values[:, of], label, 3))(values[:, of]))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
def test_units_do_not_matter(seed, scale, shift):
    """A number in another unit, with its floor in that unit, is the same number; so where all are scaled alike."""
    values, label = drawn(seed=seed)
    there = discriminant_of(ClassSums.of(values * scale + shift, label, 3))(values * scale + shift)
    here = discriminant_of(ClassSums.of(values, label, 3))(values)
    assert np.allclose(there - there[:, :1], here - here[:, :1], atol=1e-4 * (1 + np.abs(here).max()))


def test_a_class_of_no_sample_is_never_named_and_a_still_number_is_no_harm():
    values, label = drawn(classes=2)
    values[:, 0] = 7.0
    odds = discriminant_of(ClassSums.of(values, label, 4))(values)
    assert np.isfinite(odds[:, :2]).all() and (odds[:, 2:] == -np.inf).all()
    still = discriminant_of(ClassSums.of(np.ones((4, 2)), np.array([0, 1, 0, 1]), 2))(np.ones((1, 2)))
    assert np.allclose(still[0, 0], still[0, 1])
    one = discriminant_of(ClassSums.of(values[:1], label[:1], 2))(values)
    assert (one.argmax(axis=1) == label[0]).all()


def test_the_temperature_is_that_of_the_least_loss_by_the_others_sums():
    values, label = drawn(samples=60, numbers=12, classes=2)
    values[:, 0] += 1.5 * label
    parts = np.array_split(np.arange(60), 5)
    nodes = [ClassSums.of(values[rows], label[rows], 2) for rows in parts]
    found = temperature_of(nodes, [values[rows] for rows in parts], [label[rows] for rows in parts])
    assert 1.0 < found < 100.0  # few samples of many numbers are too sure

    def loss(temperature):
        told = 0.0
        for rows in parts:
            others = np.setdiff1d(np.arange(60), rows)
            odds = discriminant_of(ClassSums.of(values[others], label[others], 2))(values[rows]) / temperature
            told -= np.log(np.exp(odds - odds.max(axis=1, keepdims=True)))[np.arange(len(rows)), label[rows]].sum()
            told += np.log(np.exp(odds - odds.max(axis=1, keepdims=True)).sum(axis=1)).sum()
        return told

    assert loss(found) < min(loss(found * 1.01), loss(found / 1.01), loss(1.0))


def test_where_nothing_can_be_judged_by_others_the_temperature_is_one():
    values, label = drawn(classes=2)
    whole = ClassSums.of(values, label, 2)
    assert temperature_of([whole], [values], [label]) == 1.0
    by_class = [
        ClassSums.of(values[label == one], label[label == one], 2) for one in (0, 1)
    ]  # others know another class
    assert (
        temperature_of(by_class, [values[label == one] for one in (0, 1)], [label[label == one] for one in (0, 1)])
        == 1.0
    )
    none = ClassSums.of(values[:0], label[:0], 2)
    assert temperature_of([whole, none], [values, values[:0]], [label, label[:0]]) == 1.0


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="finite"):
        ClassSums.of(np.array([[np.nan]]), np.array([0]), 2)
    with pytest.raises(ValueError, match="needs samples"):
        discriminant_of(ClassSums.of(np.zeros((0, 3)), np.zeros(0, int), 2))


def test_averages_by_hand():
    latents = torch.zeros(2, 3, 2, 4, 2)  # samples, windows, numbers, rows, columns
    latents[0, 0, 0, :, 0] = torch.tensor([1.0, 3.0, 5.0, 7.0]) * 2  # half of the columns
    latents[0, 1] = torch.nan  # absent
    latents[0, 2, 1] = 4.0
    present = torch.tensor([[True, False, True], [False, False, False]])
    four = averages(latents, present, 8)
    assert four.shape == (2, 8) and four.dtype == np.float64
    assert np.allclose(four[0], [0.5, 1.5, 2.5, 3.5, 2, 2, 2, 2]) and not four[1].any()
    assert np.allclose(averages(latents, present, 4)[0], [1.0, 3.0, 2, 2])  # two bands
    assert np.allclose(averages(latents, present, 1)[0], [2.0, 2.0])  # one at the least
    assert averages(latents[:0], present[:0], 8).shape == (0, 8)


def test_half_precision_is_averaged_in_single():
    latents = torch.full((1, 64, 1, 16, 16), 1000.5, dtype=torch.float16)
    assert averages(latents, torch.ones(1, 64, dtype=torch.bool))[0] == pytest.approx(
        float(latents[0, 0, 0, 0, 0]), rel=1e-6
    )


def test_the_floor_keeps_a_number_that_hardly_varies_from_deciding_alone():
    values, label = drawn(numbers=2, classes=2)
    values[:, 0] = 1e-6 * label  # tells the classes apart, by next to nothing
    judge = discriminant_of(ClassSums.of(values, label, 2))
    assert FLOOR > 0 and abs(judge.weight[1, 0] - judge.weight[0, 0]) * 1e-6 < 0.1
