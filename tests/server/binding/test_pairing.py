"""Pairing schemes: by hand, equal to their plain twins, and what holds for every one of them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from configs.schema import BindSettings
from models.losses import contrast_sums
from server.binding.bind import Embedded, Pairs, bind
from server.binding.match import nearest
from server.binding.pairing import (
    PAIRINGS,
    mutual_pairs,
    nearest_pairs,
    oracle_pairs,
    random_pairs,
    scheme_of,
    threshold_pairs,
)
from server.binding.pairing_plainly import mutual_plainly, nearest_plainly, oracle_plainly, threshold_plainly
from server.binding.weights import pair_weights, pair_weights_by_row, shared_out


def turned(*angles):
    """Unit vectors at these angles in degrees."""
    radians = np.deg2rad(np.array(angles, dtype=np.float64))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


OWN, THEIRS = turned(0, 90, 180), turned(10, 20, 100, 300)


def listed(found):
    return list(zip(found.row.tolist(), found.column.tolist(), strict=True))


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_nearest_by_hand():
    assert listed(nearest_pairs(OWN, THEIRS)) == [(0, 0), (1, 2), (2, 2)]
    assert listed(nearest_pairs(OWN, THEIRS, 2)) == [(0, 0), (0, 1), (1, 2), (1, 1), (2, 2), (2, 3)]


def test_threshold_takes_all_that_are_near_enough_the_best_first():
    found = threshold_pairs(OWN, THEIRS, np.cos(np.deg2rad(65)))
    assert listed(found) == [(0, 0), (0, 1), (0, 3), (1, 2)]  # 180° has nobody within 65°
    assert np.allclose(found.cosine, np.cos(np.deg2rad([10, 20, 60, 10])), atol=1e-6)
    assert len(threshold_pairs(OWN, THEIRS, 1.0)) == 0
    assert len(threshold_pairs(OWN, THEIRS, -1.0)) == 12


def test_a_cosine_that_equals_the_threshold_is_near_enough():
    assert listed(threshold_pairs(np.float32([[1, 0]]), np.float32([[0.5, 0], [0.25, 0]]), 0.5)) == [(0, 0)]


def test_mutual_keeps_who_is_the_other_s_nearest():
    assert listed(mutual_pairs(OWN, THEIRS)) == [(0, 0), (1, 2)]  # 180° is nearest to nobody
    assert listed(mutual_pairs(THEIRS, OWN)) == [(0, 0), (2, 1)]


def test_random_is_drawn_without_repeats_and_blind():
    found = random_pairs(OWN, THEIRS, 3, seed=1)
    assert found.row.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert all(len(set(found.column[found.row == row])) == 3 for row in range(3))
    assert len(set(found.cosine.tolist())) == 1  # no weight could tell a good one among those drawn
    assert found.cosine[0] == pytest.approx(
        np.mean([OWN[r] @ THEIRS[c] for r, c in zip(found.row, found.column, strict=True)]), abs=1e-6
    )
    assert listed(found) == listed(random_pairs(OWN, THEIRS, 3, seed=1)) != listed(random_pairs(OWN, THEIRS, 3, seed=2))
    assert len(random_pairs(OWN, THEIRS, 9, seed=1)) == 12  # no more than there are


def test_random_takes_everyone_equally_often():
    many = np.repeat(OWN, 400, axis=0)
    count = np.bincount(random_pairs(many, THEIRS, 1, seed=0).column, minlength=4)
    assert count.sum() == 1200 and (abs(count - 300) < 60).all()  # four standard deviations


def test_oracle_takes_the_most_similar_of_the_same_label():
    found = oracle_pairs(OWN, THEIRS, np.array([5, 7, -1]), np.array([7, 5, 7, 5]), 1)
    assert listed(found) == [(0, 1), (1, 2)]  # 20° rather than 300° for label 5; whoever has no label has no partner
    assert listed(oracle_pairs(OWN, THEIRS, np.array([5, 7, 7]), np.array([7, 5, 7, 5]), 9)) == [
        (0, 1), (0, 3), (1, 2), (1, 0), (2, 2), (2, 0),
    ]  # fmt: skip
    assert len(oracle_pairs(OWN, THEIRS, np.array([1, 1, -1]), np.array([2, 2, -1, -1]), 3)) == 0


def test_the_configuration_offers_these_schemes_and_another_is_refused():
    assert set(BindSettings.model_fields["pairing"].annotation.__args__) == set(PAIRINGS)
    with pytest.raises(ValueError, match="unknown pairing 'best'"):
        scheme_of("best", 1, 0.0, 0)


# --- twins ------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4))
def test_every_scheme_equals_its_plain_twin(seed, queries, candidates, width, partners):
    """Small whole numbers: products are exact and ties are many."""
    generator = np.random.default_rng(seed)
    one = generator.integers(-2, 3, (queries, width)).astype(np.float32)
    other = generator.integers(-2, 3, (candidates, width)).astype(np.float32)
    label, their_label = generator.integers(-1, 3, queries), generator.integers(-1, 3, candidates)
    assert listed(nearest_pairs(one, other, partners)) == nearest_plainly(one, other, partners)
    assert listed(threshold_pairs(one, other, 1.0, block_rows=2)) == threshold_plainly(one, other, 1.0)
    if queries:
        assert listed(mutual_pairs(one, other)) == mutual_plainly(one, other)
    assert listed(oracle_pairs(one, other, label, their_label, partners)) == oracle_plainly(
        one, other, label, their_label, partners
    )


# --- k partners as one ------------------------------------------------------------------------------------------------


def test_a_list_whose_weights_sum_to_one_is_the_loss_against_the_weighted_mean_partner():
    """Form mmbind, exactly; with the same negatives in both."""
    generator = torch.Generator().manual_seed(0)
    anchors, partners, negatives = (
        torch.nn.functional.normalize(torch.randn(n, 8, generator=generator), dim=1) for n in (2, 3, 4)
    )
    weight = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.0, 0.9]])
    merged = weight @ partners  # (2, d), not stretched to unit length
    outside, inside = torch.zeros(2, 4), torch.ones(2, 4, dtype=torch.bool)
    listed_sum, listed_weight = contrast_sums(
        anchors, torch.cat([partners, negatives]), torch.cat([weight, outside], dim=1),
        torch.cat([torch.zeros(2, 3, dtype=torch.bool), inside], dim=1), 0.1,
    )  # fmt: skip
    merged_sum, merged_weight = contrast_sums(
        anchors, torch.cat([merged, negatives]), torch.cat([torch.eye(2), outside], dim=1),
        torch.cat([torch.zeros(2, 2, dtype=torch.bool), inside], dim=1), 0.1,
    )  # fmt: skip
    assert torch.allclose(listed_sum, merged_sum, atol=1e-5) and torch.allclose(listed_weight, merged_weight)


def test_shared_out_by_hand():
    row = np.array([0, 0, 3, 3, 5])
    assert np.allclose(shared_out(np.float32([1, 3, 0, 0, 2]), row), [0.25, 0.75, 0, 0, 1])
    assert len(shared_out(np.zeros(0, np.float32), np.zeros(0, np.int64))) == 0


@pytest.mark.parametrize("rule", ["normalized", "cosine", "softmax", "none"])
def test_topk_sum_binds_whom_nearest_binds_with_weights_that_sum_to_one(rule):
    nodes = {0: Embedded("a", np.array([1, 2]), turned(0, 90)), 1: Embedded("b", np.array([11, 12]), turned(10, 60))}
    one, other = bind(nodes, rule, 2, "topk_sum"), bind(nodes, rule, 2)
    assert np.array_equal(one.partner_handle, other.partner_handle) and np.array_equal(one.cosine, other.cosine)
    for handle in (1, 2, 11, 12):
        assert one.weight[one.handle == handle].sum() == pytest.approx(1.0, abs=1e-6)


def test_softmax_weights_of_uneven_rows_are_those_of_each_row_alone():
    cosine, row = np.float32([0.9, 0.8, 0.5, 0.9, 0.85]), np.array([0, 0, 2, 4, 4])
    weights = pair_weights_by_row(cosine, row, "softmax")
    for each in (0, 2, 4):
        assert np.array_equal(weights[row == each], pair_weights(cosine[row == each][None], "softmax")[0])
    assert np.array_equal(pair_weights_by_row(cosine, row, "normalized"), pair_weights(cosine, "normalized"))


# --- what holds for every scheme --------------------------------------------------------------------------------------


@st.composite
def nodes_and_labels(draw, groups="abc"):
    """Samples at exact whole-number coordinates on up to five nodes, labels by handle."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    handles = iter(generator.permutation(1000).tolist())
    made = {}
    for partition in range(draw(st.integers(2, 5))):
        count = draw(st.integers(0, 4))
        vectors = generator.integers(-3, 4, (count, 3)).astype(np.float32)
        group = draw(st.sampled_from(groups))
        made[partition] = Embedded(group, np.array([next(handles) for _ in range(count)], dtype=np.int64), vectors)
    label_of = {h: int(generator.integers(-1, 2)) for e in made.values() for h in e.handles.tolist()}
    return made, label_of


