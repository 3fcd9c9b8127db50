"""An index instead of all products: what it finds, what it says of itself, and where it is not used."""

import numpy as np
import pytest

import server.binding.approximate as approximate
import server.binding.search as search_module
from server.binding.approximate import nearest_approximate, recall_of
from server.binding.bind import Embedded, bind, too_alike
from server.binding.match import nearest
from server.binding.search import search
from server.binding.steps import Step, bind_steps
from tests.server.binding.test_match import unit_rows


def clustered(generator, count, centres):
    rows = centres[generator.integers(len(centres), size=count)] + 0.4 * unit_rows(generator, count, centres.shape[1])
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def groups():
    """Two groups' rows around common centres."""
    generator = np.random.default_rng(0)
    centres = unit_rows(generator, 40, 16)
    return clustered(generator, 700, centres), clustered(generator, 2_000, centres)


def test_recall_is_the_share_of_the_exact_neighbours_that_were_found():
    exact = np.array([[1, 2], [3, 4], [5, 6]])
    assert recall_of(exact[:, ::-1], exact) == 1.0  # in whatever order
    assert recall_of(np.array([[1, 9], [-1, -1], [6, 5]]), exact) == 0.5


def test_an_index_finds_nearly_all_and_says_how_many(groups, monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(approximate, "SAMPLE", 200)
    monkeypatch.setattr(approximate, "MOST_PROBED", 0.5)
    own, theirs = groups
    exact, cosine = nearest(own, theirs, 3)
    found = nearest_approximate(own, theirs, 3, 0.95)
    assert found.lists == 179 and 1 <= found.probes < 90 and found.sample == 200
    assert recall_of(found.index, exact) >= 0.93 and found.recall >= 0.93
    assert np.allclose(found.cosine, (own[:, None] * theirs[found.index]).sum(axis=2), atol=1e-5)
    assert (np.diff(found.cosine, axis=1) <= 1e-6).all() and found.index.dtype == np.int64
    alike = found.index == exact
    assert np.allclose(found.cosine[alike], cosine[alike], atol=1e-5)
    higher = nearest_approximate(own, theirs, 3, 0.999)
    assert higher.probes > found.probes and recall_of(higher.index, exact) > recall_of(found.index, exact)


def test_a_row_whose_lists_hold_too_few_is_looked_up_exactly(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(approximate, "MOST_PROBED", 1.0)
    own, theirs = np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32).repeat([20, 1, 1, 1], axis=0)
    found = nearest_approximate(own, theirs, 3, 0.3)
    assert found.index.min() >= 0 and found.index[1, 0] == 20 and found.cosine[:, 0].tolist() == [1, 1, 1, 1]


def test_where_nothing_is_clustered_an_index_would_look_too_far(groups, monkeypatch):
    pytest.importorskip("faiss")
    generator, said = np.random.default_rng(0), []
    own, theirs = unit_rows(generator, 300, 64), unit_rows(generator, 900, 64)
    assert nearest_approximate(own, theirs, 1, 0.99) is None
    index, _ = search(1, 0.99, 0, said.append)(own, theirs, 1)
    assert (index == nearest(own, theirs, 1)[0]).all() and "matched exactly" in said[0] and "too far" in said[0]


def test_only_above_its_size_an_index_is_asked_and_what_it_found_is_told(groups, monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(approximate, "MOST_PROBED", 1.0)
    own, theirs = groups
    for above in (0, len(own) * len(theirs) + 1):
        said = []
        assert (search(above, 0.9, 0, said.append)(own, theirs, 2)[0] == nearest(own, theirs, 2)[0]).all()
        assert not said
    said = []
    index, _ = search(len(own) * len(theirs), 0.9, 0, said.append)(own, theirs, 2)
    assert recall_of(index, nearest(own, theirs, 2)[0]) > 0.85
    assert len(said) == 1 and "700 × 2,000" in said[0] and "recall" in said[0]


def test_without_faiss_everything_is_looked_at_and_the_report_says_why(groups, monkeypatch):
    monkeypatch.setattr(search_module, "has_faiss", lambda: False)
    own, theirs = groups
    said = []
    index, cosine = search(1, 0.9, 0, said.append)(own, theirs, 2)
    exact, product = nearest(own, theirs, 2)
    assert (index == exact).all() and (cosine == product).all()
    assert "faiss is not installed" in said[0]


def test_binding_asks_the_search_it_is_given(groups):
    asked = []

    def find(queries, candidates, partners):
        asked.append((len(queries), len(candidates), partners))
        return nearest(queries, candidates, partners)

    own, theirs = groups
    embedded = {0: Embedded("a", np.arange(50), own[:50]), 1: Embedded("b", 100 + np.arange(70), theirs[:70])}
    bind(embedded, "none", 2, find=find)
    assert asked == [(50, 70, 2), (70, 50, 2)]
    bind_steps({"acc": embedded}, [Step("a", "b", "acc")], "none", 1, "mutual", find=find)
    too_alike(embedded, 4, find)
    assert asked[2:] == [(50, 70, 1), (70, 50, 1), (70, 50, 1), (50, 70, 1), (120, 120, 5)]
