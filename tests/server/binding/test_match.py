"""Nearest neighbours: by hand, and in blocks equal to one pair at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.binding.match import nearest, nearest_plainly


def unit_rows(generator, count, width):
    rows = generator.normal(size=(count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_nearest_by_hand():
    queries = np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]], np.float32)
    candidates = np.array([[0, 1], [1, 0], [0, -1]], np.float32)
    index, cosine = nearest(queries, candidates)
    assert index.tolist() == [[1], [0], [0], [0]]
    assert np.allclose(cosine, [[1], [1], [0], [0.8]])
    index, cosine = nearest(queries, candidates, 2)
    assert index.tolist() == [[1, 0], [0, 1], [0, 2], [0, 1]]  # best first
    assert np.allclose(cosine, [[1, 0], [1, 0], [0, 0], [0.8, 0.6]])
    assert index.dtype == np.int64 and cosine.dtype == np.float32


def test_ties_go_to_the_first_candidate_in_both_twins():
    queries = np.array([[1, 0]], np.float32)
    candidates = np.array([[0, 1], [1, 0], [1, 0], [0, -1]], np.float32)
    for way in (nearest, nearest_plainly):
        assert way(queries, candidates)[0].tolist() == [[1]]
        assert way(queries, candidates, 4)[0].tolist() == [[1, 2, 0, 3]]
        assert way(queries, np.zeros((3, 2), np.float32), 2)[0].tolist() == [[0, 1]]


def test_there_are_never_more_partners_than_candidates():
    for way in (nearest, nearest_plainly):
        assert way(np.ones((3, 2), np.float32), np.ones((2, 2), np.float32), 5)[0].shape == (3, 2)
    with pytest.raises(ValueError, match="0 partners"):
        nearest(np.ones((3, 2), np.float32), np.ones((2, 2), np.float32), 0)


@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 4),
       st.integers(1, 4))  # fmt: skip
def test_blocks_equal_one_pair_at_a_time(seed, queries, candidates, width, block_rows, partners):
    """Small whole numbers, so that products are exact and ties are many: indices must be equal, not only cosines."""
    generator = np.random.default_rng(seed)
    one = generator.integers(-2, 3, (queries, width)).astype(np.float32)
    other = generator.integers(-2, 3, (candidates, width)).astype(np.float32)
    index, cosine = nearest(one, other, partners, block_rows)
    plain_index, plain_cosine = nearest_plainly(one, other, partners)
    assert index.tolist() == plain_index.tolist()
    assert cosine.tolist() == plain_cosine.tolist()


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30))
def test_on_unit_rows_the_cosines_agree_and_the_index_has_that_cosine(seed, queries, candidates):
    generator = np.random.default_rng(seed)
    one, other = unit_rows(generator, queries, 16), unit_rows(generator, candidates, 16)
    index, cosine = nearest(one, other, 3, block_rows=7)
    assert np.allclose(cosine, nearest_plainly(one, other, 3)[1], atol=1e-6)
    assert np.allclose((one[:, None] * other[index]).sum(axis=2), cosine, atol=1e-6)
    assert (np.diff(cosine, axis=1) <= 0).all()


@pytest.mark.parametrize(
    "candidates", [np.zeros((0, 2), np.float32), np.zeros((3, 3), np.float32), np.zeros(2, np.float32)]
)
def test_what_cannot_be_matched_is_refused(candidates):
    with pytest.raises(ValueError, match="cannot match"):
        nearest(np.zeros((1, 2), np.float32), candidates)


def test_no_query_has_no_neighbour():
    index, cosine = nearest(np.zeros((0, 2), np.float32), np.ones((1, 2), np.float32))
    assert index.shape == (0, 1) == cosine.shape
