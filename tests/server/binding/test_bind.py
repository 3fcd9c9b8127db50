"""Pairs among groups, by hand: both ways, never within a group where a sensor binds, whatever the order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.binding.bind import Embedded, Pairs, bind, bind_alike, no_pairs, pairing_matrix, too_alike
from server.binding.match import nearest_plainly


def embedded(group, handles, angles):
    """Unit vectors at these angles in degrees."""
    turned = np.deg2rad(np.array(angles, dtype=np.float64))
    return Embedded(
        group, np.array(handles, dtype=np.int64), np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)
    )


NODES = {
    0: embedded("a", [1, 2], [0, 90]),
    1: embedded("a", [3], [180]),
    2: embedded("b", [11], [10]),
    3: embedded("b", [12, 13], [95, 185]),
}


def rows(pairs):
    """{(handle, partner): (node, partner's node, cosine, weight)}"""
    columns = (pairs.handle, pairs.partner_handle, pairs.node, pairs.partner_node, pairs.cosine, pairs.weight)
    return {(h, q): (n, m, c, w) for h, q, n, m, c, w in zip(*(column.tolist() for column in columns), strict=True)}


def test_every_sample_is_bound_to_its_nearest_in_the_other_group_both_ways():
    found = rows(bind(NODES, "none"))
    assert {pair: nodes[:2] for pair, nodes in found.items()} == {
        (1, 11): (0, 2), (2, 12): (0, 3), (3, 13): (1, 3), (11, 1): (2, 0), (12, 2): (3, 0), (13, 3): (3, 1),
    }  # fmt: skip
    assert found[1, 11][2] == pytest.approx(np.cos(np.deg2rad(10)), abs=1e-6)
    assert found[13, 3][2] == pytest.approx(np.cos(np.deg2rad(5)), abs=1e-6)
    assert all(entry[3] == 1 for entry in found.values())


def test_weights_are_made_over_all_pairs_of_one_direction():
    """Angles apart: a to b 10, 5, 5; b to a 10, 5, 5, and one more sample of b 40 apart, seen in its direction alone."""
    nodes = {**NODES, 4: embedded("b", [14], [50])}
    found = rows(bind(nodes, "normalized"))
    assert found[1, 11][3] == 0.0 and found[2, 12][3] == pytest.approx(1.0, abs=1e-5)
    assert found[14, 2][3] == 0.0
    cosine = [np.cos(np.deg2rad(angle)) for angle in (40, 10, 5)]
    assert found[11, 1][3] == pytest.approx((cosine[1] - cosine[0]) / (cosine[2] - cosine[0]), abs=1e-4)


def test_one_partner_may_serve_several_and_the_other_way_need_not_hold():
    found = rows(bind({0: embedded("a", [1, 2, 3], [0, 1, 2]), 1: embedded("b", [11], [0])}, "none"))
    assert set(found) == {(1, 11), (2, 11), (3, 11), (11, 1)}


def test_several_partners_stand_next_to_each_other_the_best_first():
    pairs = bind(NODES, "softmax", 2)
    own = pairs.of(0)
    assert own.handle.tolist() == [1, 1, 2, 2] and own.partner_handle.tolist() == [11, 12, 12, 11]
    assert (own.cosine[::2] >= own.cosine[1::2]).all()
    assert np.allclose(own.weight.reshape(2, 2).sum(axis=1), 1.0)
    nearest_alone = rows(bind(NODES, "none"))
    assert set(nearest_alone) < set(rows(pairs))
    label_of = {1: 0, 2: 1, 3: 2, 11: 0, 12: 1, 13: 2}
    matrix, accuracy = pairing_matrix(pairs, label_of, 3)
    assert matrix.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]] and accuracy == 1.0  # the best partner alone counts


def test_more_than_two_groups_are_bound_each_to_each():
    nodes = {0: embedded("a", [1], [0]), 1: embedded("b", [2], [5]), 2: embedded("c", [3], [9])}
    assert set(rows(bind(nodes, "none"))) == {(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)}


