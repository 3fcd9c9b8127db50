"""What a network gets right on a node's labelled samples: counts and one ranking number, nothing per sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from client.training.finetune import Labelled
from models.fusion import FusionClassifier


def class_probabilities(
    encoders: nn.ModuleDict, head: FusionClassifier, data: Labelled, subset: Sequence[str]
) -> np.ndarray:
    """Probabilities float32 (n, class); only the modalities of `subset` are shown to the network."""
    encoders.eval()
    head.eval()
    with torch.no_grad():
        features = {m: encoders[m](data.views[m].clean()) for m in subset}
        return head(features, {m: data.present[m] for m in subset}).softmax(1).numpy()


def confusion(label: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Counts int32 (class, class), true by predicted, from labels (n,) and probabilities (n, class)."""
    counts = np.zeros((probability.shape[1],) * 2, dtype=np.int32)
    np.add.at(counts, (label, probability.argmax(1)), 1)
    return counts


def macro_auc(label: np.ndarray, probability: np.ndarray) -> float | None:
    """Mean one-against-rest AUC over the classes that occur; None where fewer than two do."""
    from sklearn.metrics import roc_auc_score

    occurring = np.unique(label)
    if len(occurring) < 2:
        return None
    return float(np.mean([roc_auc_score(label == value, probability[:, value]) for value in occurring]))
