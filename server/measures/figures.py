"""All measures of one job's embeddings together, as plain numbers for result.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations, permutations
from typing import Any

import numpy as np

from server.binding.score import node_guess, telling
from server.measures.classes import neighbour_accuracy, probe_accuracy
from server.measures.geometry import alignment, uniformity
from server.measures.retrieval import Retrieval, same_class, same_recording
from server.measures.samples import Samples, Views

_FOUND = ("recall_at_1", "recall_at_5", "mean_average_precision")


def figures(
    test: Samples, tuning: Samples, pretraining: Mapping[int, Views], modalities: Sequence[str]
) -> dict[str, Any]:
    """Every measure, None where there is nothing to measure it on.

    test         samples of held-out people: all but node_guess is measured on them
    tuning       fine-tuning samples, from which neighbours and probe know the classes
    pretraining  by node what it sent: whether the node can be told from it
    modalities   the downstream ones

    At the top stand means over pairs or modalities, `class_*` being those of the same class; `knn_accuracy` is that of 5
    neighbours, `nearest_accuracy` of one. `by_pair` has what is measured from one modality to another, `by_modality` what
    is of one alone, `counts` on how many samples.
    """
    by_pair = {f"{one}->{other}": _across(test, one, other) for one, other in permutations(modalities, 2)}
    nodes = {m: {p: views[m][1] for p, views in pretraining.items() if m in views} for m in _held(pretraining)}
    by_modality = {
        m: {
            "uniformity": uniformity(test.views[m][test.present[m]]) if m in modalities else None,
            "node_guess": guess_of(nodes.get(m, {})),
        }
        for m in dict.fromkeys([*modalities, *nodes])
    }
    aligned = [by_pair[f"{one}->{other}"]["alignment"] for one, other in combinations(modalities, 2)]
    told, asked = tuning.labelled(), test.labelled()
    classes = (told.fused(modalities), told.label, asked.fused(modalities), asked.label)
    return {
        **{name: _mean((pair["same_recording"] or {}).get(name) for pair in by_pair.values()) for name in _FOUND},
        **{
            f"class_{name}": _mean((pair["same_class"] or {}).get(name) for pair in by_pair.values()) for name in _FOUND
        },
        "nearest_accuracy": neighbour_accuracy(*classes, k=1),
        "knn_accuracy": neighbour_accuracy(*classes, k=5),
        "linear_probe_accuracy": probe_accuracy(*classes),
        "alignment": _mean(aligned),
        "uniformity": _mean(of["uniformity"] for of in by_modality.values()),
        "node_guess": _mean(of["node_guess"] for of in by_modality.values()),
        "by_pair": by_pair,
        "by_modality": by_modality,
        "counts": {"test": len(test), "test_labelled": len(asked), "finetune_labelled": len(told)},
    }


def across(test: Samples, one: str, other: str) -> tuple[Retrieval | None, Retrieval | None]:
    """Retrieval from one modality to another: of the same recording, among samples that hold both; of the same class."""
    both = test.present[one] & test.present[other]
    asks, given = np.flatnonzero(test.present[one]), np.flatnonzero(test.present[other])
    return (
        same_recording(test.views[one][both], test.views[other][both]),
        same_class(
            test.views[one][asks], test.label[asks], asks, test.views[other][given], test.label[given], given
        ),
    )  # fmt: skip


def guess_of(rows: Mapping[int, np.ndarray]) -> float | None:
    """How well the node is guessed from a modality's rows, 0 to 1; None where fewer than two nodes have enough of them."""
    telling_rows = telling(rows)
    return node_guess(telling_rows) if len(telling_rows) > 1 else None


def _across(test: Samples, one: str, other: str) -> dict[str, Any]:
    recording, of_class = across(test, one, other)
    both = test.present[one] & test.present[other]
    return {
        "same_recording": asdict(recording) if recording else None,
        "same_class": asdict(of_class) if of_class else None,
        "alignment": alignment(test.views[one][both], test.views[other][both]),
    }


def _held(nodes: Mapping[int, Views]) -> list[str]:
    return sorted({m for views in nodes.values() for m in views})


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