def test_a_group_without_a_sample_is_bound_to_nothing():
    empty = Embedded("b", np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
    assert len(bind({0: embedded("a", [1], [0]), 1: empty}, "normalized")) == 0
    assert len(bind({0: embedded("a", [1], [0])}, "normalized")) == 0
    assert len(bind({}, "normalized")) == 0
    assert set(rows(bind({0: embedded("a", [1], [0]), 1: empty, 2: embedded("b", [2], [0])}, "none"))) == {
        (1, 2),
        (2, 1),
    }


def test_pairs_of_one_node_are_those_of_its_own_samples():
    own = bind(NODES, "none").of(3)
    assert own.handle.tolist() == [12, 13] and own.partner_handle.tolist() == [2, 3] and len(own) == 2
    assert len(no_pairs().of(3)) == 0


@st.composite
def nodes_at_random(draw):
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    made = {}
    handles = iter(generator.permutation(1000).tolist())
    for partition in range(draw(st.integers(2, 5))):
        count = draw(st.integers(0, 4))
        vectors = generator.normal(size=(count, 3)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        group = draw(st.sampled_from("abc"))
        made[partition] = Embedded(group, np.array([next(handles) for _ in range(count)], dtype=np.int64), vectors)
    return made


@given(nodes_at_random(), st.randoms(use_true_random=False), st.sampled_from(["normalized", "cosine", "log", "none"]))
def test_the_order_of_arrival_changes_nothing(made, shuffler, rule):
    order = list(made)
    shuffler.shuffle(order)
    for way in (bind, bind_alike, lambda these, _: too_alike(these, 2)):
        one, other = way(made, rule), way({p: made[p] for p in order}, rule)
        for name in Pairs.__dataclass_fields__:
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@given(nodes_at_random())
def test_every_sample_has_one_partner_in_each_other_group_that_has_samples(made):
    pairs = bind(made, "cosine")
    everyone = [(h, e.group) for e in made.values() for h in e.handles.tolist()]
    group_of = dict(everyone)
    by_hand = {}
    for _, e in made.items():
        for handle, vector in zip(e.handles.tolist(), e.vectors, strict=True):
            for other in {group for _, group in everyone} - {e.group}:
                theirs = [
                    (h, v)
                    for o in made.values()
                    if o.group == other
                    for h, v in zip(o.handles.tolist(), o.vectors, strict=True)
                ]
                _, cosine = nearest_plainly(vector[None], np.stack([v for _, v in theirs]))
                by_hand[handle, other] = float(cosine[0, 0])
    got = {
        (h, group_of[q]): c
        for h, q, c in zip(pairs.handle.tolist(), pairs.partner_handle.tolist(), pairs.cosine, strict=True)
    }
    assert len(got) == len(pairs) and set(got) == set(by_hand)
    assert all(got[key] == pytest.approx(by_hand[key], abs=1e-6) for key in got)


# --- too alike to be negatives ----------------------------------------------------------------------------------------


def test_too_alike_are_the_nearest_of_any_node_in_both_directions_each_pair_once():
    """Angles 0, 90 on node 0, 180 on node 1 (both group a), 10 on node 2, 95 and 185 on node 3 (group b)."""
    found = rows(too_alike(NODES, 1))
    assert set(found) == {(1, 11), (11, 1), (2, 12), (12, 2), (3, 13), (13, 3)}
    assert found[1, 11][:2] == (0, 2) and found[13, 3][:2] == (3, 1)
    assert all(entry[3] == 0 for entry in found.values())  # they pull nobody together
    assert found[1, 11][2] == pytest.approx(np.cos(np.deg2rad(10)), abs=1e-6)


def test_too_alike_knows_no_groups_and_one_sided_neighbours_count_both_ways():
    found = rows(too_alike({0: embedded("a", [1, 2], [0, 5]), 1: embedded("a", [3], [40])}, 1))
    assert set(found) == {(1, 2), (2, 1), (3, 2), (2, 3)}


def test_nobody_is_too_alike_where_none_are_asked_for_or_nobody_else_is_there():
    assert len(too_alike(NODES, 0)) == 0 == len(too_alike({}, 3))
    assert len(too_alike({0: embedded("a", [1], [0])}, 3)) == 0
    everyone = rows(too_alike(NODES, 99))
    assert len(everyone) == 6 * 5 and all(one != other for one, other in everyone)


# --- by the label's meaning -------------------------------------------------------------------------------------------


def test_by_label_all_of_the_nearest_text_are_partners_also_in_the_own_group():
    """Texts at 0° and 90° in group a, at 5° and 90° in group b."""
    nodes = {
        0: embedded("a", [1, 2], [0, 90]),
        1: embedded("a", [3], [0]),
        2: embedded("b", [11, 12, 13], [5, 5, 90]),
    }
    found = rows(bind_alike(nodes, "cosine"))
    assert set(found) == {
        (1, 3), (3, 1),  # the same text in the own group, nobody with itself
        (1, 11), (1, 12), (3, 11), (3, 12), (2, 13),  # all of the nearest text in the other group
        (11, 12), (12, 11),
        (11, 1), (11, 3), (12, 1), (12, 3), (13, 2),
    }  # fmt: skip
    assert found[1, 3][:2] == (0, 1) and found[1, 3][2] == pytest.approx(1.0, abs=1e-5)
    near = np.cos(np.deg2rad(5))
    assert found[1, 12] == (0, 2, pytest.approx(near, abs=1e-4), pytest.approx(near, abs=1e-4))


def test_by_label_a_text_nobody_else_has_is_still_bound_to_the_nearest_text_of_others():
    found = rows(bind_alike({0: embedded("a", [1], [0]), 1: embedded("b", [11, 12], [30, 60])}, "none"))
    assert set(found) == {(1, 11), (11, 1), (12, 1)}


def test_by_label_a_group_alone_is_bound_within_itself():
    assert set(rows(bind_alike({0: embedded("a", [1, 2, 3], [0, 0, 90])}, "none"))) == {(1, 2), (2, 1)}


def test_by_label_weights_are_made_over_all_pairs_at_once():
    found = rows(bind_alike({0: embedded("a", [1, 2], [0, 0]), 1: embedded("b", [11], [60])}, "normalized"))
    assert found[1, 2][3] == pytest.approx(1.0) and found[1, 11][3] == 0.0 and found[11, 2][3] == 0.0


def test_by_label_nodes_without_a_labelled_sample_are_bound_to_nothing():
    empty = Embedded("b", np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
    assert len(bind_alike({0: empty, 1: empty}, "normalized")) == 0
    assert set(rows(bind_alike({0: embedded("a", [1, 2], [0, 0]), 1: empty}, "none"))) == {(1, 2), (2, 1)}


# --- how well ---------------------------------------------------------------------------------------------------------


def test_the_pairing_matrix_counts_class_by_partner_s_class():
    pairs = bind(NODES, "none")
    label_of = {1: 0, 2: 1, 3: 2, 11: 0, 12: 0, 13: 2}
    matrix, accuracy = pairing_matrix(pairs, label_of, 3)
    assert matrix.tolist() == [[2, 1, 0], [1, 0, 0], [0, 0, 2]]
    assert accuracy == pytest.approx(4 / 6)


def test_pairs_with_an_unknown_side_are_left_out():
    pairs = bind(NODES, "none")
    matrix, accuracy = pairing_matrix(pairs, {1: 0, 11: 0, 2: 1, 3: -1, 13: 1}, 2)
    assert matrix.tolist() == [[2, 0], [0, 0]] and accuracy == 1.0
    assert pairing_matrix(pairs, {}, 2)[1] is None
    assert pairing_matrix(no_pairs(), {1: 0}, 2)[1] is None
