"""Eq. 3 on hand-worked rows, then what absent views and relations may and may not do."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from models.losses import Targets, contrast_sums, contrast_sums_plain, weighted_contrastive

E1, E2 = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
YES = torch.tensor([True, True])


def batch(rows: int, seed: int, modalities: str = "abc", present_share: float = 0.7):
    draw = torch.Generator().manual_seed(seed)
    views = {m: F.normalize(torch.randn(rows, 4, generator=draw, dtype=torch.float64), dim=1) for m in modalities}
    present = {m: torch.rand(rows, generator=draw) < present_share for m in modalities}
    identity = {m: torch.randint(0, 2 * rows, (rows,), generator=draw) for m in modalities}
    weights = torch.rand(rows, generator=draw, dtype=torch.float64) + 0.1
    return views, present, weights, identity


def two_rows(form: str, **change):
    """Row 0: a = e1, b = e1. Row 1: a = e2, b = (0.6, 0.8). Temperature 1, weights 1."""
    given = {
        "views": {"a": torch.stack([E1, E2]), "b": torch.stack([E1, torch.tensor([0.6, 0.8])])},
        "present": {"a": YES, "b": YES},
        "weights": torch.ones(2),
        "identity": {"a": torch.tensor([0, 1]), "b": torch.tensor([0, 1])},
    }
    return weighted_contrastive(**(given | change), temperature=1.0, form=form)


def test_mmbind_by_hand_positive_is_not_in_the_denominator():
    # a0: log e^0.6 - 1; a1: log e^0 - 0.8; b0: log e^0 - 1; b1: log e^0.6 - 0.8
    assert two_rows("mmbind").item() == pytest.approx((-0.4 - 0.8 - 1.0 - 0.2) / 4)


def test_supcon_by_hand_positive_and_own_modality_are_in_the_denominator():
    e = math.exp
    a0 = math.log(e(0) + e(1) + e(0.6)) - 1
    a1 = math.log(e(0) + e(0) + e(0.8)) - 0.8
    b0 = math.log(e(1) + e(0) + e(0.6)) - 1
    b1 = math.log(e(0.6) + e(0.8) + e(0.6)) - 0.8
    assert two_rows("supcon").item() == pytest.approx((a0 + a1 + b0 + b1) / 4)


def test_weights_weigh_rows_and_per_view_weights_multiply():
    by_row = two_rows("mmbind", weights=torch.tensor([1.0, 3.0]))
    assert by_row.item() == pytest.approx((-0.4 - 1.0 + 3 * (-0.8 - 0.2)) / 8)
    by_view = two_rows("mmbind", weights={"a": torch.tensor([1.0, 1.0]), "b": torch.tensor([1.0, 3.0])})
    assert by_view.item() == pytest.approx(by_row.item())


def test_rows_with_the_same_partner_are_not_negatives():
    identity = {"a": torch.tensor([0, 1]), "b": torch.tensor([7, 7])}
    assert two_rows("mmbind", identity=identity).item() == 0.0  # nobody is left for the denominator


def test_targets_are_negatives_without_gradient_unless_they_hold_the_rows_own_sample():
    views = {"a": torch.stack([E1, E2]), "b": torch.stack([E1, torch.tensor([0.6, 0.8])])}
    far = torch.tensor([[0.8, -0.6]], requires_grad=True)
    one = torch.tensor([True])
    elsewhere = Targets({"b": far}, {"b": one}, {"b": torch.tensor([9])})
    loss = two_rows("mmbind", targets=elsewhere)
    a0 = math.log(math.exp(0.6) + math.exp(0.8)) - 1
    a1 = math.log(math.exp(0) + math.exp(-0.6)) - 0.8
    assert loss.item() == pytest.approx((a0 + a1 - 1.0 - 0.2) / 4)
    assert not loss.requires_grad
    same = Targets({"b": far}, {"b": one}, {"b": torch.tensor([0])})  # row 0's own sample: no negative of row 0
    a0 = 0.6 - 1
    assert two_rows("mmbind", targets=same).item() == pytest.approx((a0 + a1 - 1.0 - 0.2) / 4)
    assert views["a"].grad is None


def test_affinity_makes_other_rows_positives():
    target = Targets({"b": E1[None]}, {"b": torch.tensor([True])}, {"b": torch.tensor([9])})
    nothing = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    bound = torch.tensor([[0.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
    plain = two_rows("mmbind", targets=target, affinity=nothing).item()
    assert plain == pytest.approx(two_rows("mmbind", targets=target).item())
    a1 = math.log(math.exp(0) + math.exp(0)) - 0.8  # for row 1 the target is a negative
    assert two_rows("mmbind", targets=target, affinity=bound).item() == pytest.approx(
        (-0.4 + 0.5 * (0.6 - 1) + a1 - 1.0 - 0.2) / 4.5
    )


def test_undecided_rows_are_neither_positives_nor_negatives():
    target = Targets({"b": E1[None]}, {"b": torch.tensor([True])}, {"b": torch.tensor([9])})
    undecided = torch.tensor([[False, False, True], [False, False, True]])
    with_it = two_rows("mmbind", targets=target, undecided=undecided).item()
    assert with_it == pytest.approx(two_rows("mmbind").item())
    assert with_it != pytest.approx(two_rows("mmbind", targets=target).item())


def test_a_lone_view_gives_zero():
    lone = {"a": torch.tensor([True, False]), "b": torch.tensor([False, True])}
    assert two_rows("mmbind", present=lone).item() == 0.0
    assert two_rows("supcon", present=lone).item() == 0.0


def test_unknown_form_is_refused():
    with pytest.raises(ValueError, match="mmbind, supcon"):
        two_rows("infonce")


forms = st.sampled_from(["mmbind", "supcon"])


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 7), st.integers(0, 10_000), forms)
def test_absent_views_have_no_influence_and_no_gradient(rows, seed, form):
    views, present, weights, identity = batch(rows, seed)
    plain = weighted_contrastive(views, present, weights, identity, form=form)
    other = {
        m: torch.where(present[m][:, None], v, torch.full_like(v, torch.nan)).requires_grad_() for m, v in views.items()
    }
    renamed = {m: torch.where(present[m], i, torch.zeros_like(i)) for m, i in identity.items()}
    loss = weighted_contrastive(other, present, weights, renamed, form=form)
    assert loss.item() == plain.item()
    loss.backward()
    for m, v in other.items():
        assert torch.isfinite(v.grad).all()
        assert (v.grad[~present[m]] == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 7), st.integers(0, 10_000), forms)
def test_the_order_of_rows_and_the_names_of_modalities_do_not_matter(rows, seed, form):
    views, present, weights, identity = batch(rows, seed)
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    rename = {"a": "c", "b": "a", "c": "b"}
    moved = [{rename[m]: x[order] for m, x in part.items()} for part in (views, present, identity)]
    expected = weighted_contrastive(views, present, weights, identity, form=form)
    actual = weighted_contrastive(moved[0], moved[1], weights[order], moved[2], form=form)
    assert actual.item() == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("form", ["mmbind", "supcon"])
def test_gradient_is_that_of_finite_differences(form):
    views, present, weights, identity = batch(5, seed=3)
    leaves = [v.requires_grad_() for v in views.values()]

    def loss(*values):
        return weighted_contrastive(dict(zip("abc", values, strict=True)), present, weights, identity, 0.5, form)

    assert torch.autograd.gradcheck(loss, leaves)


@pytest.mark.parametrize("form", ["mmbind", "supcon"])
def test_agrees_with_plain_loops(form):
    views, present, weights, identity = batch(6, seed=11)
    total = weight = 0.0
    for a in "abc":
        for i in range(6):
            if not present[a][i]:
                continue
            for b in "abc":
                if b == a or not present[b][i]:
                    continue
                below = []
                for c in "abc" if form == "supcon" else b:
                    for k in range(6):
                        tied = any(present[m][i] and present[m][k] and identity[m][i] == identity[m][k] for m in "abc")
                        own_positive = k == i and c != a and form == "supcon"
                        if present[c][k] and (own_positive or not tied):
                            below.append(math.exp(views[a][i] @ views[c][k] / 0.1))
                if below:
                    total += weights[i].item() * (math.log(sum(below)) - (views[a][i] @ views[b][i]).item() / 0.1)
                    weight += weights[i].item()
    actual = weighted_contrastive(views, present, weights, identity, 0.1, form)
    assert actual.item() == pytest.approx(total / weight)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 10_000), forms, st.sampled_from([0.01, 0.1, 1.0]))
def test_sums_and_their_gradients_are_those_of_the_plain_twin(rows, columns, seed, form, temperature):
    draw = torch.Generator().manual_seed(seed)
    anchors, candidates = (
        F.normalize(torch.randn(n, 4, generator=draw, dtype=torch.float64), dim=1) for n in (rows, columns)
    )
    positive = torch.rand(rows, columns, generator=draw, dtype=torch.float64) * (
        torch.rand(rows, columns, generator=draw) < 0.4
    )
    negative = (torch.rand(rows, columns, generator=draw) < 0.5) & (positive == 0)  # some rows are left without any
    found = []
    for sums in (contrast_sums, contrast_sums_plain):
        leaves = [each.clone().requires_grad_() for each in (anchors, candidates)]
        total, weight = sums(*leaves, positive, negative, temperature, form)
        (3.0 * total).backward()
        found.append([total.detach(), weight, *(leaf.grad for leaf in leaves)])
    for fast, plain in zip(*found, strict=True):
        assert torch.allclose(fast, plain, rtol=1e-9, atol=1e-9)


def test_sums_stay_finite_at_a_temperature_at_which_single_precision_underflows():
    anchors = F.normalize(torch.tensor([[1.0, 0.0]]), dim=1).requires_grad_()
    candidates = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    positive, negative = torch.tensor([[1.0, 0.0]]), torch.tensor([[False, True]])
    total, _ = contrast_sums(anchors, candidates, positive, negative, 0.005)
    total.backward()
    assert total.item() == pytest.approx(-400.0) and torch.isfinite(anchors.grad).all()


def test_a_modality_that_nobody_of_the_batch_holds_has_a_gradient_of_zero():
    """Not none at all: its network would be left out of the optimiser's step."""
    views, _, weights, identity = batch(3, seed=0)
    leaves = {m: v.requires_grad_() for m, v in views.items()}
    here = {
        "a": torch.ones(3, dtype=torch.bool),
        "b": torch.ones(3, dtype=torch.bool),
        "c": torch.zeros(3, dtype=torch.bool),
    }
    weighted_contrastive(leaves, here, weights, identity).backward()
    assert (leaves["c"].grad == 0).all() and (leaves["a"].grad != 0).any()
