"""Samples of all groups under their handles, and the pairs found among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from server.binding.pairing import Found, Side, scheme_of
from server.binding.search import Nearest, nearest
from server.binding.weights import pair_weights, pair_weights_by_row, shared_out


@dataclass(frozen=True)
class Embedded:
    """Samples of one node for matching: handles int64 (n,), unit rows float32 (n, d)."""

    group: str
    handles: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Bound pairs, one row each: a sample of `node`, its partner on `partner_node`, cosine and weight.

    All arrays have one entry a pair. A sample's partners in one group stand next to each other, the best first.
    """

    node: np.ndarray
    handle: np.ndarray
    partner_node: np.ndarray
    partner_handle: np.ndarray
    cosine: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.handle)

    def of(self, partition: int) -> Pairs:
        """The pairs of one node's own samples."""
        rows = self.node == partition
        return Pairs(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def by_node(self) -> dict[int, Pairs]:
        """The pairs of every node's own samples, in the same order: `of` for all at once."""
        order = np.argsort(self.node, kind="stable")
        nodes, first = np.unique(self.node[order], return_index=True)
        parts = np.split(order, first[1:])
        return {
            node: Pairs(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))
            for node, rows in zip(nodes.tolist(), parts, strict=False)
        }


def no_pairs() -> Pairs:
    """No pair at all, as for a method that binds nothing."""
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    return Pairs(whole, whole, whole, whole, real, real)


def bind(
    embedded: Mapping[int, Embedded],
    rule: str,
    partners: int = 1,
    pairing: str = "nearest",
    threshold: float = 1.0,
    seed: int = 0,
    label_of: Mapping[int, int] | None = None,
    find: Nearest = nearest,
) -> Pairs:
    """For every sample its partners in each other group (MMBind eq. 2, both ways), weighted by `rule`.

    The paper takes the nearest alone; with more `partners` each of them is a positive. `pairing` names one of
    `server.binding.pairing`, which may need `threshold`, `seed`, or `label_of` (handle -> class index).
    `find` looks for the nearest.

    Weights are made over all pairs of one direction (group to group) at once. Nodes are taken in rising order, so the
    order in which embeddings arrived has no influence. Groups without a sample are bound to nothing.
    """
    scheme = scheme_of(pairing, partners, threshold, seed, find)
    sides = sides_of(embedded, label_of or {})
    found = [
        directed(own, theirs, scheme(own, theirs), rule, pairing == "topk_sum")
        for own in sides
        for theirs in sides
        if own.group != theirs.group
    ]
    return joined(found)


def sides_of(embedded: Mapping[int, Embedded], label_of: Mapping[int, int]) -> list[Side]:
    """The samples of each group that has any, groups by name, nodes in rising order."""
    groups: dict[str, list[int]] = {}
    for partition in sorted(embedded):
        if len(embedded[partition].handles):
            groups.setdefault(embedded[partition].group, []).append(partition)
    sides = []
    for group, members in sorted(groups.items()):
        node, handle, vectors = _joined(embedded, members)
        label = np.array([label_of.get(h, -1) for h in handle.tolist()], dtype=np.int64)
        sides.append(Side(group, node, handle, vectors, label))
    return sides


def directed(own: Side, theirs: Side, found: Found, rule: str, as_one: bool) -> Pairs:
    """The pairs of one direction with their weights; `as_one`: a sample's partners share the weight 1."""
    weight = pair_weights_by_row(found.cosine, found.row, rule)
    return Pairs(
        own.node[found.row], own.handle[found.row], theirs.node[found.column], theirs.handle[found.column],
        found.cosine, shared_out(weight, found.row) if as_one else weight,
    )  # fmt: skip


def joined(parts: Sequence[Pairs]) -> Pairs:
    """All pairs of the parts, one part after another."""
    names = Pairs.__dataclass_fields__
    return Pairs(*(np.concatenate([getattr(part, name) for part in (no_pairs(), *parts)]) for name in names))


