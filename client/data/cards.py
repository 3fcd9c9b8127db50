"""What is known of a data set before a file of it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

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


def channels_of(card: DatasetCard, modalities: Sequence[str]) -> dict[str, int]:
    """The channel count of each of these modalities, in their order; what `windows` asks for."""
    return {modality: card.modalities[modality].channels for modality in modalities}
