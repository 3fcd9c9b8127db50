"""Weighted contrastive learning over rows whose modalities are incomplete (MMBind section 4.3, eq. 3).

A *row* is an event as far as it is known: a natural pair (accelerometer and gyroscope of one recording), or a
pseudo-pair, where the view a node lacks is the embedding of the partner that binding found. Every present view is an
anchor; the other views of its row, and of rows bound to it (`affinity`), are its positives.

Two named forms:

`mmbind`   eq. 3 as this project reads the paper (its text was at hand in outline only): for every ordered pair of
           modalities (a, b),  -w_i log( exp(a_i·b_i/τ) / Σ_k exp(a_i·b_k/τ) ),  k over *other* events' views of b:
           the positive is not in the denominator and a modality is never contrasted with itself.
`supcon`   the form of the paper's public code (Khosla et al., NeurIPS 2020, eq. 2): the denominator runs over all
           other views, positives and the anchor's own modality included.

Departures from the public code, on purpose: an absent view takes part in nothing (there it is a zero vector that acts
as a view), and rows that hold the same sample in any modality are never each other's negatives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

FORMS = ("mmbind", "supcon")


@dataclass(frozen=True)
class Targets:
    """Rows of other nodes' embeddings: constants that serve as positives and negatives, never as anchors.

    views     modality -> (m, d) unit rows
    present   modality -> bool (m,)
    identity  modality -> int64 (m,), in the same numbering as the batch's own
    """

    views: Mapping[str, Tensor]
    present: Mapping[str, Tensor]
    identity: Mapping[str, Tensor]

    @cached_property
    def constants(self) -> Mapping[str, Tensor]:
        """The views without gradient, absent ones zero: the same for every batch."""
        return {
            name: torch.where(self.present[name][:, None], view.detach(), torch.zeros_like(view))
            for name, view in self.views.items()
        }

    def rows(self) -> int:
        """m."""
        return len(next(iter(self.views.values())))


def contrast_sums(
    anchors: Tensor, candidates: Tensor, positive: Tensor, negative: Tensor, temperature: float, form: str = "mmbind"
) -> tuple[Tensor, Tensor]:
    """Weighted sum of -log( exp(s_ap) / Σ exp(s_ak) ) over (anchor, positive) pairs, and the sum of their weights.

    anchors     (n, d) unit rows
    candidates  (m, d) unit rows
    positive    (n, m) weight of each candidate as a positive of each anchor; 0: none. Gets no gradient
    negative    (n, m) bool: which candidates stand in the denominator
    `mmbind`: the denominator is the negatives alone; `supcon`: negatives and positives.
    An anchor without anything in its denominator takes no part. Raises ValueError for another form.

    The gradient is written out: the similarities' own is  w_i · softmax over the denominator - w_ij,  w_i = Σ_j w_ij,
    made in the same pass. `contrast_sums_plain` is its twin.
    """
    below = _below(positive, negative, form)
    total, weight = _Sums.apply(anchors, candidates, positive.detach(), below, temperature)
    return total, weight


def contrast_sums_plain(
    anchors: Tensor, candidates: Tensor, positive: Tensor, negative: Tensor, temperature: float, form: str = "mmbind"
) -> tuple[Tensor, Tensor]:
    """`contrast_sums` as one would write it, with autograd's gradient."""
    below = _below(positive, negative, form)
    similarity = anchors @ candidates.T / temperature  # (n, m)
    usable = below.any(dim=1, keepdim=True)  # (n, 1)
    floor = torch.finfo(similarity.dtype).min  # not -inf: a row without denominator must not make NaN in the gradient
    log_denominator = similarity.masked_fill(~below, floor).logsumexp(dim=1, keepdim=True)  # (n, 1)
    weight = positive * usable
    each = torch.where(weight > 0, log_denominator - similarity, torch.zeros_like(similarity))
    return (weight * each).sum(), weight.sum()


def _below(positive: Tensor, negative: Tensor, form: str) -> Tensor:
    """What stands in the denominator, bool (n, m)."""
    if form not in FORMS:
        raise ValueError(f"unknown form {form!r}: one of {', '.join(FORMS)}")
    return negative if form == "mmbind" else negative | (positive > 0)


