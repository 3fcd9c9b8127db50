"""How good a modality is to bind by, from embeddings and node membership alone: no label, no second modality.

MMBind asks for a shared modality that describes events sufficiently and leaves how to know it open. Two things are looked at:

separability  whether events stand apart *within* a node: the silhouette (Rousseeuw, 1987) of the best k-means. Over all
              nodes at once, samples that merely lie apart by node would pass for events.
node_guess    whether a linear classifier tells from an embedding whose node it came from, between 0 (chance) and 1. It is
              cross-validated on clusters it has not seen, each node's own: an event that is repeated on its node would
              tell the node too well, and that is no harm to binding.

score = separability − ½ · node_guess. The half: where nodes lie apart, the right partner may still be the nearest there
is, since all candidates of a node are moved alike; where events do not stand apart no partner is right.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

CLUSTERS = (2, 4, 8, 16, 32)
KEPT_WHOLE = 16  # clusters of a node, each in one fold
FOLDS = 3
MOST_ROWS = 500  # of a node; more are thinned out evenly
MOST_NODES = 32  # of more, evenly picked ones: what is told of a modality changes little, its cost grows


@dataclass(frozen=True)
class Score:
    """What a modality promises: `score` at most 1, the higher the better; its parts as this module says."""

    score: float
    separability: float
    node_guess: float


def score(embeddings: Mapping[int, np.ndarray]) -> Score:
    """The score of one modality, from every node's unit rows (n, d).

    The same for the same rows, whatever order the nodes came in. Nodes with fewer than FOLDS + 1 samples have no say;
    raises ValueError where no node has more.
    """
    rows = telling(embeddings)
    if not rows:
        raise ValueError(f"a score needs a node with more than {FOLDS} samples")
    apart = float(
        np.average([separability(values) for values in rows.values()], weights=[len(v) for v in rows.values()])
    )
    guess = node_guess(rows)
    return Score(apart - guess / 2, apart, guess)


def telling(embeddings: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """The rows of the nodes that have a say, in rising order: those with more than FOLDS samples, thinned out evenly."""
    nodes = np.array([p for p, values in sorted(embeddings.items()) if len(values) > FOLDS], dtype=np.int64)
    return {p: _thinned(embeddings[p], MOST_ROWS) for p in _thinned(nodes, MOST_NODES).tolist()}


def separability(values: np.ndarray) -> float:
    """The best silhouette by cosine among k-means with 2 to 32 clusters, 2 samples a cluster at least; 0 for none."""
    from sklearn.metrics import silhouette_score

    best = 0.0
    for clusters in CLUSTERS:
        if 2 * clusters > len(values):
            break
        label = _clusters(values, clusters)
        if 1 < len(np.unique(label)) < len(values):
            best = max(best, float(silhouette_score(values, label, metric="cosine")))
    return best


def node_guess(rows: Mapping[int, np.ndarray]) -> float:
    """Accuracy of guessing the node beyond always naming the largest, as a share of what there is to gain; 0 for one node."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_score

    if len(rows) < 2:
        return 0.0
    node = np.concatenate([np.full(len(values), at) for at, values in enumerate(rows.values())])
    kept_whole = np.concatenate([at * 2 * MOST_ROWS + _in_one_fold(v) for at, v in enumerate(rows.values())])
    accuracy = cross_val_score(
        LogisticRegression(max_iter=300), np.concatenate(list(rows.values())), node, groups=kept_whole,
        cv=StratifiedGroupKFold(FOLDS),
    )  # fmt: skip
    chance = np.bincount(node).max() / len(node)
    return float(np.clip((accuracy.mean() - chance) / (1 - chance), 0.0, 1.0))


def _in_one_fold(values: np.ndarray) -> np.ndarray:
    """Numbers of a node's clusters, (n,); where there are fewer than folds every sample is by itself."""
    label = _clusters(values, KEPT_WHOLE)
    return label if len(np.unique(label)) >= FOLDS else np.arange(len(values))


def _clusters(values: np.ndarray, most: int) -> np.ndarray:
    """k-means with `most` clusters, or with 2 samples a cluster; labels int (n,)."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than clusters
        return KMeans(min(most, len(values) // 2), n_init=2, random_state=0).fit_predict(values)


def _thinned(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the values, evenly picked, the first and the last among them."""
    return values[np.unique(np.linspace(0, len(values) - 1, min(len(values), most)).round().astype(int))]
