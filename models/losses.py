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

import torch
from torch import Tensor

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


def contrast_sums(
    anchors: Tensor, candidates: Tensor, positive: Tensor, negative: Tensor, temperature: float, form: str = "mmbind"
) -> tuple[Tensor, Tensor]:
    """Weighted sum of -log( exp(s_ap) / Σ exp(s_ak) ) over (anchor, positive) pairs, and the sum of their weights.

    anchors     (n, d) unit rows
    candidates  (m, d) unit rows
    positive    (n, m) weight of each candidate as a positive of each anchor; 0: none
    negative    (n, m) bool: which candidates stand in the denominator
    `mmbind`: the denominator is the negatives alone; `supcon`: negatives and positives.
    An anchor without anything in its denominator takes no part. Raises ValueError for another form.
    """
    if form not in FORMS:
        raise ValueError(f"unknown form {form!r}: one of {', '.join(FORMS)}")
    similarity = anchors @ candidates.T / temperature  # (n, m)
    below = negative if form == "mmbind" else negative | (positive > 0)
    usable = below.any(dim=1, keepdim=True)  # (n, 1)
    floor = torch.finfo(similarity.dtype).min  # not -inf: a row without denominator must not make NaN in the gradient
    log_denominator = similarity.masked_fill(~below, floor).logsumexp(dim=1, keepdim=True)  # (n, 1)
    weight = positive * usable
    each = torch.where(weight > 0, log_denominator - similarity, torch.zeros_like(similarity))
    return (weight * each).sum(), weight.sum()


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
    names = sorted(views)
    rows = len(views[names[0]])
    bank, here, known = _joined(names, views, present, identity, targets)
    related = _related(rows, here, known)  # (n, n + m)
    own = torch.zeros(related.shape, dtype=torch.bool)
    own[range(rows), range(rows)] = True
    others = torch.zeros(related.shape) if affinity is None else affinity.masked_fill(own, 0.0)
    related = related | (others > 0)
    if undecided is not None:
        related = related | undecided

    total, weight = [], []
    for a in names:
        anchors = bank[a][:rows]
        positives, negatives, candidates = [], [], []
        for b in names:
            both = here[a][:rows, None] & here[b][None, :]  # (n, n + m)
            positive = others.to(anchors.dtype)
            if isinstance(weights, Tensor):
                positive = positive * weights[:, None].to(anchors.dtype)
            if a != b:
                pair = weights if isinstance(weights, Tensor) else weights[a] * weights[b]
                positive = torch.where(own, pair[:, None].to(anchors.dtype), positive)
            elif form == "mmbind":
                continue  # a modality is not contrasted with itself
            positives.append(torch.where(both, positive, torch.zeros_like(positive)))
            negatives.append(both & ~related)
            candidates.append(bank[b])
        if form == "supcon":  # one denominator over all modalities
            positives, negatives = [torch.cat(positives, dim=1)], [torch.cat(negatives, dim=1)]
            candidates = [torch.cat(candidates)]
        for positive, negative, candidate in zip(positives, negatives, candidates, strict=True):
            part, part_weight = contrast_sums(anchors, candidate, positive, negative, temperature, form)
            total.append(part)
            weight.append(part_weight)
    if not total:
        return bank[names[0]].sum() * 0.0
    return torch.stack(total).sum() / torch.stack(weight).sum().clamp(min=1e-12)


def _joined(
    names: list[str],
    views: Mapping[str, Tensor],
    present: Mapping[str, Tensor],
    identity: Mapping[str, Tensor],
    targets: Targets | None,
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """The batch's rows followed by the targets' rows, per modality; absent views are zeros without gradient."""
    bank, here, known = {}, {}, {}
    extra = len(next(iter(targets.views.values()))) if targets else 0
    for name in names:
        parts = [(views[name], present[name], identity[name])]
        if targets and name in targets.views:
            parts.append((targets.views[name].detach(), targets.present[name], targets.identity[name]))
        elif extra:
            nobody = torch.zeros(extra, dtype=torch.bool)
            parts.append((views[name].new_zeros(extra, views[name].shape[1]), nobody, nobody.long()))
        value, flag, ids = (torch.cat(column) for column in zip(*parts, strict=True))
        bank[name] = torch.where(flag[:, None], value, torch.zeros_like(value))
        here[name], known[name] = flag, ids
    return bank, here, known


def _related(rows: int, here: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> Tensor:
    """Which rows share a sample with which: bool (n, n + m)."""
    related = torch.zeros(rows, len(next(iter(here.values()))), dtype=torch.bool)
    for name, flag in here.items():
        related |= (known[name][:rows, None] == known[name][None, :]) & flag[:rows, None] & flag[None, :]
    return related
