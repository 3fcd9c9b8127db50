"""The codebook as a value: hand-worked updates, sums that add up over nodes, k-means, dead codes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from models.vqvae.quantisers import Codebook, CodeStatistics, EmaQuantiser
from models.vqvae.quantisers.codebook import dead, kmeans, nearest, revived, started, statistics_of, updated

TWO = torch.tensor([[0.0, 0.0], [10.0, 0.0]])


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_three_vectors_and_two_codes_by_hand():
    vectors = torch.tensor([[1.0, 1.0], [9.0, 1.0], [3.0, -1.0]])
    chosen = nearest(vectors, TWO)
    assert chosen.tolist() == [0, 1, 0]
    found = statistics_of(vectors, chosen, 2)
    assert found.counts.tolist() == [2, 1] and found.sums.tolist() == [[4, 0], [9, 1]]
    after = updated(started(TWO), found, decay=0.5)
    assert after.counts.tolist() == [1.5, 1.0] and after.sums.tolist() == [[2, 0], [9.5, 0.5]]
    torch.testing.assert_close(after.vectors, torch.tensor([[2 / 1.5, 0], [9.5, 0.5]]))
    assert TWO.tolist() == [[0, 0], [10, 0]]  # nothing is changed in place


def test_a_code_that_nothing_chooses_stays_where_it_is():
    book = started(TWO)
    for _ in range(400):
        book = updated(book, statistics_of(torch.tensor([[1.0, 1.0]]), torch.tensor([0]), 2), decay=0.9)
    torch.testing.assert_close(book.vectors[1], TWO[1])
    torch.testing.assert_close(book.vectors[0], torch.tensor([1.0, 1.0]), rtol=0.01, atol=0)


def test_repeated_updates_come_to_the_means():
    vectors = torch.cat([drawn(200, 2), drawn(100, 2, seed=1) + torch.tensor([10.0, 0.0])])
    book = started(TWO)
    for _ in range(400):
        book = updated(book, statistics_of(vectors, nearest(vectors, book.vectors), 2), decay=0.95)
    torch.testing.assert_close(
        book.vectors, torch.stack([vectors[:200].mean(0), vectors[200:].mean(0)]), atol=1e-3, rtol=0
    )


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.integers(0, 2**16))
def test_the_nodes_statistics_add_up_to_exactly_the_pooled_update(counts, seed):
    """Of whole numbers sums are exact in any order, so nothing is left to a tolerance."""
    parts = [(drawn(count, 3, seed=seed + number) * 8).round() for number, count in enumerate(counts)]
    book = started((drawn(5, 3, seed=seed + 99) * 8).round())
    each = [statistics_of(part, nearest(part, book.vectors), 5) for part in parts]
    total = each[0]
    for one in each[1:]:
        total = total + one
    pooled = torch.cat(parts)
    whole = statistics_of(pooled, nearest(pooled, book.vectors), 5)
    assert torch.equal(total.counts, whole.counts) and torch.equal(total.sums, whole.sums)
    assert torch.equal(updated(book, total, 0.9).vectors, updated(book, whole, 0.9).vectors)


def test_averaging_the_nodes_codebooks_is_another_thing():
    one, other = torch.full((30, 1), 1.0), torch.full((10, 1), 5.0)
    book = started(torch.zeros(1, 1))
    each = [statistics_of(part, torch.zeros(len(part), dtype=torch.int64), 1) for part in (one, other)]
    averaged = sum(updated(book, found, 0.5).vectors for found in each) / 2
    assert float(updated(book, each[0] + each[1], 0.5).vectors) == pytest.approx(80 / 41)
    assert abs(float(averaged) - 80 / 41) > 0.5


def test_statistics_of_other_sizes_do_not_add_up():
    small, large = (CodeStatistics(torch.zeros(n), torch.zeros(n, 2)) for n in (2, 3))
    with pytest.raises(ValueError, match="do not add up"):
        small + large


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5), st.integers(0, 2**16))
def test_nearest_is_the_least_of_all_distances(n, size, latent, seed):
    vectors, codes = drawn(n, latent, seed=seed), drawn(size, latent, seed=seed + 1)
    distance = (vectors[:, None] - codes[None]).square().sum(dim=2)
    chosen = distance.gather(1, nearest(vectors, codes)[:, None])[:, 0]
    torch.testing.assert_close(chosen, distance.min(dim=1).values, atol=1e-5, rtol=1e-5)


@settings(max_examples=20)
@given(st.integers(0, 2**16))
def test_kmeans_is_lloyd_s(seed):
    """From the same beginning, against scikit-learn; with so few codes none stays empty."""
    vectors = drawn(200, 3, seed=seed)
    first = vectors[torch.randperm(200, generator=generator(seed))[:4]]
    slow = KMeans(4, init=first.numpy(), n_init=1, max_iter=10, tol=0, algorithm="lloyd").fit(vectors.numpy())
    found = kmeans(vectors, 4, generator(seed), rounds=10)
    np.testing.assert_allclose(found.numpy(), slow.cluster_centers_, atol=1e-3)


def test_kmeans_with_fewer_vectors_than_codes_gives_codes_all_the_same():
    for vectors in (drawn(3, 2), torch.ones(1, 2), torch.ones(7, 2)):
        codes = kmeans(vectors, 8, generator())
        assert codes.shape == (8, 2) and torch.isfinite(codes).all()


def test_dead_codes_come_back_among_the_candidates_and_the_others_stay():
    book = Codebook(torch.eye(4), torch.tensor([50.0, 0.0, 50.0, 0.5]), torch.eye(4) * 50)
    assert dead(book).tolist() == [False, True, False, True]
    candidates = torch.tensor([[7.0, 7.0, 7.0, 7.0], [8.0, 8.0, 8.0, 8.0]])
    after = revived(book, candidates, generator())
    assert torch.equal(after.vectors[[0, 2]], book.vectors[[0, 2]])
    assert all(any(torch.equal(code, each) for each in candidates) for code in after.vectors[[1, 3]])
    assert after.counts[1] == after.counts[3] == book.counts.mean()
    torch.testing.assert_close(after.sums[1], after.vectors[1] * after.counts[1])
    assert not dead(after).any()
    alive = started(TWO)
    assert revived(alive, candidates[:, :2], generator()) is alive


def test_a_quantiser_changes_nothing_until_it_is_updated():
    torch.manual_seed(0)
    quantiser = EmaQuantiser(3, size=7)
    before = quantiser.vectors.clone()
    vectors = drawn(50, 3)
    found = quantiser.train()(vectors)
    told = quantiser.statistics(vectors)
    assert torch.equal(quantiser.vectors, before)
    assert torch.equal(told[0].counts.long(), torch.bincount(found.codes[:, 0], minlength=7))
    quantiser.update(told, 0.9)
    assert not torch.equal(quantiser.vectors, before)
    assert not list(quantiser.parameters())  # gradients do not move the codebook


def test_the_gradient_passes_straight_through_and_commitment_pulls_to_the_code():
    quantiser = EmaQuantiser(2, size=2)
    quantiser.hold(started(TWO))
    vectors = torch.tensor([[1.0, 2.0], [8.0, 0.0]], requires_grad=True)
    found = quantiser(vectors)
    assert found.vectors.tolist() == [[0, 0], [10, 0]] and found.codes.tolist() == [[0], [1]]
    (found.vectors * torch.tensor([[3.0, 5.0], [7.0, 11.0]])).sum().backward()
    assert vectors.grad.tolist() == [[3, 5], [7, 11]]
    vectors.grad = None
    quantiser(vectors).loss.backward()
    assert quantiser(vectors).loss.item() == pytest.approx((1 + 4 + 4 + 0) / 4)
    torch.testing.assert_close(vectors.grad, 2 * (vectors.detach() - TWO) / 4)


def test_it_starts_from_the_vectors_and_dead_codes_are_revived():
    quantiser = EmaQuantiser(2, size=2)
    vectors = torch.cat([drawn(40, 2), drawn(40, 2, seed=1) + 50])
    quantiser.begin(vectors, generator())
    assert sorted(torch.bincount(quantiser(vectors).codes[:, 0]).tolist()) == [40, 40]
    for _ in range(200):
        quantiser.update(quantiser.statistics(vectors[:40]), 0.9)
    assert quantiser.revive(vectors[:40], generator()) == 1 and quantiser.revive(vectors[:40], generator()) == 0
    assert quantiser.vectors.abs().max() < 10  # none is left where nothing is
