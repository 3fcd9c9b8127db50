"""The axes that latents are turned to: by hand, over nodes, and where there is nothing to see."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from models.unified import LatentSums, axes_of, sums_of


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def latents(windows=40, steps=4, numbers=6, seed=0):
    mix = torch.randn(numbers, numbers, generator=seeded(seed + 1))
    return torch.randn(windows, steps, numbers, generator=seeded(seed)) @ mix + 3.0


def everywhere(rows):
    return torch.ones(len(rows), dtype=torch.bool)


def whole(rows):
    return sums_of(rows, everywhere(rows))


def test_the_sums_of_a_hand_worked_array():
    rows = torch.tensor([[[1.0, 2.0]], [[3.0, -1.0]], [[9.0, 9.0]]])
    found = sums_of(rows, torch.tensor([True, True, False]))
    assert found.count == 2 and found.total.tolist() == [4.0, 1.0] and found.products.tolist() == [10.0, -1.0, 5.0]
    assert found.spread().tolist() == [[2.0, -3.0], [-3.0, 4.5]]


def test_two_numbers_that_say_the_same_become_one():
    """The second is the first times −5: one axis along their difference, none across it."""
    first = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])
    axes = axes_of([whole(torch.stack([first, -5 * first], dim=1)[:, None])], 2)[0]
    turned = axes(torch.tensor([[2.0, -10.0], [0.0, 0.0]]))
    assert turned[0, 0].abs() == pytest.approx(2.0, rel=1e-4)  # √2 spreads from the mean, times √2 for the empty column
    assert turned[1].tolist() == [0, 0] and turned[:, 1].abs().max() < 1e-5


def test_what_comes_out_is_uncorrelated_strongest_first_and_whitened_by_halves():
    rows = latents()
    turned = axes_of([whole(rows)], 6)[0](rows).flatten(0, 1)
    covariance = turned.T @ turned / len(turned)
    torch.testing.assert_close(covariance - covariance.diag().diag(), torch.zeros(6, 6), atol=1e-4, rtol=0)
    assert (covariance.diag().diff() <= 1e-5).all() and covariance.diag().mean() == pytest.approx(1.0, abs=1e-4)
    correlations = torch.linalg.eigvalsh(torch.corrcoef(rows.flatten(0, 1).T)).flip(0)
    expected = correlations.sqrt() / correlations.sqrt().mean()
    torch.testing.assert_close(covariance.diag(), expected, atol=2e-3, rtol=2e-3)


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(0, 40), seed=st.integers(0, 50))
def test_sums_of_nodes_give_the_axes_of_all_their_windows_together(cut, seed):
    rows = latents(seed=seed)
    parts = whole(rows[:cut]) + whole(rows[cut:])
    together, apart = axes_of([whole(rows)], 3)[0], axes_of([parts], 3)[0]
    torch.testing.assert_close(apart.turn, together.turn, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(apart.mean, together.mean)


def test_each_data_set_keeps_its_own_mean_and_all_share_one_turn():
    here, there = latents(), latents(seed=5) + 100.0
    one, other = axes_of([whole(here), whole(there)], 4)
    assert torch.equal(one.turn, other.turn)
    for axes, rows in ((one, here), (other, there)):
        assert axes(rows).mean(dim=(0, 1)).abs().max() < 1e-3


def test_where_nothing_was_recorded_or_nothing_moves_all_is_zero():
    nothing = LatentSums(0.0, torch.zeros(3, dtype=torch.float64), torch.zeros(6, dtype=torch.float64))
    assert not axes_of([nothing], 2)[0](torch.randn(5, 3)).any()
    still = torch.full((4, 2, 3), 7.0)
    assert not axes_of([whole(still)], 2)[0](still).any()
