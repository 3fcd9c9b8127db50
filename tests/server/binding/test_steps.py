"""Several groups and several shared modalities: which steps, in which order, and who is bound through whom."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.binding.bind import Embedded, Pairs, bind
from server.binding.chain import chained, chained_plainly, of_the_best, same_samples
from server.binding.pairing import PAIRINGS, Found, Side
from server.binding.steps import (
    Step,
    bind_steps,
    steps_possible,
    steps_taken,
    way_between,
)

THREE = {"a": ["acc", "gyro"], "b": ["acc", "skeleton"], "c": ["gyro", "magnet"]}
AB, AC, BC = Step("a", "b", "acc"), Step("a", "c", "gyro"), Step("b", "c", "acc")


def embedded(group, handles, angles):
    """Unit vectors at these angles in degrees."""
    turned = np.deg2rad(np.array(angles, dtype=np.float64))
    vectors = np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)
    return Embedded(group, np.array(handles, dtype=np.int64), vectors)


def rows(pairs):
    """{(handle, partner): (node, partner's node, cosine, weight)}"""
    columns = (pairs.handle, pairs.partner_handle, pairs.node, pairs.partner_node, pairs.cosine, pairs.weight)
    return {(h, q): (n, m, c, w) for h, q, n, m, c, w in zip(*(column.tolist() for column in columns), strict=True)}


# --- which steps ------------------------------------------------------------------------------------------------------


def test_steps_come_in_the_order_of_the_modalities_given():
    assert steps_possible(THREE, ["acc", "gyro"]) == [AB, AC]
    assert steps_possible(THREE, ["gyro", "acc"]) == [AC, AB]
    assert steps_possible(THREE, ["magnet"]) == []


def test_two_groups_that_share_several_are_bound_by_the_first_of_them():
    both = steps_possible({"a": ["acc", "gyro"], "b": ["gyro", "acc"]}, ["gyro", "acc"])
    assert both == [Step("a", "b", "gyro"), Step("a", "b", "acc")]
    assert steps_taken(both) == [Step("a", "b", "gyro")]


def test_chosen_the_best_step_comes_first_and_the_better_modality_binds():
    possible = steps_possible({**THREE, "b": ["acc", "gyro"]}, ["acc", "gyro"])
    by_acc, by_gyro, bc = Step("a", "b", "acc"), Step("a", "b", "gyro"), Step("b", "c", "gyro")
    assert possible == [by_acc, by_gyro, AC, bc]
    quality = {by_acc: 0.2, by_gyro: 0.5, AC: 0.1, bc: 0.9}
    assert steps_taken(possible, quality) == [bc, by_gyro, AC]
    assert steps_taken(possible, dict.fromkeys(possible, 0.3)) == [by_acc, AC, bc]  # equal: as given


def test_the_way_between_groups_is_the_shortest_and_of_equals_the_earlier():
    chain = [AB, AC, Step("c", "d", "x")]
    assert way_between("b", "d", chain) == [AB, AC, Step("c", "d", "x")]
    assert way_between("d", "b", chain) == [Step("c", "d", "x"), AC, AB]
    assert way_between("a", "c", [AB, BC, AC]) == [AC]
    assert way_between("a", "z", chain) == []
    square = [Step("a", "b", "x"), Step("a", "c", "x"), Step("c", "d", "x"), Step("b", "d", "x")]
    assert way_between("a", "d", square) == [square[0], square[3]]
    assert way_between("a", "d", [square[at] for at in (1, 2, 3, 0)]) == [square[1], square[2]]


# --- pairs ------------------------------------------------------------------------------------------------------------

# By acceleration 1 is like 11 and 2 like 12; by rotation 1 is like 22 and 2 like 21. So 11 goes with 22, 12 with 21.
BY = {
    "acc": {0: embedded("a", [1, 2], [0, 90]), 1: embedded("b", [11, 12], [10, 80])},
    "gyro": {0: embedded("a", [1, 2], [180, 270]), 2: embedded("c", [21, 22], [250, 170])},
}


def test_three_groups_by_two_modalities_and_the_outer_ones_through_the_middle():
    found = rows(bind_steps(BY, [AB, AC], "none"))
    direct = {(1, 11), (2, 12), (11, 1), (12, 2), (1, 22), (2, 21), (22, 1), (21, 2)}
    assert set(found) == direct | {(11, 22), (12, 21), (22, 11), (21, 12)}
    assert found[11, 22][:2] == (1, 2) and found[21, 12][:2] == (2, 1)
    cosine = {angle: np.cos(np.deg2rad(angle)) for angle in (10, 20)}
    assert found[11, 22][2] == pytest.approx(cosine[10] * cosine[10], abs=1e-6)
    assert found[12, 21][2] == pytest.approx(cosine[10] * cosine[20], abs=1e-6)
    assert set(rows(bind_steps(BY, [AB, AC], "none", through=False))) == direct


def test_a_sample_without_the_second_modality_leads_nowhere():
    by = {**BY, "gyro": {**BY["gyro"], 0: embedded("a", [2], [270])}}
    found = rows(bind_steps(by, [AB, AC], "none"))
    assert (12, 21) in found and not [pair for pair in found if pair[0] == 11 and pair[1] > 20]


def test_a_group_that_sent_nothing_binds_nobody_and_breaks_no_other_step():
    by = {"acc": BY["acc"], "gyro": {0: BY["gyro"][0]}}
    assert set(rows(bind_steps(by, [AB, AC], "none"))) == {(1, 11), (2, 12), (11, 1), (12, 2)}
    assert len(bind_steps({"acc": {}, "gyro": {}}, [AB, AC], "none")) == 0
    assert len(bind_steps({}, [], "none")) == 0


def test_through_others_a_sample_keeps_its_best_partners_alone():
    """Each of b has both of a as partners, each of those both of c: four chains, two different ends, one is kept."""
    found = rows(bind_steps(BY, [AB, AC], "none", partners=1))
    many = rows(bind_steps(BY, [AB, AC], "none", partners=2))
    assert sum(1 for h, q in found if h == 11 and q > 20) == 1
    assert sum(1 for h, q in many if h == 11 and q > 20) == 2


def test_through_others_a_threshold_still_holds():
    def through(threshold):
        found = rows(bind_steps(BY, [AB, AC], "none", pairing="threshold", threshold=threshold))
        return {pair for pair in found if pair[0] in (11, 12) and pair[1] > 20}

    assert through(0.96) == {(11, 22)}  # cos² 10° = 0.970, cos 10° · cos 20° = 0.925
    assert through(0.92) == {(11, 22), (12, 21)}


def test_weights_of_a_chain_are_made_for_its_direction():
    pairs = rows(bind_steps(BY, [AB, AC], "normalized"))
    assert pairs[11, 22][3] == 1.0 and pairs[12, 21][3] == 0.0


def test_of_the_best_by_hand():
    found = Found(np.array([0, 0, 0, 2, 2]), np.array([7, 5, 6, 1, 2]), np.float32([0.9, 0.5, 0.2, 0.4, 0.3]))
    for most, least, columns in (
        (None, 0.0, [7, 5, 6, 1, 2]),
        (2, 0.0, [7, 5, 1, 2]),
        (1, 0.45, [7]),
        (None, 0.4, [7, 5, 1]),
    ):
        assert of_the_best(found, most, least).column.tolist() == columns
    assert len(of_the_best(Found(np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32)), 3, 0.0)) == 0


def test_the_same_samples_are_found_by_their_handles():
    one, other = (
        Side("a", np.zeros(len(h)), np.array(h), np.zeros((len(h), 1)), np.zeros(len(h))) for h in ([5, 3, 9], [9, 5])
    )
    assert same_samples(one, other).tolist() == [1, -1, 0]


# --- properties -------------------------------------------------------------------------------------------------------


@st.composite
def found_at_random(draw, rows, columns):
    pairs = sorted(draw(st.sets(st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1)), max_size=12)))
    cosine = [draw(st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0])) for _ in pairs]
    order = sorted(range(len(pairs)), key=lambda at: (pairs[at][0], -cosine[at], pairs[at][1]))
    whole = [np.array([pairs[at][side] for at in order], dtype=np.int64) for side in (0, 1)]
    return Found(*whole, np.array([cosine[at] for at in order], dtype=np.float32))


