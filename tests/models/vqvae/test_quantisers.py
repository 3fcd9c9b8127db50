"""Fixed levels, codebooks in turn, and how many codes are in use."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.vqvae.quantisers import EmaQuantiser, FsqQuantiser, ResidualQuantiser, code_counts, perplexity


def drawn(*shape, seed=0, strength=1.0):
    return strength * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --- finite scalar quantisation ---------------------------------------------------------------------------------------


def published(vectors, levels):
    """The appendix of Mentzer et al. 2023, in numpy and double precision: (vectors quantised, indices)."""
    levels = np.asarray(levels)
    half = (levels - 1) * (1 - 1e-3) / 2
    offset = np.where(levels % 2 == 1, 0.0, 0.5)
    bounded = np.tanh(vectors + np.tan(offset / half)) * half - offset
    width = levels // 2
    rounded = np.round(bounded)
    basis = np.concatenate([[1], np.cumprod(levels[:-1])])
    return rounded / width, ((rounded + width) * basis).sum(axis=-1).astype(int), bounded


@pytest.mark.parametrize("levels", [(8, 8, 8), (5, 3), (2,), (8, 5, 5, 5)])
@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0])
def test_fixed_levels_are_the_published_ones(levels, strength):
    vectors = drawn(200, len(levels), strength=strength)
    wanted, indices, bounded = published(vectors.double().numpy(), levels)
    clear = (np.abs(bounded - np.floor(bounded) - 0.5) > 1e-4).all(axis=1)  # of halves either neighbour will do
    found = FsqQuantiser(levels)(vectors)
    np.testing.assert_allclose(found.vectors.numpy()[clear], wanted[clear], atol=1e-6)
    assert found.codes[:, 0].numpy()[clear].tolist() == indices[clear].tolist()


def test_levels_by_hand():
    """Of 8 levels the digits are 0 to 7; far below all is 0, at zero 4, far above all 7."""
    vectors = torch.tensor([[-9.0, -9.0, -9.0], [0.0, 0.0, 0.0], [9.0, 9.0, 9.0], [9.0, -9.0, 0.0]])
    found = FsqQuantiser()(vectors)
    assert found.codes[:, 0].tolist() == [0, 4 + 4 * 8 + 4 * 64, 511, 7 + 0 * 8 + 4 * 64]
    torch.testing.assert_close(found.vectors[[0, 1, 2]], torch.tensor([[-1.0], [0.0], [0.75]]).expand(3, 3))
    assert float(found.loss) == 0


@pytest.mark.parametrize("levels", [(8, 8, 8), (5, 3), (3, 4, 2)])
def test_every_code_has_a_vector_of_its_own_and_comes_back(levels):
    quantiser = FsqQuantiser(levels)
    codes = torch.arange(quantiser.size)[:, None]
    vectors = quantiser.vectors_of(codes)
    assert len({tuple(row) for row in vectors.tolist()}) == quantiser.size == math.prod(levels)
    edge = (quantiser.level % 2 == 0) * 0.5  # undo the bound to find latents that quantise to these vectors
    bounded = (vectors * quantiser.scale + edge) / quantiser.reach
    latents = torch.atanh(bounded.clamp(-0.9999, 0.9999)) - quantiser.shift
    found = quantiser(latents)
    assert torch.equal(found.codes, codes)
    torch.testing.assert_close(found.vectors, vectors)


def test_the_gradient_of_levels_is_that_of_the_bound():
    vectors = drawn(20, 3).requires_grad_()
    quantiser = FsqQuantiser()
    quantiser(vectors).vectors.sum().backward()
    through = vectors.detach().clone().requires_grad_()
    (torch.tanh(through + quantiser.shift) * quantiser.reach / quantiser.scale).sum().backward()
    torch.testing.assert_close(vectors.grad, through.grad)
    assert (vectors.grad > 0).all()


def test_levels_learn_nothing_and_hold_nothing_that_travels():
    quantiser = FsqQuantiser()
    assert not quantiser.learns and quantiser.statistics(drawn(5, 3)) == () and not quantiser.state_dict()
    with pytest.raises(ValueError, match="2 levels"):
        FsqQuantiser((8, 1))


# --- codebooks in turn ------------------------------------------------------------------------------------------------


def residual(latent=3, size=8, stages=3):
    torch.manual_seed(0)
    quantiser = ResidualQuantiser(latent, size, stages)
    quantiser.begin(drawn(300, latent), torch.Generator().manual_seed(1))
    return quantiser


def test_two_codebooks_by_hand():
    quantiser = ResidualQuantiser(1, size=2, stages=2)
    for book, codes in zip(quantiser.books(), ([[0.0], [10.0]], [[-1.0], [2.0]]), strict=True):
        book.vectors.copy_(torch.tensor(codes))
    found = quantiser(torch.tensor([[1.9], [9.2], [12.5]]))
    assert found.codes.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert found.vectors[:, 0].tolist() == pytest.approx([2.0, 9.0, 12.0])
    first, second = (1.9**2 + 0.8**2 + 2.5**2) / 3, (0.1**2 + 0.2**2 + 0.5**2) / 3
    assert float(found.loss) == pytest.approx((first + second) / 2)


def test_each_further_codebook_comes_closer():
    vectors = drawn(300, 3)
    quantiser = residual()
    left = [(vectors - quantiser.vectors_of(quantiser(vectors).codes)).square().mean()]
    for stages in (2, 1):
        fewer = residual(stages=stages)
        left.append((vectors - fewer.vectors_of(fewer(vectors).codes)).square().mean())
    assert left[0] < left[1] < left[2]


def test_one_codebook_in_turn_is_that_codebook():
    quantiser, vectors = residual(stages=1), drawn(50, 3, seed=4)
    (alone,) = quantiser.books()
    both = quantiser(vectors), alone(vectors)
    assert torch.equal(both[0].codes, both[1].codes) and torch.equal(both[0].loss, both[1].loss)
    torch.testing.assert_close(both[0].vectors, both[1].vectors)


def test_statistics_of_every_stage_and_updates_by_them():
    quantiser, vectors = residual(), drawn(200, 3, seed=5)
    told = quantiser.statistics(vectors)
    counts = code_counts(quantiser(vectors).codes, 8)
    assert len(told) == 3 and torch.equal(torch.stack([each.counts for each in told]).long(), counts)
    halves = [quantiser.statistics(part) for part in vectors.split(70)]
    for stage, whole in enumerate(told):
        total = halves[0][stage] + halves[1][stage] + halves[2][stage]
        torch.testing.assert_close(total.sums, whole.sums, atol=1e-5, rtol=0)
    before = (vectors - quantiser(vectors).vectors).square().mean()
    for _ in range(30):
        quantiser.update(quantiser.statistics(vectors), 0.8)
    assert (vectors - quantiser(vectors).vectors).square().mean() < before


def test_the_gradient_passes_through_all_stages_at_once():
    vectors = drawn(6, 3).requires_grad_()
    weight = drawn(6, 3, seed=8)
    (residual()(vectors).vectors * weight).sum().backward()
    torch.testing.assert_close(vectors.grad, weight)
    with pytest.raises(ValueError, match="at least one"):
        ResidualQuantiser(3, stages=0)


@given(st.sampled_from(["ema", "fsq", "residual"]), st.integers(1, 60), st.integers(0, 2**16))
def test_codes_give_back_exactly_the_vectors_they_stand_for(kind, n, seed):
    torch.manual_seed(seed)
    quantiser = {"ema": lambda: EmaQuantiser(3, 9), "fsq": FsqQuantiser, "residual": lambda: ResidualQuantiser(3, 9)}[
        kind
    ]()
    found = quantiser(drawn(n, 3, seed=seed))
    assert found.codes.shape == (n, quantiser.stages) and found.codes.dtype == torch.int64
    assert found.codes.min() >= 0 and found.codes.max() < quantiser.size
    torch.testing.assert_close(quantiser.vectors_of(found.codes), found.vectors, atol=1e-6, rtol=1e-5)


# --- perplexity -------------------------------------------------------------------------------------------------------


def test_perplexity_by_hand():
    assert perplexity(torch.tensor([5, 5, 5, 5, 0, 0])) == pytest.approx(4)
    assert perplexity(torch.tensor([7, 0])) == pytest.approx(1) and perplexity(torch.zeros(3)) == 0
    assert perplexity(torch.tensor([3, 1])) == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))
    assert code_counts(torch.tensor([[0, 2], [0, 1], [1, 2]]), 3).tolist() == [[2, 1, 0], [0, 1, 2]]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_perplexity_lies_between_one_and_the_codes_in_use(counts):
    used = sum(count > 0 for count in counts)
    found = perplexity(torch.tensor(counts))
    assert min(used, 1) - 1e-9 <= found <= used + 1e-9
