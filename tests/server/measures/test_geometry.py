"""Alignment and uniformity: by hand, beside loops over the paper's formulas, and on degenerate input."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import server.measures.geometry
from server.measures.geometry import alignment, uniformity
from tests.server.measures.test_retrieval import unit


def test_by_hand():
    assert alignment(unit(0, 90), unit(0, 90)) == 0.0
    assert alignment(unit(0, 0), unit(90, 180)) == pytest.approx((2 + 4) / 2)
    assert uniformity(unit(7, 7, 7)) == pytest.approx(0.0, abs=1e-6)
    assert uniformity(unit(0, 90)) == pytest.approx(-4.0)
    assert uniformity(unit(0, 180)) == pytest.approx(-8.0)
    assert uniformity(unit(0, 90, 180)) == pytest.approx(math.log((2 * math.exp(-4) + math.exp(-8)) / 3))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.sampled_from([3, 40, 2_000_000]))
def test_they_equal_loops_over_the_formulas(seed, n, cells):
    generator = np.random.default_rng(seed)
    one, other = (generator.normal(size=(n, 5)) for _ in range(2))
    one, other = ((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32) for rows in (one, other))

    def apart(x, y):
        return sum((float(a) - float(b)) ** 2 for a, b in zip(x, y, strict=True))

    assert alignment(one, other) == pytest.approx(sum(apart(x, y) for x, y in zip(one, other, strict=True)) / n)
    pairs = [math.exp(-2 * apart(one[i], one[j])) for i in range(n) for j in range(i)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server.measures.geometry, "_CELLS", cells)
        assert uniformity(one) == pytest.approx(math.log(sum(pairs) / len(pairs)), abs=1e-9)


def test_of_many_rows_evenly_picked_ones_stand_for_all(monkeypatch):
    monkeypatch.setattr(server.measures.geometry, "MOST_ROWS", 3)
    assert uniformity(unit(0, 1, 90, 1, 180)) == pytest.approx(uniformity(unit(0, 90, 180)))


def test_without_samples_there_is_no_figure():
    none = np.zeros((0, 2), np.float32)
    assert alignment(none, none) is None and uniformity(none) is None and uniformity(unit(0)) is None
