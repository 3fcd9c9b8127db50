"""The part of a head that is not trained: a linear discriminant of averages, from sums over the training people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from models.latent_fusion.discriminant import ClassSums, Values, averages, discriminant_of, temperature_of
from simulation.fusion.features import Features

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Averages:
    """What every sample is on average, about its own person's mean, by modality; a node needs nobody else's for that.

    values   modality -> (n, number); zeros where the modality was not recorded
    present  modality -> bool (n,)
    """

    values: dict[str, Values]
    present: dict[str, NDArray[np.bool_]]

    @staticmethod
    def of(features: Features, modalities: Sequence[str]) -> Averages:
        """Of these modalities; also the person left out is seen about their own mean, and no label enters it."""
        values = {name: averages(features.values[name], features.present[name]) for name in modalities}
        present = {name: features.present[name].any(dim=1).numpy() for name in modalities}
        for name, held in values.items():
            for who in np.unique(features.subject):
                mine = (features.subject == who) & present[name]
                held[mine] -= held[mine].mean(axis=0) if mine.any() else 0.0
        return Averages(values, present)

    def judge(self, label: torch.Tensor, nodes: Sequence[Rows], classes: int) -> Discriminant:
        """Sums of each node, over its samples that have all of these modalities."""
        whole = np.concatenate(list(self.values.values()), axis=1)
        complete = np.logical_and.reduce(list(self.present.values()))
        held = [rows[complete[rows]] for rows in nodes]
        return Discriminant(
            self, label.numpy(), held, [ClassSums.of(whole[h], label.numpy()[h], classes) for h in held]
        )


@dataclass(frozen=True)
class Discriminant:
    """Judges samples from any subset of the modalities.

    nodes  the samples of each, and their sums
    """

    averages: Averages
    label: NDArray[np.int64]
    nodes: list[Rows]
    sums: list[ClassSums]

    def probabilities(self, rows: Rows, modalities: Sequence[str]) -> Values:
        """(row, class) from these modalities, of each row those that are there.

        All classes alike where none is there, or where no sample was summed.
        """
        found = np.zeros((len(rows), len(self.sums[0].count)))
        here = np.stack([self.averages.present[name][rows] for name in modalities], axis=1)  # (row, modality)
        for pattern in np.unique(here, axis=0):
            names = [name for name, there in zip(modalities, pattern, strict=True) if there]
            if names and any(len(held) for held in self.nodes):
                same = (here == pattern).all(axis=1)
                found[same] = self._log_odds(rows[same], names)
        return softmax(found, axis=1)

    def _log_odds(self, rows: Rows, names: Sequence[str]) -> Values:
        """Of samples that have all of these, at the temperature at which nodes are judged best by the others."""
        values = self.averages.values
        ends = np.cumsum([0, *(held.shape[1] for held in values.values())])
        place = {name: np.arange(*ends_of) for name, ends_of in zip(values, pairwise(ends), strict=True)}
        sums = [each.of_columns(np.concatenate([place[name] for name in names])) for each in self.sums]
        whole = np.concatenate([values[name] for name in names], axis=1)
        warmth = temperature_of(sums, [whole[held] for held in self.nodes], [self.label[held] for held in self.nodes])
        return discriminant_of(reduce(add, sums))(whole[rows]) / warmth
