"""Pseudo-labels that bound samples agree on: what a network says of a sample, of those alike, and of those bound to it.

A network that was fine-tuned on a few labelled samples is often wrong about one sensor of one sample. But the server
knows which samples are of one event: those alike in the shared modality, and partners in other groups, which hold another
sensor. One step of label propagation over both (Zhu and Ghahramani, CMU-CALD-02-107, 2002), with a product over groups,
whose sensors err apart from each other (Hinton, Neural Computation 2002), joins what the sensors say without any sample
leaving its node. MMBind has no such step; this is ours.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array

from server.binding.bind import Embedded, Pairs

LEAST = 1e-4  # of a class's probability, so that no one sample can rule a class out


def agreed(
    predicted: Mapping[int, Embedded],
    pairs: Pairs,
    alike: Pairs,
    temperature: float = 0.1,
    prior: np.ndarray | None = None,
    alignment: float = 1.0,
) -> dict[int, np.ndarray]:
    """By node class probabilities float32 (n, class) of its samples, in the order in which they were given.

    predicted    by node its group, its samples' handles int64 (n,), and as `vectors` class probabilities (n, class), whose
                 rows sum to 1
    pairs        who is bound to whom; partners in other groups are asked, those in the same group count as alike
    alike        further samples of one event as far as can be seen; those of other groups are not asked
    temperature  samples weigh exp((cosine - 1) / temperature) beside each other
    prior        how often each class is expected on every node (class,); None: nothing is expected
    alignment    how far that is believed, 0 to 1

    What a node's samples are said to be, and what they agree on, is `aligned` to the prior. Between the two, with f the
    mean of a sample's own row and of the mean row of those alike (its own alone, where nobody is),
        q ∝ ( f · Π_g f_g )^(1 / (1 + groups)),   f_g the mean of f over its partners in group g,
    over the groups in which it has any. Handles of which nothing was predicted are left out.
    """
    members = sorted(predicted)
    if not members:
        return {}
    handles = np.concatenate([predicted[p].handles for p in members])
    expected = None if prior is None else np.asarray(prior, dtype=np.float64)
    said = np.concatenate([aligned(predicted[p].vectors, expected, alignment) for p in members])  # (n, class)
    names = sorted({predicted[p].group for p in members})
    counts = [len(predicted[p].handles) for p in members]
    group = np.repeat([names.index(predicted[p].group) for p in members], counts)  # (n,)

    bound, near = (_links(handles, each, temperature) for each in (pairs, alike))
    around, some = _mean_over([_where(link, group, None) for link in (bound, near)], said)
    f = np.where(some, (said + around) / 2.0, said)
    total, groups = np.log(np.maximum(f, LEAST)), np.ones((len(f), 1))
    for theirs in range(len(names)):
        partners, some = _mean_over([_where(bound, group, theirs)], f)
        total += np.where(some, np.log(np.maximum(partners, LEAST)), 0.0)
        groups += some
    q = np.exp(total / groups)
    parts = np.split(q / q.sum(axis=1, keepdims=True), np.cumsum(counts)[:-1])
    return {p: aligned(part, expected, alignment).astype(np.float32) for p, part in zip(members, parts, strict=True)}


def aligned(rows: np.ndarray, prior: np.ndarray | None, alignment: float = 1.0) -> np.ndarray:
    """Class probabilities (n, class) whose mean is drawn to `prior`: rows ∝ rows · (prior / mean)^alignment.

    A network that sees a new person through one of its sensors says some classes far too often; this takes it back
    (distribution alignment: Berthelot et al., ReMixMatch, ICLR 2020, there with a moving average for the mean). The mean
    is that of the rows and one more sample of each class, so that a node of a few samples is not drawn far.
    """
    told = np.asarray(rows, dtype=np.float64)
    if prior is None or not len(told) or not alignment:
        return told
    classes = told.shape[1]
    mean = (told.sum(axis=0) + 1.0) / (len(told) + classes)  # (class,)
    drawn = told * (prior / mean) ** alignment
    total = drawn.sum(axis=1, keepdims=True)
    return np.where(total > 0, drawn / np.where(total > 0, total, 1.0), told)


Links = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows (m,), the rows they lead to (m,), weights (m,)


def _links(handles: np.ndarray, pairs: Pairs, temperature: float) -> Links:
    """Pairs as places among `handles`; those with an unknown side are left out."""
    if not len(handles) or not len(pairs):
        nobody = np.zeros(0, dtype=np.int64)
        return nobody, nobody, np.zeros(0)
    order = np.argsort(handles, kind="stable")
    rising = handles[order]

    def place(wanted: np.ndarray) -> np.ndarray:  # -1 where it is not there
        at = np.minimum(np.searchsorted(rising, wanted), len(rising) - 1)
        return np.where(rising[at] == wanted, order[at], -1)

    row, other = place(pairs.handle), place(pairs.partner_handle)
    known = (row >= 0) & (other >= 0)
    weight = np.exp((np.asarray(pairs.cosine, dtype=np.float64) - 1.0) / temperature)
    return row[known], other[known], weight[known]


def _where(links: Links, group: np.ndarray, theirs: int | None) -> Links:
    """The links that stay in their group (None), or lead from another one into group `theirs`."""
    row, other, weight = links
    kept = group[row] == group[other] if theirs is None else (group[other] == theirs) & (group[row] != theirs)
    return row[kept], other[kept], weight[kept]


def _mean_over(links: list[Links], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weighted mean of the values (n, class) that each row's links lead to, and who has any link, bool (n, 1)."""
    row, other, weight = (np.concatenate(parts) for parts in zip(*links, strict=True))
    matrix = csr_array((weight, (row, other)), shape=(len(values), len(values)))
    total = matrix.sum(axis=1)[:, None]  # (n, 1)
    return (matrix @ values) / np.maximum(total, np.finfo(np.float64).tiny), total > 0
