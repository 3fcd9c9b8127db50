"""Does the label-free score of a shared modality rank modalities as their true pairing accuracy does?

Real recordings: UTD-MHAD, subjects 1 to 6, each a node; accelerometer, gyroscope and skeleton in turn are what is shared.

    python -m benchmarks.shared_modality FOLDER [EPOCHS]

FOLDER holds Inertial/ and Skeleton/. Three embeddings: windows normalised over all nodes; windows normalised per person;
and models.instance.SharedEncoder (one member) trained for EPOCHS (default 5) on every node in turn. The true pairing
accuracy is the share of nearest neighbours of the same class: among all other people, and in each other person in turn.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from client.data.cards import channels_of
from client.data.samples import SampleSet
from client.data.utd_mhad import UtdMhad
from client.data.windows import whole
from client.training.autoencoder import new_optimiser, train_autoencoder
from client.training.views import View, strength_for
from configs.nodes import derived_seed
from configs.schema import AugmentSettings, AutoencoderSettings
from models.blocks import ModalityShape, new_autoencoder
from server.binding.bind import Embedded, bind, pairing_matrix
from server.binding.match import nearest
from server.binding.score import score

FRAMES = {"accelerometer": 120, "gyroscope": 120, "skeleton": 40}
SUBJECTS = ["1", "2", "3", "4", "5", "6"]


def recordings(folder: Path) -> SampleSet:
    """Whole recordings of the six people, one window each."""
    data = UtdMhad()
    loaded = data.load(
        folder, subjects=SUBJECTS, modalities=list(FRAMES), on_corrupt="skip", options={"center": "first"}, seed=0
    )
    return whole(loaded.recordings, channels_of(data.card, list(FRAMES)), FRAMES)


def view_of(samples: SampleSet, modality: str, owner: np.ndarray) -> View:
    """The modality's windows with mean and spread per channel over everyone of the same `owner`."""
    values = samples.arrays[modality]  # (n, time, channel)
    mean, std = (np.zeros((len(values), 1, values.shape[2]), np.float32) for _ in range(2))
    for each in np.unique(owner):
        rows = owner == each
        mean[rows] = values[rows].mean(axis=(0, 1), dtype=np.float64)
        std[rows] = np.maximum(values[rows].std(axis=(0, 1), dtype=np.float64), 1e-6)
    return View(*(torch.from_numpy(part) for part in (values, mean, std, samples.present[modality])))


def trained(samples: SampleSet, modality: str, epochs: int) -> np.ndarray:
    """Embeddings (n, latent) by an encoder that visited every node's windows `epochs` times."""
    settings, kind = AutoencoderSettings(members=1), UtdMhad().card.modalities[modality].kind
    view = view_of(samples, modality, samples.subject)
    model = new_autoencoder(modality, ModalityShape(kind, view.raw.shape[1], view.raw.shape[2]), settings, 0)
    optimiser = new_optimiser(model, settings, settings.rate, None)
    change = replace(strength_for(kind, AugmentSettings()), crop=settings.crop, warp=settings.warp)
    for epoch in range(epochs):
        for subject in SUBJECTS:
            own = view.take(torch.from_numpy(np.flatnonzero(samples.subject == subject)))
            seed = derived_seed(0, modality, epoch, subject)
            train_autoencoder(model, own, optimiser, settings, 1, change, AugmentSettings().jitter, seed)
    model.eval()
    with torch.no_grad():
        return unit(model.encode(view.clean()).numpy())


def embeddings(samples: SampleSet, epochs: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Name of the embedding, modality, unit rows (n, d)."""
    everyone = np.zeros(len(samples))
    for modality in FRAMES:
        yield "windows", modality, unit(view_of(samples, modality, everyone).clean().flatten(1).numpy())
    for modality in FRAMES:
        yield (
            "windows, per person",
            modality,
            unit(view_of(samples, modality, samples.subject).clean().flatten(1).numpy()),
        )
    for modality in FRAMES:
        yield f"encoder, {epochs} epochs", modality, trained(samples, modality, epochs)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def among_all_others(rows: np.ndarray, samples: SampleSet) -> float:
    """Share of samples whose nearest among all other people's has their class."""
    right = 0
    for subject in SUBJECTS:
        own, other = np.flatnonzero(samples.subject == subject), np.flatnonzero(samples.subject != subject)
        index, _ = nearest(rows[own], rows[other])
        right += int((samples.label[other[index[:, 0]]] == samples.label[own]).sum())
    return right / len(rows)


def in_each_other(rows: np.ndarray, samples: SampleSet) -> float:
    """The same with the nearest in every other person, each taken by itself."""
    nodes = {
        p: Embedded(subject, np.flatnonzero(samples.subject == subject), rows[samples.subject == subject])
        for p, subject in enumerate(SUBJECTS)
    }
    label_of = dict(enumerate(samples.label.tolist()))
    accuracy = pairing_matrix(bind(nodes, "none"), label_of, int(samples.label.max()) + 1)[1]
    assert accuracy is not None  # every recording has its label
    return accuracy


def main() -> None:
    torch.set_num_threads(1)
    samples = recordings(Path(sys.argv[1]))
    print(f"real recordings: UTD-MHAD, {len(samples)} of {len(SUBJECTS)} people, each a node")
    print("| embedding | modality | score | separability | node guess | right among all others | in each other |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, modality, rows in embeddings(samples, int(sys.argv[2]) if len(sys.argv) > 2 else 5):
        found = score({p: rows[samples.subject == subject] for p, subject in enumerate(SUBJECTS)})
        told = (found.score, found.separability, found.node_guess)
        truth = (among_all_others(rows, samples), in_each_other(rows, samples))
        print(f"| {name} | {modality} | " + " | ".join(f"{figure:.3f}" for figure in (*told, *truth)) + " |")


if __name__ == "__main__":
    main()