@given(found_at_random(4, 5), found_at_random(6, 3), st.lists(st.integers(-1, 5), min_size=5, max_size=5))
def test_chains_equal_one_chain_at_a_time(first, second, middle):
    found = chained(first, np.array(middle), second)
    told = list(zip(found.row.tolist(), found.column.tolist(), found.cosine.tolist(), strict=True))
    assert told == chained_plainly(first, np.array(middle), second)


@st.composite
def nodes_at_random(draw):
    """Samples at whole-number coordinates of groups a to c, by one modality or two; every node holds both or one."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    handles = iter(generator.permutation(1000).tolist())
    made = {"acc": {}, "gyro": {}}
    for partition in range(draw(st.integers(2, 5))):
        group, count = draw(st.sampled_from("abc")), draw(st.integers(0, 4))
        own = np.array([next(handles) for _ in range(count)], dtype=np.int64)
        for by in made:
            if by in THREE[group]:
                made[by][partition] = Embedded(group, own, generator.integers(-3, 4, (count, 3)).astype(np.float32))
    label_of = {h: int(generator.integers(-1, 2)) for e in made["acc"].values() for h in e.handles.tolist()}
    return made, label_of


@pytest.mark.parametrize("pairing", PAIRINGS)
@given(nodes_at_random(), st.sampled_from(["normalized", "softmax", "none"]))
def test_one_modality_gives_the_pairs_of_bind_bit_by_bit(pairing, drawn, rule):
    made, label_of = drawn
    alike = {p: Embedded(e.group, e.handles, e.vectors) for p, e in made["acc"].items()}
    groups = {group: ["acc"] for group in sorted({e.group for e in alike.values()})}
    steps = steps_taken(steps_possible(groups, ["acc"]))
    how = (rule, 2, pairing, 1.0, 3, label_of)
    one, other = bind_steps({"acc": alike}, steps, *how), bind(alike, *how)
    for name in Pairs.__dataclass_fields__:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@pytest.mark.parametrize("pairing", PAIRINGS)
@given(nodes_at_random(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing_and_nobody_is_bound_within_a_group(pairing, drawn, shuffler):
    made, label_of = drawn
    turned = {}
    for by in reversed(made):
        order = list(made[by])
        shuffler.shuffle(order)
        turned[by] = {p: made[by][p] for p in order}
    how = ([AB, AC], "softmax", 2, pairing, 1.0, 3, label_of)
    one, other = bind_steps(made, *how), bind_steps(turned, *how)
    for name in Pairs.__dataclass_fields__:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    group = {p: e.group for found in made.values() for p, e in found.items()}
    assert all(group[n] != group[m] for n, m in zip(one.node.tolist(), one.partner_node.tolist(), strict=True))


@pytest.mark.parametrize("pairing", ["threshold", "mutual"])
@given(nodes_at_random())
def test_pairs_that_hold_both_ways_do_so_through_others_too(pairing, drawn):
    made, label_of = drawn
    found = set(rows(bind_steps(made, [AB, AC], "none", 2, pairing, 1.0, 3, label_of)))
    assert {(q, h) for h, q in found} == found
