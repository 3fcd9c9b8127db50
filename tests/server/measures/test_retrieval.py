"""Retrieval by hand, beside a slow twin that goes through every order of what is tied, and on degenerate input."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import server.measures.retrieval
from server.measures.retrieval import Retrieval, expected, same_class, same_recording


def unit(*degrees):
    """Rows (n, 2) at these angles."""
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def numbered(label):
    return np.array(label), np.arange(len(label))


def by_class(queries, gallery, label, gallery_label=None):
    return same_class(queries, *numbered(label), gallery, *numbered(label if gallery_label is None else gallery_label))


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_same_recording_by_hand():
    """Queries at 0, 10, 90°; answers at 0, 60, 91°. Their own rank: 1; 2, behind the one at 0°; 1."""
    found = same_recording(unit(0, 10, 90), unit(0, 60, 91))
    assert found == Retrieval(pytest.approx(2 / 3), 1.0, pytest.approx((1 + 1 / 2 + 1) / 3), pytest.approx(1 / 3), 3, 3)


def test_same_class_by_hand():
    """Classes x, x, y, y at 0, 20, 45, 100° in both sensors; a sample's own other sensor is passed over.

    Query 0 ranks 20 (right), 45, 100: AP 1. Query 20 ranks 0 (right) before 45: AP 1. Query 45 ranks 20, 0, 100 (right):
    AP 1/3. Query 100 ranks 45 (right) first: AP 1.
    """
    rows = unit(0, 20, 45, 100)
    found = by_class(rows, rows, [0, 0, 1, 1])
    assert (found.recall_at_1, found.recall_at_5) == (0.75, 1.0)
    assert found.mean_average_precision == pytest.approx((1 + 1 + 1 / 3 + 1) / 4)
    assert (found.chance_at_1, found.queries, found.gallery) == (pytest.approx(1 / 3), 4, 4)


def test_a_query_without_a_class_or_alone_in_it_does_not_ask_and_who_has_no_label_answers_nothing():
    rows = unit(0, 20, 45, 100, 7, 8)
    label = [0, 0, 1, 1, 2, -1]
    assert by_class(rows, rows, label).queries == 4 and by_class(rows, rows, label).gallery == 5


# --- ties -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 4, 5, 6, 40])
def test_a_gallery_that_is_all_alike_gives_chance(n):
    found = same_recording(unit(*range(n)), unit(*[33] * n))
    assert found.recall_at_1 == pytest.approx(1 / n) == pytest.approx(found.chance_at_1)
    assert found.recall_at_5 == pytest.approx(min(5 / n, 1))
    assert found.mean_average_precision == pytest.approx(np.mean(1 / np.arange(1, n + 1)))
    of_class = by_class(unit(*range(n)), unit(*[33] * n), [0] * (n - 1) + [1] if n > 2 else [0, 1])
    assert of_class is None if n == 2 else of_class.recall_at_1 == pytest.approx(of_class.chance_at_1)


def test_what_differs_by_rounding_alone_is_tied():
    """Embeddings that have collapsed differ by what float32 rounds off; sorted by that, they could look perfect."""
    rows = np.full((6, 6), 6**-0.5, np.float32) + np.float32(1e-7) * np.eye(6, dtype=np.float32)
    assert same_recording(rows, rows).recall_at_1 == pytest.approx(1 / 6)


def slowly(cosine, right):
    """The mean over every order of the gallery that its cosines allow."""
    runs = [[at for at in range(len(cosine)) if cosine[at] == value] for value in sorted(set(cosine), reverse=True)]
    orders = [sum(parts, ()) for parts in product(*(tuple(permutations(run)) for run in runs))]
    found = []
    for order in orders:
        ranks = [place for place, at in enumerate(order, start=1) if right[at]]
        precision = [hits / rank for hits, rank in enumerate(ranks, start=1)]
        found.append((ranks[0] <= 1, ranks[0] <= 5, np.mean(precision)))
    return np.mean(np.array(found, dtype=float), axis=0)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 6), st.integers(1, 3))
def test_the_expectation_is_the_mean_over_all_orders_of_what_is_tied(data, size, queries):
    cosine = np.array(data.draw(st.lists(st.lists(st.sampled_from([-np.inf, 0.0, 0.5]), min_size=size, max_size=size),
                                         min_size=queries, max_size=queries)))  # fmt: skip
    right = np.array(data.draw(st.lists(st.lists(st.booleans(), min_size=size, max_size=size),
                                        min_size=queries, max_size=queries)))  # fmt: skip
    right[:, data.draw(st.integers(0, size - 1))] = True
    fast = np.stack(expected(cosine, right), axis=1)
    assert np.allclose(fast, [slowly(c.tolist(), r.tolist()) for c, r in zip(cosine, right, strict=True)], atol=1e-12)


# --- the whole against loops ------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_it_equals_loops_and_blocks_of_any_size_and_another_order_change_nothing(seed, n):
    generator = np.random.default_rng(seed)
    one, other = (generator.normal(size=(n, 4)).astype(np.float32) for _ in range(2))
    label = generator.integers(-1, 3, n)
    loops = {"recording": [], "class": []}
    for i in range(n):
        order = np.argsort(-(other.astype(np.float64) @ one[i].astype(np.float64)), kind="stable").tolist()
        rank = order.index(i) + 1
        loops["recording"].append((rank <= 1, rank <= 5, 1 / rank))
        order = [j for j in order if j != i and label[j] >= 0]
        ranks = [place for place, j in enumerate(order, start=1) if label[j] == label[i]]
        if label[i] >= 0 and ranks:
            precision = np.mean([hits / rank for hits, rank in enumerate(ranks, start=1)])
            loops["class"].append((ranks[0] <= 1, ranks[0] <= 5, precision))
    shuffled = generator.permutation(n)
    for cells in (2_000_000, 5):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(server.measures.retrieval, "_CELLS", cells)
            for rows in (np.arange(n), shuffled):
                found = same_recording(one[rows], other[rows])
                assert np.allclose(told(found), np.mean(loops["recording"], axis=0))
                found = by_class(one[rows], other[rows], label[rows])
                if len(set(label.tolist()) - {-1}) < 2 or not loops["class"]:
                    assert found is None
                else:
                    assert np.allclose(told(found), np.mean(loops["class"], axis=0))
                    assert found.queries == len(loops["class"])


def told(found):
    return found.recall_at_1, found.recall_at_5, found.mean_average_precision


def test_of_many_queries_evenly_picked_ones_ask_the_whole_gallery(monkeypatch):
    monkeypatch.setattr(server.measures.retrieval, "MOST_QUERIES", 3)
    found = same_recording(unit(*range(0, 90, 10)), unit(*range(0, 90, 10)))
    assert (found.queries, found.gallery, found.recall_at_1) == (3, 9, 1.0)


# --- nothing to measure -----------------------------------------------------------------------------------------------


def test_where_nothing_can_be_missed_there_is_no_figure():
    nothing = np.zeros((0, 2), np.float32)
    assert same_recording(nothing, nothing) is None and same_recording(unit(0), unit(0)) is None
    assert by_class(nothing, nothing, np.zeros(0, int)) is None
    assert by_class(unit(0, 1, 2), unit(0, 1, 2), [1, 1, 1]) is None  # one class: every answer is right
    assert by_class(unit(0, 1, 2), unit(0, 1, 2), [-1, -1, -1]) is None
    assert by_class(unit(0, 1), unit(0, 1), [0, 1]) is None  # nobody has another of its class
    assert by_class(unit(0), unit(0, 1, 2), [5], [0, 0, 1]) is None  # a class that the gallery lacks
