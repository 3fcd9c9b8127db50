"""How often are bound samples of one class, by pairing scheme, and through a group between two others?

Real recordings: UTD-MHAD, subjects 1 to 6; groups a = 1, 2 · b = 3, 4 · c = 5, 6. a and b share the accelerometer, a and c
the gyroscope, b and c nothing.

    python -m benchmarks.pairing_schemes FOLDER [EPOCHS]

FOLDER holds Inertial/ and Skeleton/. Embeddings by models.instance.SharedEncoder (one member), trained for EPOCHS (default
5) on every person in turn. Nothing is trained on the pairs: this says how right they are, not what they are worth.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.shared_modality import recordings, trained
from client.data.samples import SampleSet
from server.binding.bind import Embedded, Pairs, bind
from server.binding.pairing import PAIRINGS
from server.binding.steps import Step, bind_steps

GROUPS = {"a": ("1", "2"), "b": ("3", "4"), "c": ("5", "6")}
THRESHOLDS = (0.8, 0.9, 0.95)


def embedded(rows: np.ndarray, samples: SampleSet, groups: str) -> dict[int, Embedded]:
    """The rows of these groups' people, each person a node, under the row's own number as handle."""
    found = {}
    for group in groups:
        for subject in GROUPS[group]:
            own = np.flatnonzero(samples.subject == subject)
            found[int(subject)] = Embedded(group, own, rows[own])
    return found


def told(pairs: Pairs, samples: SampleSet, asked: int) -> str:
    """Share of `asked` samples that are bound, pairs for each of these, share of pairs of one class, by weight too."""
    if not len(pairs):
        return "0.000 | – | – | –"
    right = samples.label[pairs.handle] == samples.label[pairs.partner_handle]
    bound = len(np.unique(pairs.handle))
    weighted = float((right * pairs.weight).sum() / pairs.weight.sum())
    return f"{bound / asked:.3f} | {len(pairs) / bound:.1f} | {right.mean():.3f} | {weighted:.3f}"


def main() -> None:
    torch.set_num_threads(1)
    samples = recordings(Path(sys.argv[1]))
    epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    rows = {modality: trained(samples, modality, epochs) for modality in ("accelerometer", "gyroscope")}
    by = {
        "accelerometer": embedded(rows["accelerometer"], samples, "ab"),
        "gyroscope": embedded(rows["gyroscope"], samples, "ac"),
    }
    label_of = dict(enumerate(samples.label.tolist()))
    asked = sum(len(e.handles) for e in by["accelerometer"].values())
    print("real recordings: UTD-MHAD, a and b by the accelerometer, weights by softmax")
    print("| pairing | samples bound | pairs each | pairs of one class | by weight |\n| --- | --- | --- | --- | --- |")
    for pairing in PAIRINGS:
        for threshold in THRESHOLDS if pairing == "threshold" else (0.0,):
            pairs = bind(by["accelerometer"], "softmax", 3, pairing, threshold, 0, label_of)
            name = f"{pairing} {threshold}" if pairing == "threshold" else pairing
            print(f"| {name} | {told(pairs, samples, asked)} |")
    group = {int(subject): name for name, subjects in GROUPS.items() for subject in subjects}
    pairs = bind_steps(by, [Step("a", "b", "accelerometer"), Step("a", "c", "gyroscope")], "softmax", 3)
    direction = np.array(
        [group[n] + group[m] for n, m in zip(pairs.node.tolist(), pairs.partner_node.tolist(), strict=True)]
    )
    print("\n| groups | samples bound | pairs each | pairs of one class | by weight |\n| --- | --- | --- | --- | --- |")
    for each in ("ab", "ba", "ac", "ca", "bc", "cb"):
        own = Pairs(*(getattr(pairs, name)[direction == each] for name in Pairs.__dataclass_fields__))
        asked = int(np.isin(samples.subject, GROUPS[each[0]]).sum())
        print(f"| {each[0]} to {each[1]} | {told(own, samples, asked)} |")


if __name__ == "__main__":
    main()
