"""Nobody who is left out has trained anything: heads, encoders, or what features are scaled by."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from client.data.normalise import moments_of_rows
from client.data.recording import Recording, Signal
from configs.errors import UserError
from simulation.fusion.bev import drawn
from simulation.fusion.features import Features
from simulation.fusion.folds import folds_of
from simulation.fusion.heads import View
from simulation.fusion.material import windows_of, with_noise
from tests.simulation.fusion.test_sequences import windows


@given(people=st.integers(2, 17), groups=st.integers(2, 17) | st.none(), most=st.integers(2, 40))
def test_neither_the_held_out_nor_their_group_are_ever_trained_on(people, groups, most):
    subjects = [f"S{n}" for n in range(people)]
    held = windows([4] * people)
    folds = folds_of(subjects, None, groups)
    assert [fold.held_out for fold in folds] == subjects
    for fold in folds:
        assert fold.held_out not in fold.training and len(fold.training) == people - 1
        same_group = {each.held_out for each in folds if each.group == fold.group}
        rows = drawn(held, fold.encoders, most, np.random.default_rng(0))
        assert not same_group & set(held.subject[rows]) and set(fold.encoders) == set(subjects) - same_group
        assert len(rows) <= most
    if groups is None:
        assert all(fold.encoders == fold.training for fold in folds)


def test_groups_are_those_of_all_people_however_few_are_left_out():
    subjects = ["S2", "S3", "S4", "S5"]
    (fold,) = folds_of(subjects, ["S4"], 2)
    assert fold.encoders == ("S2", "S3") and fold.training == ("S2", "S3", "S5")


@pytest.mark.parametrize(
    ("subjects", "held", "groups"), [(["S2"], None, None), (["S2", "S3"], None, 1), (["S2", "S3"], ["S9"], 2)]
)
def test_nobody_left_to_train_on_is_refused(subjects, held, groups):
    with pytest.raises(UserError):
        folds_of(subjects, held, groups)


def test_windows_are_drawn_evenly_over_the_classes():
    held = dataclasses.replace(windows([2, 30, 30]), subject=np.full(62, "S2"))
    rows = drawn(held, ["S2"], 12, np.random.default_rng(0))
    assert [int((held.label[rows] == label).sum()) for label in range(3)] == [2, 5, 5]  # a small class leaves room


def recording(subject, level, strength):
    values = level + strength * np.random.default_rng(1).standard_normal((64 * 8, 1))
    return Recording(subject, 0, {"wrist_bvp": Signal(values.astype(np.float32), 64.0)})


def test_a_persons_signals_are_normalised_by_that_persons_own_moments():
    from client.data.cards import ModalityCard

    card = ModalityCard("physiological", 1, 64.0, "1")
    alone = windows_of([recording("S2", 5.0, 3.0)], "wrist_bvp", card, 32.0)
    beside = windows_of([recording("S2", 5.0, 3.0), recording("S3", -900.0, 70.0)], "wrist_bvp", card, 32.0)
    assert torch.equal(alone.records[0], beside.records[0])
    assert torch.allclose(beside.records[0], beside.records[1], atol=1e-3)  # level and strength of a person are gone


def test_features_are_scaled_by_the_training_people_alone():
    values = torch.cat(
        [torch.full((2, 1, 1, 2, 2), 1.0), torch.full((2, 1, 1, 2, 2), 3.0), torch.full((2, 1, 1, 2, 2), 1e4)]
    )
    who = np.array(["S2", "S2", "S3", "S3", "S4", "S4"])
    sums = {("pulse", name): moments_of_rows(values[who == name].numpy().reshape(-1, 1)) for name in np.unique(who)}
    features = Features(
        {"pulse": values.half()}, {"pulse": torch.ones(6, 1, dtype=torch.bool)}, torch.zeros(6).long(), who, sums
    )
    view = View.of(features, ["pulse"], ["S2", "S3"])
    mean, spread = view.scales["pulse"]
    assert float(mean) == 2.0 and float(spread) == 1.0


def test_noise_is_the_same_each_time_and_as_long_as_the_recording():
    once, again = (with_noise([recording("S2", 0.0, 1.0)], 32.0)[0].signals["useless"] for _ in range(2))
    assert np.array_equal(once.values, again.values) and once.values.shape == (32 * 8, 1)
