"""Screened matching equals the plain one whatever is screened in, wherever blocks, tiles and chunks end."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import server.binding.match as match
import server.binding.screened as screened
from server.binding.match import nearest, nearest_plainly
from server.binding.screened import nearest_screened
from tests.server.binding.test_match import unit_rows

TYPES = [torch.float32, torch.bfloat16]


@pytest.fixture(autouse=True, scope="module")
def small():
    """Blocks, tiles, chunks and groups so small that a few dozen rows cross every edge."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("ROWS", 5), ("TILE", 12), ("CHUNK", 4), ("GROUP", 2), ("AGAIN_BYTES", 64)):
            patch.setattr(screened, name, value)
        yield


def exact(queries, candidates, k):
    """By float64: the k greatest, the earlier first among equals."""
    product = queries.astype(np.float64) @ candidates.T.astype(np.float64)
    index = np.argsort(-product, axis=1, kind="stable")[:, :k]
    return index, np.take_along_axis(product, index, axis=1)


def without_giving_up(monkeypatch):
    monkeypatch.setattr(screened, "MOST_AGAIN", 1.0)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 90), st.integers(1, 4))
@settings(deadline=None)
def test_unit_rows_find_the_same_neighbours(dtype, seed, queries, candidates, partners):
    generator = np.random.default_rng(seed)
    one, other = unit_rows(generator, queries, 16), unit_rows(generator, candidates, 16)
    index, cosine = nearest_screened(one, other, partners, dtype)
    wanted, product = exact(one, other, partners)
    assert np.allclose(cosine, product, atol=1e-6)
    assert ((index == wanted) | np.isclose(cosine, product, atol=1e-6)).all()
    assert np.allclose((one[:, None] * other[index]).sum(axis=2), cosine, atol=1e-6)
    assert index.dtype == np.int64 and cosine.dtype == np.float32


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 60), st.integers(1, 3), st.integers(1, 4))
@settings(deadline=None)
def test_whole_numbers_with_many_ties_give_the_very_same_indices(dtype, seed, queries, candidates, width, partners):
    generator = np.random.default_rng(seed)
    one = generator.integers(-2, 3, (queries, width)).astype(np.float32)
    other = generator.integers(-2, 3, (candidates, width)).astype(np.float32)
    index, cosine = nearest_screened(one, other, partners, dtype)
    plain_index, plain_cosine = nearest_plainly(one, other, partners)
    assert index.tolist() == plain_index.tolist() and cosine.tolist() == plain_cosine.tolist()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("partners", [1, 3])
def test_what_the_coarse_type_cannot_tell_apart_is_told_apart(monkeypatch, dtype, partners):
    """Candidates that differ by less than bfloat16 resolves: the screen must let all of them through."""
    without_giving_up(monkeypatch)
    generator = np.random.default_rng(1)
    centre = unit_rows(generator, 1, 16)
    near = centre + 5e-3 * generator.normal(size=(60, 16)).astype(np.float32)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    others = unit_rows(generator, 200, 16)
    candidates = np.concatenate([others, near])[generator.permutation(260)]
    own = near[:7]
    index, cosine = nearest_screened(own, candidates, partners, dtype)
    wanted, product = exact(own, candidates, partners)
    assert np.allclose(cosine, product, atol=1e-6)
    assert (index[:, 0] == wanted[:, 0]).all()  # itself


def test_the_screen_holds_most_back_and_is_given_up_where_it_does_not(monkeypatch):
    asked = []
    real = screened._multiplied_out
    monkeypatch.setattr(
        screened, "_multiplied_out", lambda block, *rest: asked.append(len(block)) or real(block, *rest)
    )
    tried = []
    block = screened._screened_block
    monkeypatch.setattr(screened, "_screened_block", lambda own, *rest: tried.append(len(own)) or block(own, *rest))
    generator = np.random.default_rng(0)
    spread = unit_rows(generator, 400, 64)
    nearest_screened(spread[:20], spread, 1, torch.bfloat16)
    assert (tried, asked) == ([5] * 4, [])
    tried.clear()
    copies = np.repeat(spread[:1], 400, axis=0)
    index, _ = nearest_screened(np.repeat(spread[:1], 40, axis=0), copies, 2, torch.bfloat16)
    assert index.tolist() == [[0, 1]] * 40
    assert (tried, asked) == ([5] * screened.GIVE_UP_AFTER, [5] * 8)


def test_a_coarse_copy_is_kept_only_where_the_memory_allows_it(monkeypatch):
    generator = np.random.default_rng(0)
    one, other = unit_rows(generator, 11, 16), unit_rows(generator, 50, 16)
    seen, real = [], screened._chunk_maxima

    def noted(own, theirs, coarse, dtype):
        seen.append(coarse is None)
        return real(own, theirs, coarse, dtype)

    monkeypatch.setattr(screened, "_chunk_maxima", noted)
    kept = nearest_screened(one, other, 2, torch.bfloat16, memory_bytes=50 * 16 * 2)
    converted = nearest_screened(one, other, 2, torch.bfloat16, memory_bytes=50 * 16 * 2 - 1)
    assert set(seen[:3]) == {False} and set(seen[3:]) == {True}
    assert (kept[0] == converted[0]).all() and (kept[1] == converted[1]).all()


def test_many_products_take_the_screened_way_and_few_the_plain_one(monkeypatch):
    ways = []
    real = match.nearest_screened
    monkeypatch.setattr(match, "nearest_screened", lambda *a, **k: ways.append("screened") or real(*a, **k))
    monkeypatch.setattr(match, "SCREENED_FROM", 600)
    generator = np.random.default_rng(0)
    one, other = unit_rows(generator, 20, 16), unit_rows(generator, 30, 16)
    _, cosine = nearest(one, other, 2)
    assert ways == ["screened"]
    plain = nearest(one, other[:29], 2)
    assert ways == ["screened"] and plain[0].shape == (20, 2)
    assert np.allclose(cosine, nearest_plainly(one, other, 2)[1], atol=1e-6)


def test_the_type_is_one_of_the_two():
    assert screened.screen_type() in TYPES
