"""Embeddings matched as they arrive: whatever the order and the parts, the pairs of matching everything at once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from server.binding.match import nearest
from server.binding.pairing import nearest_pairs
from server.binding.streamed import Arriving, Best, merged


def test_the_best_of_two_parts_by_hand():
    first = Best(np.array([[4, 2], [1, 3]]), np.array([[0.9, 0.5], [0.2, 0.1]], np.float32))
    second = Best(np.array([[7, 0], [8, 9]]), np.array([[0.9, 0.6], [0.3, 0.05]], np.float32))
    both = merged(first, second, 3)
    assert both.partner.tolist() == [[4, 7, 0], [8, 1, 3]]  # of equals the smaller id
    assert np.allclose(both.cosine, [[0.9, 0.9, 0.6], [0.3, 0.2, 0.1]])


@given(st.integers(0, 2**32 - 1), st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), max_size=9),
       st.integers(1, 4), st.integers(1, 12))  # fmt: skip
@settings(deadline=None)
def test_whatever_arrives_in_whatever_order_the_pairs_are_those_of_the_whole(seed, parts, partners, block):
    """Small whole numbers: products are exact and ties are many, so the pairs must be equal and in one order."""
    generator = np.random.default_rng(seed)
    free, arriving, of = generator.permutation(200), Arriving(partners, block=block), {"a": [], "b": [], "c": []}
    for group, count in parts:
        ids, free = free[:count], free[count:]
        rows = generator.integers(-2, 3, (count, 3)).astype(np.float32)
        arriving.arrive(group, ids, rows)
        of[group] += list(zip(ids.tolist(), rows, strict=True))
    whole = {g: np.array([row for _, row in sorted(each, key=lambda e: e[0])]).reshape(-1, 3) for g, each in of.items()}
    for own in "abc":
        for theirs in "abc":
            if own == theirs:
                continue
            found = arriving.found(own, theirs)
            if not len(whole[own]) or not len(whole[theirs]):
                assert not len(found)
                continue
            wanted = nearest_pairs(whole[own], whole[theirs], partners)
            for name in ("row", "column", "cosine"):
                assert getattr(found, name).tolist() == getattr(wanted, name).tolist()


def test_no_more_than_a_block_is_looked_at_at_once_and_every_two_rows_meet_once():
    seen = []

    def find(queries, candidates, partners):
        seen.append((len(queries), len(candidates)))
        return nearest(queries, candidates, partners)

    generator, arriving = np.random.default_rng(0), Arriving(1, find, block=10)
    rows = generator.normal(size=(80, 4)).astype(np.float32)
    for start in range(0, 40, 5):
        arriving.arrive("a", np.arange(start, start + 5), rows[start : start + 5])
        arriving.arrive("b", np.arange(start, start + 5), rows[40 + start : 45 + start])
    found = arriving.found("a", "b")
    assert max(max(each) for each in seen) == 10
    assert sum(n * m for n, m in seen) == 2 * 40 * 40
    assert (found.column == (rows[:40] @ rows[40:].T).argmax(axis=1)).all()