def too_alike(embedded: Mapping[int, Embedded], count: int, find: Nearest = nearest) -> Pairs:
    """For every sample the `count` most similar ones of any node, its own included, in both directions, each pair once.

    They may well be the same event: not certain enough to bind, too alike to push apart. Weights are 0.
    """
    nodes, handles, vectors = _joined(embedded, sorted(embedded)) if embedded else (np.zeros(0),) * 3
    if len(handles) < 2 or count < 1:
        return no_pairs()
    index, _ = find(vectors, vectors, min(count + 1, len(handles)))
    row = np.arange(len(handles)).repeat(index.shape[1])
    both = np.concatenate([np.stack([row, index.ravel()]), np.stack([index.ravel(), row])], axis=1)  # (2, pair)
    row, other = np.unique(both[:, both[0] != both[1]], axis=1)
    cosine = np.einsum("nd,nd->n", vectors[row], vectors[other]).astype(np.float32)
    return Pairs(nodes[row], handles[row], nodes[other], handles[other], cosine, np.zeros_like(cosine))


def bind_alike(embedded: Mapping[int, Embedded], rule: str, tolerance: float = 1e-3) -> Pairs:
    """Binding by the label's meaning: every sample's partners are *all* samples whose text is its nearest.

    Many samples have the very same text, so one nearest neighbour would be a choice at random. In other groups those
    within `tolerance` of the best cosine there are partners; in the sample's own group those whose text is the same
    (cosine at least 1 − tolerance), the sample itself left out. Weights by `rule` over all pairs at once.
    """
    nodes = np.concatenate([np.full(len(embedded[p].handles), p, dtype=np.int64) for p in sorted(embedded)])
    handles = np.concatenate([embedded[p].handles for p in sorted(embedded)])
    vectors = np.concatenate([embedded[p].vectors for p in sorted(embedded)])
    names = sorted({e.group for e in embedded.values()})
    group = np.array([names.index(embedded[int(p)].group) for p in nodes], dtype=np.int64)
    texts, text = np.unique(np.round(vectors, 5), axis=0, return_inverse=True)
    similarity = texts @ texts.T  # few texts, many samples
    found = []
    for own in range(len(names)):
        for other in range(len(names)):
            mine, theirs = np.flatnonzero(group == own), np.flatnonzero(group == other)
            if not len(mine) or not len(theirs):
                continue
            cosine = similarity[text[mine]][:, text[theirs]]  # (n, m)
            best = 1.0 if own == other else cosine.max(axis=1, keepdims=True)
            near = cosine >= best - tolerance
            if own == other:
                np.fill_diagonal(near, False)
            row, column = np.nonzero(near)
            found.append((mine[row], theirs[column], cosine[row, column]))
    if not found:
        return no_pairs()
    row, column, cosine = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Pairs(
        nodes[row], handles[row], nodes[column], handles[column], cosine.astype(np.float32), pair_weights(cosine, rule)
    )


def _joined(embedded: Mapping[int, Embedded], members: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nodes = np.concatenate([np.full(len(embedded[p].handles), p, dtype=np.int64) for p in members])
    return (
        nodes,
        np.concatenate([embedded[p].handles for p in members]),
        np.concatenate([embedded[p].vectors for p in members]),
    )


def pairing_matrix(pairs: Pairs, label_of: Mapping[int, int], classes: int) -> tuple[np.ndarray, float | None]:
    """Counts (class of the sample, class of its partner) and the share of pairs within one class, None without pairs.

    `label_of` maps handles to class indices, alike for all nodes; pairs with an unknown side are left out. Of several
    partners of a sample in one group the best alone counts, so that the figure is that of nearest neighbours whatever was
    bound.
    """
    matrix = np.zeros((classes, classes), dtype=np.int64)
    first = np.ones(len(pairs), dtype=bool)
    first[1:] = (pairs.handle[1:] != pairs.handle[:-1]) | (pairs.cosine[1:] > pairs.cosine[:-1])
    for handle, partner in zip(pairs.handle[first].tolist(), pairs.partner_handle[first].tolist(), strict=True):
        own, theirs = label_of.get(handle, -1), label_of.get(partner, -1)
        if own >= 0 and theirs >= 0:
            matrix[own, theirs] += 1
    return matrix, float(np.trace(matrix) / matrix.sum()) if matrix.sum() else None
