"""Which node gets which recordings, and which of them keep their labels. Pure functions; no recording lost or doubled.

Subjects are never spread over groups of nodes; within a group, more nodes than subjects share a subject's recordings.
The functions speak of items: recordings, or windows where a data set has but few long recordings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from client.data.samples import UNLABELLED
from configs.errors import UserError

Indices = NDArray[np.int64]
_ROUNDING = 1e-9  # a whole number that came out a little below itself is still that number


@dataclass(frozen=True)
class NodeShare:
    """The subjects of one node; or part `part` of `parts` of one subject, where several nodes share it."""

    subjects: tuple[str, ...]
    part: int = 0
    parts: int = 1


def subjects_to_nodes(subjects: Sequence[str], nodes: int) -> list[NodeShare]:
    """One share per node: neighbours in the order given, sizes that differ by one at most.

    With more nodes than subjects each subject is shared by the nodes of one such run. Raises UserError.
    """
    if nodes < 1:
        raise UserError(f"{nodes} nodes", where="partition", expected="1 or more")
    if not subjects:
        raise UserError("no subjects to give to nodes", where="partition")
    if len(set(subjects)) != len(subjects):
        raise UserError("a subject is named twice", where="partition: " + ", ".join(subjects))
    if nodes <= len(subjects):
        return [NodeShare(tuple(subjects[start:stop])) for start, stop in _runs(len(subjects), nodes)]
    return [
        NodeShare((subject,), part, stop - start)
        for subject, (start, stop) in zip(subjects, _runs(nodes, len(subjects)), strict=True)
        for part in range(stop - start)
    ]


def part_of(label: Indices, part: int, parts: int) -> Indices:
    """Indices of the items of one part among `parts`: each label dealt out in turn, so that the parts look alike."""
    if not 0 <= part < parts:
        raise ValueError(f"part {part} of {parts}")
    dealt = np.argsort(label, kind="stable")  # items of one label one after another, in their own order
    return np.sort(dealt[part::parts])


def dirichlet(label: Indices, nodes: int, alpha: float, rng: np.random.Generator) -> list[Indices]:
    """Label skew (Hsu, Qi and Brown 2019): each class is cut over the nodes in proportions drawn from Dir(alpha).

    Small alpha: nodes with few classes; large: alike. A node left empty is given an item by the fullest.
    Returns sorted indices per node. Raises UserError where alpha is not positive or there are fewer items than nodes.
    """
    if not 0 < alpha < float("inf"):
        raise UserError(f"alpha is {alpha}", where="partition", expected="a number above 0")
    if not 1 <= nodes <= len(label):
        raise UserError(f"{len(label)} recordings cannot be given to {nodes} nodes", where="partition")
    held: list[list[int]] = [[] for _ in range(nodes)]
    for each in np.unique(label):
        items = rng.permutation(np.flatnonzero(label == each))
        proportion = rng.dirichlet(np.full(nodes, alpha))
        cuts = np.round(np.cumsum(np.nan_to_num(proportion))[:-1] * len(items)).astype(int)
        for node, share in enumerate(np.split(items, np.minimum(cuts, len(items)))):
            held[node].extend(share.tolist())
    for items_of_node in held:
        if not items_of_node:
            items_of_node.append(max(held, key=len).pop())
    return [np.sort(np.array(items_of_node, dtype=np.int64)) for items_of_node in held]


def labels_of_nodes(label: Indices, held: Sequence[Indices], labels_per_class: int) -> list[dict[int, int]]:
    """A group's labels of each class, divided over its nodes as its recordings are: per node class -> labels.

    held  each node's items, as `dirichlet` gives them
    Whole labels by largest remainder; of equal remainders those from node (class modulo nodes) on come first.
    """
    shares: list[dict[int, int]] = [{} for _ in held]
    for each in np.unique(label[label != UNLABELLED]).tolist():
        items = np.array([(label[rows] == each).sum() for rows in held])
        labels = min(labels_per_class, int(items.sum()))
        exact = items * labels / items.sum()
        count = np.floor(exact + _ROUNDING).astype(int)
        turn = (np.arange(len(held)) - each) % len(held)
        left = labels - int(count.sum())
        count[np.lexsort((turn, -np.round(exact - count, 9)))[:left]] += 1
        for share, own in zip(shares, count.tolist(), strict=True):
            share[each] = own
    return shares


def hide_labels(
    label: Indices,
    rng: np.random.Generator,
    *,
    labels_per_class: int | Mapping[int, int] | None = None,
    share: float | None = None,
    recording: Indices | None = None,
) -> Indices:
    """The labels with all but some set to -1: so many of each class, or this share of each class (one at least).

    labels_per_class  one number for every class, or each class's own (none of a class that is not named)

    Where `recording` (n,) is given, whole recordings keep or lose their label and the count is of recordings.
    With neither number all labels stay; a class with fewer items keeps what it has.
    """
    if labels_per_class is not None and share is not None:
        raise UserError("give labels_per_class or share, one of the two", where="labels")
    if isinstance(labels_per_class, int) and labels_per_class < 0:
        raise UserError(f"labels_per_class is {labels_per_class}", where="labels", expected="0 or more")
    if share is not None and not 0 <= share <= 1:
        raise UserError(f"the share of labels is {share}", where="labels", expected="0 to 1")
    if labels_per_class is None and share is None:
        return label.copy()
    group = np.arange(len(label)) if recording is None else recording
    kept = np.full(len(label), UNLABELLED, dtype=np.int64)
    for each in np.unique(label[label != UNLABELLED]):
        of_class = rng.permutation(np.unique(group[label == each]))
        if share is not None:
            count = int(np.ceil(share * len(of_class) - _ROUNDING))
        elif isinstance(labels_per_class, Mapping):
            count = labels_per_class.get(int(each), 0)
        else:
            count = labels_per_class or 0
        kept[(label == each) & np.isin(group, of_class[:count])] = each
    return kept


def _runs(length: int, count: int) -> list[tuple[int, int]]:
    """`length` cut into `count` neighbouring runs (start, stop), the longer ones first."""
    size, longer = divmod(length, count)
    edges = [run * size + min(run, longer) for run in range(count + 1)]
    return list(pairwise(edges))
