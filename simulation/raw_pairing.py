"""How well plain windows would pair: a yardstick that only a simulation can lay on, since raw windows never travel."""

from __future__ import annotations

from typing import Any

import numpy as np

from client.data.holdings import holdings_of
from configs.nodes import node_places
from configs.schema import Experiment
from server.binding.bind import Embedded, bind, pairing_matrix
from server.binding.words import all_words
from server.tracking import RunFolder


def raw_cosine_accuracy(experiment: Experiment, seed: int) -> float | None:
    """Share of nearest neighbours of the same class, by the cosine of the flattened windows of `bind.by`.

    Windows are normalised per channel by the pooled mean and spread of the groups that read one data set, which no real
    node could know. None where labels bind, or several modalities, and for point clouds: their points have no order to
    be compared in.
    """
    by = experiment.bind.by
    if not isinstance(by, str) or by == "label":
        return None
    held = {
        place: holdings_of(experiment, place, None, seed, experiment.data_of(place.group).root)
        for place in node_places(experiment)
        if place.pretrains
    }
    if any(h.shapes[by].kind == "points" for h in held.values()):
        return None
    rows = {p: np.flatnonzero(h.samples.present[by]) for p, h in held.items()}
    windows = {p: h.samples.arrays[by][rows[p]].astype(np.float64) for p, h in held.items()}
    words = all_words({place.partition: h.classes for place, h in held.items()}, experiment.evaluation.synonyms)
    scale = {}
    for path in experiment.data_read:
        of_path = [values for place, values in windows.items() if experiment.data_path(place.group) == path]
        if of_path:
            pooled = np.concatenate(of_path)  # (n, time, channel)
            scale[path] = pooled.mean(axis=(0, 1)), np.maximum(pooled.std(axis=(0, 1)), 1e-12)
    label_of: dict[int, int] = {}
    embedded: dict[int, Embedded] = {}
    for place, values in windows.items():
        mean, std = scale[experiment.data_path(place.group)]
        flat = ((values - mean) / std).reshape(len(values), values.shape[1] * values.shape[2])  # also of no window
        handles = np.arange(len(values), dtype=np.int64) + len(label_of)
        label = words.placed(place.partition, held[place].samples.label[rows[place]])
        label_of.update(zip(handles.tolist(), label.tolist(), strict=True))
        norm = np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
        embedded[place.partition] = Embedded(place.group, handles, (flat / norm).astype(np.float32))
    pairs = bind(embedded, "none")
    return pairing_matrix(pairs, label_of, len(words.classes))[1]


def add_raw_pairing(
    experiment: Experiment, method: str, seed: int, folder: RunFolder, result: dict[str, Any]
) -> dict[str, Any]:
    """The job's result with the raw cosine's pairing accuracy beside its own, in the files too."""
    if method != "fedbind" or result.get("pairing_accuracy") is None or result.get("pairing_raw_cosine") is not None:
        return result
    accuracy = raw_cosine_accuracy(experiment, seed)
    result = {**result, "pairing_raw_cosine": accuracy}
    job = f"jobs/{method}-seed{seed}"
    pairing = folder.read_json(f"{job}/pairing.json") or {}
    folder.write_json(f"{job}/pairing.json", {**pairing, "raw_cosine_accuracy": accuracy})
    folder.write_json(f"{job}/result.json", result)
    return result
