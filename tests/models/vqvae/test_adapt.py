"""A codebook that follows many nodes' latents by sums alone: the pooled update exactly, and dead codes that live again."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.vqvae.adapt import adapted, books_of, halves, spreads_of
from models.vqvae.quantisers import CodeStatistics, EmaQuantiser, FsqQuantiser, ResidualQuantiser
from models.vqvae.quantisers.codebook import updated


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def nodes(count, latent=4, seed=1):
    """Nodes of unequal size whose latents lie in different places."""
    generator = seeded(seed)
    return [3.0 * k + torch.randn(20 + 37 * k, latent, generator=generator) for k in range(count)]


@pytest.mark.parametrize("make", [lambda: EmaQuantiser(4, 16), lambda: ResidualQuantiser(4, 8, 2)], ids=["one", "two"])
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_adding_up_the_nodes_sums_is_the_pooled_update_to_the_last_bit(make, decay):
    torch.manual_seed(0)
    quantiser, parts = make(), nodes(15)
    pooled = quantiser.statistics(torch.cat(parts))
    found = [spreads_of(quantiser, part) for part in parts]
    for stage, book in enumerate(books_of(quantiser)):
        total = sum((each[stage] for each in found[1:]), start=found[0][stage])
        assert torch.equal(total.statistics.counts, pooled[stage].counts)
        assert (total.statistics.sums - pooled[stage].sums).abs().max() < 1e-9
        ours = updated(book.codebook, total.statistics, decay).vectors
        assert torch.equal(ours, updated(book.codebook, pooled[stage], decay).vectors)


def test_averaging_codebooks_would_be_another_update():
    torch.manual_seed(0)
    quantiser, parts = EmaQuantiser(4, 16), nodes(5)
    each = [updated(quantiser.codebook, quantiser.statistics(part)[0], 0.5).vectors for part in parts]
    pooled = updated(quantiser.codebook, quantiser.statistics(torch.cat(parts))[0], 0.5).vectors
    assert (torch.stack(each).mean(dim=0) - pooled).abs().max() > 0.1


def test_a_round_with_decay_0_is_one_of_lloyd_s():
    quantiser = EmaQuantiser(1, 2)
    quantiser.vectors[:] = torch.tensor([[0.0], [10.0]])
    (spread,) = spreads_of(quantiser, torch.tensor([[1.0], [2.0], [9.0], [12.0], [15.0]]))
    moved, lost = adapted(quantiser.codebook, spread, 0.0, seeded())
    assert moved.vectors.tolist() == [[1.5], [12.0]] and lost == 0


def test_a_dead_code_lives_again_one_spread_beside_the_code_that_errs_most():
    quantiser = EmaQuantiser(1, 3)
    quantiser.vectors[:] = torch.tensor([[0.0], [10.0], [500.0]])
    vectors = torch.tensor([[0.0]] * 50 + [[6.0], [14.0]] * 20)  # the second code errs by 4 on each of 40
    moved, lost = adapted(quantiser.codebook, spreads_of(quantiser, vectors)[0], 0.0, seeded())
    assert lost == 1 and moved.vectors[2].item() in (6.0, 14.0)
    assert moved.vectors[:2].tolist() == [[0.0], [10.0]]


def test_where_nothing_errs_nothing_is_revived():
    statistics = CodeStatistics(torch.tensor([4.0, 0.0]).double(), torch.tensor([[8.0], [0.0]]).double())
    assert len(halves(statistics, torch.tensor([[16.0], [0.0]]).double(), 0.5, seeded())) == 0


def test_more_rounds_bring_codes_nearer_to_what_all_nodes_hold():
    torch.manual_seed(0)
    quantiser, parts = EmaQuantiser(4, 16), nodes(5)
    pooled, losses = torch.cat(parts), []
    for round in range(8):
        losses.append(float(quantiser(pooled).loss))
        total = sum((spreads_of(quantiser, part)[0] for part in parts[1:]), start=spreads_of(quantiser, parts[0])[0])
        quantiser.hold(adapted(quantiser.codebook, total, 0.0 if round == 0 else 0.3, seeded(round))[0])
    assert float(quantiser(pooled).loss) < 0.2 * losses[0]
    assert len(quantiser(pooled).codes.unique()) == 16


@given(std=st.floats(0.1, 50.0), seed=st.integers(0, 99))
def test_noise_never_makes_a_codebook_that_is_none(std, seed):
    quantiser = EmaQuantiser(3, 8)
    (spread,) = spreads_of(quantiser, nodes(2, 3)[1])
    noisy = spread.noised(std, seeded(seed))
    assert not torch.equal(noisy.statistics.counts, spread.statistics.counts)
    moved, _ = adapted(quantiser.codebook, noisy, 0.5, seeded(seed))
    assert torch.isfinite(moved.vectors).all() and (moved.counts >= 0).all()
    assert spread.noised(0.0, seeded()) is spread


def test_without_a_codebook_there_is_nothing_to_adapt():
    assert books_of(FsqQuantiser()) == [] and spreads_of(FsqQuantiser(), torch.zeros(2, 3)) == ()
