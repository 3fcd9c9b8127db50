"""Probe: how often the nearest class mean is right among this node's labelled embeddings, on folds held out of the means."""

from __future__ import annotations

import numpy as np

from client.handlers.contrast import embedded
from client.node import Node
from client.training.finetune import folds
from protocol.payload import Payload, ProtocolError

_FEWEST_FOLDS = 2


def probe(node: Node, question: Payload) -> Payload:
    """Two counts alone: samples that were judged, and those judged right. No network of the node is touched."""
    samples = node.holdings.samples
    if not node.experiment.evaluation.every:
        raise ProtocolError("nothing is counted between rounds: evaluation.every is not set")
    found = embedded(node, question, samples.label >= 0)
    width = node.experiment.models.projection
    total = np.zeros((len(samples.label), width))
    for rows, vectors in found.values():
        total[rows] += vectors  # a sample's sensors look at the same event: their sum stands for it
    known = np.zeros(len(samples.label), dtype=bool)
    for rows, _ in found.values():
        known[rows] = True
    label = samples.label[known]
    fold = folds(label, samples.subject[known], max(node.experiment.evaluation.folds, _FEWEST_FOLDS), node.seed)
    right, judged = nearest_mean(total[known], label, fold)
    return Payload({}, {}, {"examples": float(judged), "correct": float(right)})


def nearest_mean(rows: np.ndarray, label: np.ndarray, fold: np.ndarray) -> tuple[int, int]:
    """How many of `rows` (n, d) have the class of the nearest mean by cosine, each mean over the other folds' rows.

    Returns (right, judged): a fold whose complement is empty is not judged; a class that only its own fold holds is
    missed there. Of equally near means the class of the lower number counts.
    """
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    right = judged = 0
    for each in np.unique(fold):
        out = fold == each
        classes = np.unique(label[~out])
        if not len(classes):
            continue
        means = np.stack([unit[~out & (label == c)].mean(axis=0) for c in classes])  # (class, d)
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        said = classes[(unit[out] @ means.T).argmax(axis=1)]
        right += int((said == label[out]).sum())
        judged += int(out.sum())
    return right, judged