class _Sums(torch.autograd.Function):
    """Both sums, and on the way the gradient of the first by the similarities, (n, m)."""

    @staticmethod
    def forward(
        ctx: Any, anchors: Tensor, candidates: Tensor, positive: Tensor, below: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        similarity = torch.matmul(anchors, candidates.T).div_(temperature)  # (n, m)
        masked = similarity.masked_fill(~below, -torch.inf)
        highest = masked.amax(dim=1, keepdim=True)  # (n, 1), -inf where nothing stands below
        usable = highest > -torch.inf
        highest = highest.masked_fill_(~usable, 0.0)
        share = masked.sub_(highest).exp_()  # (n, m), 0 where not below
        denominator = share.sum(dim=1, keepdim=True).masked_fill_(~usable, 1.0)
        weight = positive * usable
        each = weight.sum(dim=1, keepdim=True)  # (n, 1)
        total = (each * (highest + denominator.log())).sum() - torch.vdot(weight.view(-1), similarity.view(-1))
        ctx.save_for_backward(anchors, candidates, share.mul_(each / denominator).sub_(weight))
        ctx.temperature = temperature
        whole = each.sum()
        ctx.mark_non_differentiable(whole)
        return total, whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, up: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        anchors, candidates, by_similarity = ctx.saved_tensors
        by_similarity = by_similarity * (up / ctx.temperature)
        wanted = ctx.needs_input_grad
        return (
            by_similarity @ candidates if wanted[0] else None,
            by_similarity.T @ anchors if wanted[1] else None,
            None, None, None,
        )  # fmt: skip


def weighted_contrastive(
    views: Mapping[str, Tensor],
    present: Mapping[str, Tensor],
    weights: Tensor | Mapping[str, Tensor],
    identity: Mapping[str, Tensor],
    temperature: float = 0.1,
    form: str = "mmbind",
    targets: Targets | None = None,
    affinity: Tensor | None = None,
    undecided: Tensor | None = None,
) -> Tensor:
    """Eq. 3 over a batch of n rows, each with any subset of the modalities: the weighted mean over positive pairs.

    views     modality -> (n, d) unit rows; a constant view is a partner's embedding
    present   modality -> bool (n,)
    weights   (n,) per row, or modality -> (n,) per view, where a pair within a row weighs the product of its two views'
              weights (own views 1, a partner's view the pseudo-pair's weight)
    identity  modality -> int64 (n,): whose sample a view is. Rows that hold the same sample in any modality are never
              negatives of each other in any modality.
    targets   m further constant rows
    affinity  (n, n + m) weight with which each row is a positive of another one: soft or many partners, equal labels.
              A row's own entry is not read. None: no positives but the row's own views.
    undecided bool (n, n + m): rows too alike to call negatives, without being called positives

    Returns a scalar, 0 where no pair is left. Changing an absent view changes nothing and its gradient is exactly zero.
    """
    if form not in FORMS:
        raise ValueError(f"unknown form {form!r}: one of {', '.join(FORMS)}")
    names = sorted(views)
    rows = len(views[names[0]])
    bank, here, known = _joined(names, views, present, identity, targets)
    kind = bank[names[0]].dtype
    related = _related(rows, here, known)  # (n, n + m)
    own = torch.zeros(related.shape, dtype=torch.bool)
    own.fill_diagonal_(True)
    others = torch.zeros(related.shape, dtype=kind)
    if affinity is not None:
        others = affinity.to(kind).masked_fill(own, 0.0)
    related = related | (others > 0)
    if undecided is not None:
        related = related | undecided
    if isinstance(weights, Tensor):
        others = others * weights[:, None].to(kind)
    negative = {b: ~related & here[b] for b in names}

    total, weight = [], []
    for a in names:
        if not here[a][:rows].any():  # nobody is an anchor
            continue
        positives, negatives, candidates = [], [], []
        for b in names:
            if (a == b and form == "mmbind") or not here[b].any():
                continue  # a modality is not contrasted with itself
            positive = others
            if a != b:
                pair = weights if isinstance(weights, Tensor) else weights[a] * weights[b]
                positive = torch.where(own, pair[:, None].to(kind), positive)
            both = here[a][:rows, None] & here[b][None, :]  # (n, n + m)
            positives.append(positive * both)
            negatives.append(negative[b] & here[a][:rows, None])
            candidates.append(bank[b])
        if form == "supcon":  # one denominator over all modalities
            positives, negatives = [torch.cat(positives, dim=1)], [torch.cat(negatives, dim=1)]
            candidates = [torch.cat(candidates)]
        for positive, below, candidate in zip(positives, negatives, candidates, strict=True):
            part, part_weight = contrast_sums(bank[a][:rows], candidate, positive, below, temperature, form)
            total.append(part)
            weight.append(part_weight)
    nothing = torch.stack([bank[name].sum() for name in names]).sum() * 0.0  # who takes no part has a gradient of zero
    if not total:
        return nothing
    return torch.stack(total).sum() / torch.stack(weight).sum().clamp(min=1e-12) + nothing


def _joined(
    names: list[str],
    views: Mapping[str, Tensor],
    present: Mapping[str, Tensor],
    identity: Mapping[str, Tensor],
    targets: Targets | None,
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """The batch's rows followed by the targets' rows, per modality; absent views are zeros without gradient."""
    bank, here, known = {}, {}, {}
    for name in names:
        view, flag, ids = views[name], present[name], identity[name]
        view = torch.where(flag[:, None], view, torch.zeros_like(view))
        if targets and name in targets.views:
            view = torch.cat([view, targets.constants[name].to(view.dtype)])
            flag = torch.cat([flag, targets.present[name]])
            ids = torch.cat([ids, targets.identity[name]])
        elif targets:
            extra = targets.rows()
            view = torch.cat([view, view.new_zeros(extra, view.shape[1])])
            flag = torch.cat([flag, torch.zeros(extra, dtype=torch.bool)])
            ids = torch.cat([ids, torch.zeros(extra, dtype=ids.dtype)])
        bank[name], here[name], known[name] = view, flag, ids
    return bank, here, known


def _related(rows: int, here: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> Tensor:
    """Which rows share a sample with which: bool (n, n + m)."""
    related = torch.zeros(rows, len(next(iter(here.values()))), dtype=torch.bool)
    for name, flag in here.items():
        if not flag[:rows].any():
            continue
        related |= (known[name][:rows, None] == known[name][None, :]) & flag[:rows, None] & flag[None, :]
    return related
