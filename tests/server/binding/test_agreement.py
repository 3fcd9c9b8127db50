"""What bound samples agree on, by hand and by its properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.binding.agreement import LEAST, agreed, aligned
from server.binding.bind import Embedded, Pairs, no_pairs

SURE, UNSURE = [0.9, 0.1], [0.4, 0.6]


def predicted(group, handles, rows):
    return Embedded(group, np.array(handles, dtype=np.int64), np.array(rows, dtype=np.float32))


def links(*each):
    """Pairs from (handle, partner's handle, cosine); nodes are not read."""
    handle, partner, cosine = (np.array(part) for part in zip(*each, strict=True))
    nobody = np.zeros(len(each), dtype=np.int64)
    return Pairs(nobody, handle, nobody, partner, cosine.astype(np.float32), np.ones(len(each), np.float32))


def normal(row):
    return np.array(row) / np.sum(row)


def test_nothing_bound_is_what_was_said():
    nodes = {3: predicted("a", [7, 5], [SURE, UNSURE]), 1: predicted("b", [9], [[0.5, 0.5]])}
    found = agreed(nodes, no_pairs(), no_pairs())
    assert set(found) == {1, 3}
    np.testing.assert_allclose(found[3], [SURE, UNSURE], rtol=1e-6)
    assert found[3].dtype == np.float32
    assert agreed({}, no_pairs(), no_pairs()) == {}


def test_a_partner_in_another_group_multiplies_and_one_in_the_same_group_is_averaged():
    nodes = {0: predicted("a", [1, 2], [SURE, UNSURE]), 1: predicted("b", [11], [[0.2, 0.8]])}
    by_partner = agreed(nodes, links((1, 11, 1.0)), no_pairs())
    np.testing.assert_allclose(by_partner[0][0], normal(np.sqrt([0.9 * 0.2, 0.1 * 0.8])), rtol=1e-5)
    np.testing.assert_allclose(by_partner[0][1], UNSURE, rtol=1e-6)  # bound to nobody
    np.testing.assert_allclose(by_partner[1][0], [0.2, 0.8], rtol=1e-6)  # the pair leads one way alone

    for pairs, alike in ((links((1, 2, 1.0)), no_pairs()), (no_pairs(), links((1, 2, 1.0)))):
        found = agreed(nodes, pairs, alike)
        np.testing.assert_allclose(found[0][0], [0.65, 0.35], rtol=1e-5)


def test_partners_speak_with_those_that_are_alike_to_them():
    """2 and 3 of group b are alike: 1's partner 2 says the mean of both."""
    nodes = {0: predicted("a", [1], [[0.5, 0.5]]), 1: predicted("b", [2, 3], [[0.6, 0.4], [1.0, 0.0]])}
    found = agreed(nodes, links((1, 2, 1.0)), links((2, 3, 1.0)))
    np.testing.assert_allclose(found[0][0], normal(np.sqrt([0.5 * 0.8, 0.5 * 0.2])), rtol=1e-5)


def test_nearer_partners_weigh_more_and_those_of_each_group_speak_once():
    nodes = {
        0: predicted("a", [1], [[0.5, 0.5]]),
        1: predicted("b", [2, 3], [[0.8, 0.2], [0.2, 0.8]]),
        2: predicted("c", [4], [[0.9, 0.1]]),
    }
    found = agreed(nodes, links((1, 2, 1.0), (1, 3, 0.9), (1, 4, 0.3)), no_pairs(), temperature=0.1)
    share = 1 / (1 + np.exp(-1))
    said_b = share * np.array([0.8, 0.2]) + (1 - share) * np.array([0.2, 0.8])
    np.testing.assert_allclose(found[0][0], normal((0.5 * said_b * [0.9, 0.1]) ** (1 / 3)), rtol=1e-5)


def test_the_order_of_nodes_and_pairs_with_unknown_samples_change_nothing():
    nodes = {0: predicted("a", [1, 2], [SURE, UNSURE]), 1: predicted("b", [11], [[0.2, 0.8]])}
    pairs, more = links((1, 11, 0.9), (11, 2, 0.8)), links((1, 11, 0.9), (1, 99, 1.0), (98, 2, 1.0), (11, 2, 0.8))
    one = agreed(nodes, pairs, no_pairs())
    other = agreed(dict(reversed(nodes.items())), more, no_pairs())
    for node in nodes:
        assert np.array_equal(one[node], other[node])


def test_nobody_can_rule_a_class_out():
    nodes = {0: predicted("a", [1], [[1.0, 0.0]]), 1: predicted("b", [2], [[0.0, 1.0]])}
    found = agreed(nodes, links((1, 2, 1.0)), no_pairs())
    np.testing.assert_allclose(found[0][0], [0.5, 0.5], rtol=1e-5)
    assert LEAST > 0


def test_alignment_takes_back_a_class_that_is_said_too_often():
    rows = [[0.7, 0.3], [0.7, 0.3], [0.9, 0.1], [0.5, 0.5]]
    mean = (np.sum(rows, axis=0) + 1) / 6
    found = aligned(np.array(rows), np.array([0.5, 0.5]))
    np.testing.assert_allclose(found[0], normal(np.array([0.7, 0.3]) * 0.5 / mean), rtol=1e-6)
    assert np.argmax(rows, axis=1).tolist() == [0, 0, 0, 0] and found.argmax(1).tolist() == [0, 0, 0, 1]
    np.testing.assert_allclose(aligned(np.array(rows), np.array([0.5, 0.5]), 0.0), rows)
    np.testing.assert_allclose(aligned(np.array(rows), None), rows)
    half = aligned(np.array(rows), np.array([0.5, 0.5]), 0.5)
    np.testing.assert_allclose(half[0], normal(np.array([0.7, 0.3]) * (0.5 / mean) ** 0.5), rtol=1e-6)


def test_every_node_is_aligned_by_itself():
    one, other = [[0.8, 0.2], [0.6, 0.4]], [[0.3, 0.7], [0.1, 0.9]]
    nodes = {0: predicted("a", [1, 2], one), 1: predicted("a", [3, 4], other)}
    found = agreed(nodes, no_pairs(), no_pairs(), prior=np.array([0.5, 0.5]))
    for node, rows in ((0, one), (1, other)):
        once = aligned(np.array(rows, np.float32), np.array([0.5, 0.5]))
        np.testing.assert_allclose(found[node], aligned(once, np.array([0.5, 0.5])), rtol=1e-5)


@st.composite
def worlds(draw):
    classes, groups = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    counts = [draw(st.integers(0, 4)) for _ in range(groups)]
    seed = draw(st.integers(0, 2**16))
    generator = np.random.default_rng(seed)
    nodes, first = {}, 0
    for at, count in enumerate(counts):
        rows = generator.dirichlet(np.full(classes, draw(st.sampled_from([0.05, 1.0]))), count)
        nodes[at] = predicted("abc"[at], np.arange(first, first + count), rows.reshape(count, classes))
        first += count
    pairs = [
        links(*((int(i), int(j), float(c)) for i, j, c in zip(
            generator.integers(0, first + 1, m), generator.integers(0, first + 1, m), generator.uniform(-1, 1, m), strict=True,
        )))
        if m else no_pairs()
        for m in (draw(st.integers(0, 6)), draw(st.integers(0, 6)))
    ]  # fmt: skip
    prior = draw(st.sampled_from([None, np.full(classes, 1 / classes)]))
    return nodes, pairs[0], pairs[1], prior


def plainly(nodes, pairs, alike, temperature, prior):
    """The formula read aloud, sample by sample."""
    said = {h: r for e in nodes.values() for h, r in zip(e.handles.tolist(), aligned(e.vectors, prior), strict=True)}
    group = {h: e.group for e in nodes.values() for h in e.handles.tolist()}

    def mean(handle, parts, wanted, rows):
        found = [
            (np.exp((c - 1) / temperature), rows[q])
            for part in parts
            for h, q, c in zip(part.handle.tolist(), part.partner_handle.tolist(), part.cosine.tolist(), strict=True)
            if h == handle and q in group and wanted(group[q])
        ]
        return sum(w * r for w, r in found) / sum(w for w, _ in found) if found else None

    f = {}
    for h, row in said.items():
        around = mean(h, (pairs, alike), lambda g, own=group[h]: g == own, said)
        f[h] = row if around is None else (row + around) / 2
    q = {}
    for h in said:
        others = [
            mean(h, (pairs,), lambda g, name=name: g == name, f) for name in sorted(set(group.values()) - {group[h]})
        ]
        parts = [f[h], *(each for each in others if each is not None)]
        joint = np.exp(np.mean([np.log(np.maximum(part, LEAST)) for part in parts], axis=0))
        q[h] = joint / joint.sum()
    classes = next(iter(nodes.values())).vectors.shape[1]
    return {
        p: aligned(np.array([q[h] for h in e.handles.tolist()]).reshape(-1, classes), prior) for p, e in nodes.items()
    }


@given(worlds())
def test_it_is_the_formula_read_aloud_and_always_probabilities(world):
    nodes, pairs, alike, prior = world
    found = agreed(nodes, pairs, alike, 0.1, prior)
    slow = plainly(nodes, pairs, alike, 0.1, prior)
    for node, each in nodes.items():
        assert found[node].shape == each.vectors.shape
        np.testing.assert_allclose(found[node], slow[node], atol=1e-5)
        assert found[node].sum(axis=1) == pytest.approx(np.ones(len(each.handles)), abs=1e-5)
