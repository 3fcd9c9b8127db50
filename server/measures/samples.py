"""Samples as the server knows them: what their embeddings say, and the labels that were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Views = Mapping[str, tuple[np.ndarray, np.ndarray]]  # modality -> handles (n,), unit rows (n, d)


@dataclass(frozen=True)
class Samples:
    """n samples of any number of nodes.

    views    modality -> (n, d) unit rows, zeros where the sample does not hold it
    present  modality -> bool (n,)
    label    int64 (n,), -1 where none was given
    """

    views: Mapping[str, np.ndarray]
    present: Mapping[str, np.ndarray]
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def labelled(self) -> Samples:
        """Those that have a label and hold a modality at all."""
        held = np.any([*self.present.values(), np.zeros(len(self), dtype=bool)], axis=0)
        rows = held & (self.label >= 0)
        return Samples({m: v[rows] for m, v in self.views.items()}, {m: p[rows] for m, p in self.present.items()},
                       self.label[rows])  # fmt: skip

    def fused(self, modalities: Sequence[str]) -> np.ndarray:
        """One unit row a sample, (n, d · modalities): its embeddings side by side, zeros for what it does not hold.

        The cosine of two such rows is the mean of their cosines by modality, where both hold all of them. Side by side
        and not averaged, so that modalities need not agree for a sample to be known by them: a method that aligns
        nothing is judged by the same rule, and alignment has measures of its own.
        """
        rows = np.concatenate([np.zeros((len(self), 0), np.float32), *(self.views[m] for m in modalities)], axis=1)
        norm = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.divide(rows, norm, out=np.zeros_like(rows), where=norm > 1e-12)


def samples_of(
    nodes: Mapping[int, Views], labels: Mapping[int, Mapping[int, int]], modalities: Sequence[str], width: int
) -> Samples:
    """All nodes' samples, a node's in the order of their handles.

    nodes       what each node sent
    labels      by node, the class index of the handles it gave one for
    modalities  which of them to take; what a node sent of others is left out
    """
    held = {
        p: np.unique(np.concatenate([views[m][0] for m in modalities if m in views] or [np.empty(0, np.int64)]))
        for p, views in nodes.items()
    }
    count = sum(map(len, held.values()))
    made = Samples(
        {m: np.zeros((count, width), np.float32) for m in modalities},
        {m: np.zeros(count, dtype=bool) for m in modalities},
        np.full(count, -1, dtype=np.int64),
    )
    start = 0
    for p, handles in held.items():
        for m in modalities:
            if m in nodes[p]:
                rows = start + np.searchsorted(handles, nodes[p][m][0])
                made.views[m][rows], made.present[m][rows] = nodes[p][m][1], True
        given = labels.get(p, {})
        made.label[start : start + len(handles)] = [given.get(handle, -1) for handle in handles.tolist()]
        start += len(handles)
    return made


def evenly_picked(count: int, most: int) -> np.ndarray:
    """At most so many of `count` rows, evenly picked, the first and the last among them; int64."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
