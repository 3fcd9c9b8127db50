"""What a network gets right on a node's labelled samples: counts and one ranking number, nothing per sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from client.training.finetune import Labelled
from models.fusion import FusionClassifier


def confusion_and_auc(
    encoders: nn.ModuleDict, head: FusionClassifier, data: Labelled, subset: Sequence[str], classes: int
) -> tuple[np.ndarray, float | None]:
    """Counts int32 (class, class), true by predicted, and macro one-against-rest AUC over the classes that occur.

    Only the modalities of `subset` are shown to the network. AUC is None where fewer than two classes occur.
    """
    encoders.eval()
    head.eval()
    with torch.no_grad():
        features = {m: encoders[m](data.views[m].clean()) for m in subset}
        probability = head(features, {m: data.present[m] for m in subset}).softmax(1).numpy()  # (n, class)
    label = data.label.numpy()
    counts = np.zeros((classes, classes), dtype=np.int32)
    np.add.at(counts, (label, probability.argmax(1)), 1)
    occurring = np.unique(label)
    if len(occurring) < 2:
        return counts, None
    areas = [roc_auc_score(label == value, probability[:, value]) for value in occurring]
    return counts, float(np.mean(areas))
