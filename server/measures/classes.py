"""How well a class is read off embeddings, from some samples to others: by nearest neighbours, by a linear probe.

Nothing is tuned: what is measured may choose nothing, and what it is measured with is the same for every method.
"""

from __future__ import annotations

import warnings

import numpy as np

from server.measures.retrieval import DECIMALS

_CELLS = 2_000_000  # of (asked, known) at a time


def neighbour_accuracy(
    known: np.ndarray, known_label: np.ndarray, asked: np.ndarray, asked_label: np.ndarray, k: int
) -> float | None:
    """Share of the asked unit rows (m, d) whose class most of the k nearest known rows (n, d) have, by cosine.

    What is tied for the last place (to `DECIMALS` decimals) shares it, each with an equal part of a vote; classes with
    equally many votes share the answer. Fewer known rows than k: all vote. None where nobody asks, or the known rows are
    of fewer than two classes.
    """
    classes, column = np.unique(known_label, return_inverse=True)
    if len(classes) < 2 or not len(asked):
        return None
    k = min(k, len(known))
    member = np.eye(len(classes))[column]  # (n, class)
    right = 0.0
    for block in np.array_split(np.arange(len(asked)), -(-len(asked) * len(known) // _CELLS)):
        cosine = (asked[block].astype(np.float64) @ known.T.astype(np.float64)).round(DECIMALS)  # (block, n)
        last = np.partition(cosine, len(known) - k, axis=1)[:, len(known) - k, None]  # the k-th largest
        better, tied = cosine > last, cosine == last
        sharing = tied.sum(axis=1, keepdims=True)
        places = k - better.sum(axis=1, keepdims=True)
        votes = (better @ member) * sharing + (tied @ member) * places  # times `sharing`: whole numbers
        most = votes == votes.max(axis=1, keepdims=True)
        named = classes == asked_label[block, None]
        right += float(((most & named).sum(axis=1) / most.sum(axis=1)).sum())
    return right / len(asked)


def probe_accuracy(
    known: np.ndarray, known_label: np.ndarray, asked: np.ndarray, asked_label: np.ndarray
) -> float | None:
    """Share of the asked rows (m, d) that a logistic regression (C = 1) fitted on the known rows (n, d) names rightly.

    None where nobody asks, or the known rows are of fewer than two classes.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(known_label)) < 2 or not len(asked):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last step serves as well
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # as few as one row of each
        probe = LogisticRegression(max_iter=1000).fit(known.astype(np.float64), known_label)
    return float((probe.predict(asked.astype(np.float64)) == asked_label).mean())
