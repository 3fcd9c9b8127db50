"""One job: a method's heads under one regime and seed, with one person left out, and how well they do on that person."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import f1_score, roc_auc_score

from configs.fusion_study import USELESS, FusionStudy
from configs.nodes import derived_seed
from models.latent_fusion.discriminant import Values
from simulation.fusion.discriminant import Averages
from simulation.fusion.features import Features
from simulation.fusion.folds import Fold
from simulation.fusion.heads import View, block_of, centralised, federated, judged, new_head

Judge = Callable[[Sequence[str]], Values]  # modalities -> probabilities (sample, class)
MEASURES = ("accuracy", "macro_f1", "auc")
JOIN = "+"  # between the names of a set


def run_job(study: FusionStudy, features: Features, classes: int, fold: Fold, regime: str, seed: int) -> dict[str, Any]:
    """Figures of every set on the person left out; what never differs between methods and regimes is not drawn anew."""
    began, cpu = time.monotonic(), time.process_time()
    train, test = features.rows_of(fold.training), features.rows_of([fold.held_out])
    nodes = [rows for who in fold.training if len(rows := features.rows_of([who]))]
    sets, steps, size, summed = {}, 0, 0, 0
    for tested in heads_of(study):
        modalities = max(tested, key=len)
        own = derived_seed(seed, "fold", fold.held_out, JOIN.join(modalities))
        judges: list[Judge] = []
        if study.head.kind != "discriminant":
            view = View.of(features, modalities, fold.training)
            head = new_head(view, classes, study.head, own)
            if regime == "centralised":
                steps += centralised(head, view, train, study.head, own)
            else:
                steps += federated(head, view, nodes, study.head, own)
            size = max(size, sum(value.nbytes for value in block_of(head).values()))
            judges.append(partial(judged, head, view, test))
        if study.head.kind != "network":
            discriminant = Averages.of(features, modalities).judge(features.label, nodes, classes)
            summed = max(summed, 8 * discriminant.sums[0].size)
            judges.append(partial(discriminant.probabilities, test))
        for each in tested:
            told = together([judge(each) for judge in judges])
            sets[JOIN.join(each)] = measures(features.label.numpy()[test], told)
    label = features.label.numpy()
    most = int(np.bincount(label[train], minlength=classes).argmax())
    return {
        "regime": regime, "seed": seed, "held_out": fold.held_out, "sets": sets,
        "samples": {"train": len(train), "test": len(test)}, "nodes": len(nodes) if regime == "federated" else 1,
        "always_the_most_frequent": measures(label[test], np.tile(np.eye(classes)[most], (len(test), 1))),
        "head_bytes": size, "sums_bytes": summed, "steps": steps,
        "seconds": round(time.monotonic() - began, 1), "cpu_seconds": round(time.process_time() - cpu, 1),
    }  # fmt: skip


def together(told: Sequence[Values]) -> Values:
    """One probability (sample, class) of several: their geometric mean, made to sum to one."""
    return softmax(logarithms(np.stack(told)).mean(axis=0), axis=1)


def logarithms(probabilities: Values) -> Values:
    """Finite ones: of nothing, that of the least positive number."""
    return np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))


def heads_of(study: FusionStudy) -> list[list[tuple[str, ...]]]:
    """The sets that each head is tested on; it is trained on the largest of them."""
    if study.heads == "each":
        return [[each] for each in study.modality_sets]
    if study.heads == "single":
        return [study.modality_sets]
    plain = [each for each in study.modality_sets if USELESS not in each]
    return [plain, *([each] for each in study.modality_sets if USELESS in each)]


def measures(label: NDArray[np.int64], told: NDArray[np.float64]) -> dict[str, float | None]:
    """Accuracy, macro-F1 over the classes that are there or named, and AUC, of probabilities (sample, class).

    AUC of more than two classes is the mean over classes, each against the rest; None where the person has one class
    alone or lacks one.
    """
    named = told.argmax(axis=1)
    auc: float | None = None
    if len(np.unique(label)) == told.shape[1]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            logs = logarithms(told)
            scores = logs[:, 1] - logs[:, 0] if told.shape[1] == 2 else told  # sure probabilities all round to one
            auc = float(roc_auc_score(label, scores, multi_class="ovr", labels=np.arange(told.shape[1])))
    return {
        "accuracy": float((named == label).mean()),
        "macro_f1": float(f1_score(label, named, average="macro", zero_division=0)),
        "auc": auc,
    }
