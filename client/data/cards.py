"""What is known of a data set before a file of it is read, and what every data set can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Literal, Protocol

from client.data.recording import Loaded

Kind = Literal["inertial", "physiological", "skeleton", "image", "depth", "infrared", "points", "csi"]
OnCorrupt = Literal["skip", "fail"]


@dataclass(frozen=True)
class ModalityCard:
    """One sensor as published: what kind of signal, how many channels, which rate and unit.

    layout  what one frame looks like: whole numbers whose product is `channels`, () for a plain vector. Skeleton
            (joints, 3); picture (height, width, bands); point cloud (points, features), absent points NaN;
            CSI (antennas, subcarriers) or (antennas, subcarriers, packets). ValueError where the product differs.
    """

    kind: Kind
    channels: int
    rate_hz: float  # nominal
    unit: str
    layout: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.layout and prod(self.layout) != self.channels:
            raise ValueError(f"the layout {self.layout} does not make {self.channels} channels")


@dataclass(frozen=True)
class OptionCard:
    """A choice the loader offers: its default, the values it takes (empty: any of the default's type)."""

    default: Any
    allowed: tuple[Any, ...] = ()
    meaning: str = ""


@dataclass(frozen=True)
class DatasetCard:
    """What a user should know of a data set: where it comes from, how it must lie, what is in it."""

    name: str
    title: str
    citation: str
    terms: str
    published_at: str
    tree: str  # how the files must lie, as text; empty where nothing is read
    simulated: bool
    classes: tuple[str, ...]  # plain words, fit for a sentence encoder; with the default options
    modalities: Mapping[str, ModalityCard]
    options: Mapping[str, OptionCard] = field(default_factory=dict)
    described_by_folder: bool = False  # classes and modalities are the folder's own: none are known before it is named


class Dataset(Protocol):
    """One published data set in its published layout, the user's own recordings, or a simulation."""

    card: DatasetCard

    def card_for(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card as these options and this folder make it: another choice of conditions has other classes.

        Only a data set whose card is `described_by_folder` looks at `root`; without one it knows no class and no
        modality. Raises UserError for options that are not the card's, and for a folder that cannot be described.
        """

    def subjects(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The subjects that have files under `root`, in natural order; reads no recording."""

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


def channels_of(card: DatasetCard, modalities: Sequence[str]) -> dict[str, int]:
    """The channel count of each of these modalities, in their order; what `windows` asks for."""
    return {modality: card.modalities[modality].channels for modality in modalities}
