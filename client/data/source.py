"""What every data set does alike: it checks what is asked, lists its subjects, and reads those asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.data.cards import DatasetCard, OnCorrupt
from client.data.corrupt import CorruptPolicy
from client.data.recording import Loaded, Recording
from client.data.request import checked_modalities, checked_options, checked_subjects


@dataclass(frozen=True)
class Request:
    """What is asked of a data set, checked.

    options  all of the card's, those not given with their defaults
    card     as the options and the folder make it
    """

    root: Path | None
    subjects: Sequence[str]
    modalities: Sequence[str]
    options: Mapping[str, Any]
    card: DatasetCard
    seed: int


class Dataset(ABC):
    """One published data set in its published layout, the user's own recordings, or a simulation."""

    card: DatasetCard

    def card_for(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card as these options and this folder make it: another choice of conditions has other classes.

        Only a data set whose card is `described_by_folder` looks at `root`; without one it knows no class and no
        modality. Raises UserError for options that are not the card's, and for a folder that cannot be described.
        """
        return self.described(checked_options(self.card, options), root)

    def subjects(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The subjects that have files under `root`, in natural order; reads no recording."""
        return self.found(root, checked_options(self.card, options))

    def load(
        self,
        root: Path | None,
        *,
        subjects: Sequence[str],
        modalities: Sequence[str],
        on_corrupt: OnCorrupt,
        options: Mapping[str, Any],
        seed: int,
    ) -> Loaded:
        """The recordings of these subjects; reads no other subject's files.

        Raises UserError for a folder, subject, modality or option that is not there, for a corrupt file where
        `on_corrupt` is "fail", and where nothing at all is left after skipping.
        """
        chosen = checked_options(self.card, options)
        known = self.found(root, chosen)
        card = self.described(chosen, root)
        wanted, asked = checked_modalities(card, modalities), checked_subjects(card, subjects, known)
        policy = CorruptPolicy(on_corrupt)
        return policy.loaded(list(self.read(Request(root, asked, wanted, chosen, card, seed), policy)), asked)

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """See `card_for`; of checked options. As it is, where they do not change it."""
        return self.card

    @abstractmethod
    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """See `subjects`; of checked options."""

    @abstractmethod
    def read(self, asked: Request, policy: CorruptPolicy) -> Iterable[Recording]:
        """The recordings; what cannot be read goes to the policy."""