def bound(made, label_of, pairing, rule="softmax"):
    return bind(made, rule, 2, pairing, threshold=1.0, seed=3, label_of=label_of)


def as_set(pairs, name=lambda handle: handle):
    columns = (pairs.handle, pairs.partner_handle, pairs.node, pairs.partner_node, pairs.cosine, pairs.weight)
    return {(name(h), name(q), *rest) for h, q, *rest in zip(*(column.tolist() for column in columns), strict=True)}


EVERY = pytest.mark.parametrize("pairing", PAIRINGS)


@EVERY
@given(nodes_and_labels(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(pairing, drawn, shuffler):
    made, label_of = drawn
    order = list(made)
    shuffler.shuffle(order)
    one, other = bound(made, label_of, pairing), bound({p: made[p] for p in order}, label_of, pairing)
    for name in Pairs.__dataclass_fields__:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@EVERY
@given(nodes_and_labels(), st.integers(0, 2**32 - 1))
def test_other_handles_give_the_same_pairs_under_the_other_handles(pairing, drawn, seed):
    made, label_of = drawn
    renamed = dict(enumerate(np.random.default_rng(seed).permutation(1000).tolist()))
    other = {
        p: Embedded(e.group, np.array([renamed[h] for h in e.handles.tolist()], dtype=np.int64), e.vectors)
        for p, e in made.items()
    }
    labels = {renamed[h]: label for h, label in label_of.items()}
    assert as_set(bound(made, label_of, pairing), renamed.get) == as_set(bound(other, labels, pairing))


@EVERY
@given(nodes_and_labels())
def test_groups_that_hold_the_same_are_bound_alike_both_ways(pairing, drawn):
    """Group b is a copy of group a under handles 1000 higher: i is bound to j's copy just where i's copy is to j."""
    made, label_of = drawn
    one = {p: Embedded("a", e.handles, e.vectors) for p, e in made.items()}
    copy = {10 + p: Embedded("b", e.handles + 1000, e.vectors) for p, e in made.items()}
    pairs = bound({**one, **copy}, label_of | {h + 1000: label for h, label in label_of.items()}, pairing)
    found = {(h, q) for h, q, *_ in as_set(pairs)}
    assert {((h + 1000) % 2000, (q + 1000) % 2000) for h, q in found} == found


@pytest.mark.parametrize("pairing", ["threshold", "mutual"])
@given(nodes_and_labels())
def test_mutual_and_threshold_pairs_hold_both_ways_whatever_the_samples(pairing, drawn):
    found = {(h, q) for h, q, *_ in as_set(bound(*drawn, pairing))}
    assert {(q, h) for h, q in found} == found


@EVERY
@given(nodes_and_labels())
def test_nobody_is_bound_within_a_group_and_weights_are_sane(pairing, drawn):
    made, label_of = drawn
    pairs = bound(made, label_of, pairing)
    assert all(
        made[n].group != made[m].group for n, m in zip(pairs.node.tolist(), pairs.partner_node.tolist(), strict=True)
    )
    assert ((pairs.weight >= 0) & (pairs.weight <= 1)).all()
    if pairing == "oracle":
        assert all(label_of[h] == label_of[q] >= 0 for h, q, *_ in as_set(pairs))


@given(nodes_and_labels(), st.sampled_from(["normalized", "cosine", "log", "softmax", "none"]), st.integers(1, 3))
def test_nearest_gives_what_it_always_gave_bit_by_bit(drawn, rule, partners):
    """The pairs of one direction are the rows of `nearest`, weighted as one (n, k) table."""
    made, _ = drawn
    pairs = bind(made, rule, partners)
    expected = []
    groups = sorted({e.group for e in made.values() if len(e.handles)})
    side = {
        g: [np.concatenate([x for p in sorted(made) if made[p].group == g for x in [pick(p)]]) for pick in (
            lambda p: np.full(len(made[p].handles), p), lambda p: made[p].handles, lambda p: made[p].vectors)]
        for g in groups
    }  # fmt: skip
    for own in groups:
        for other in groups:
            if own != other:
                index, cosine = nearest(side[own][2], side[other][2], partners)
                weight, k = pair_weights(cosine, rule), index.shape[1]
                expected.append((
                    side[own][0].repeat(k), side[own][1].repeat(k), side[other][0][index.ravel()],
                    side[other][1][index.ravel()], cosine.ravel(), weight.ravel(),
                ))  # fmt: skip
    for name, column in zip(Pairs.__dataclass_fields__, zip(*expected, strict=True), strict=False):
        assert getattr(pairs, name).tobytes() == np.concatenate(column).tobytes()
    assert bool(expected) == bool(len(pairs))
