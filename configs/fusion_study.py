"""A study of fusion: one frozen encoder for every sensor against an encoder per sensor, leaving one person out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from configs.data_settings import DataSettings, ModalitySettings
from configs.section import Count, Positive, Section
from configs.unified_settings import SHIPPED, AtLeastZero, Share

USELESS = "useless"  # the modality of noise that may be appended
FusionMethod = Literal["unified", "bev"]
Regime = Literal["centralised", "federated"]
_STRIDE = 32  # records between the beginnings of two windows, as models.spectral has it


class FusionData(Section):
    """Which recordings; keys as in an experiment's `data`. Every signal is normalised by its own person's moments."""

    name: str
    root: str | None = None
    on_corrupt: Literal["skip", "fail"] = "skip"
    options: dict[str, Any] = Field(default_factory=dict)
    modalities: list[str] = Field(min_length=1)  # in the order in which they join

    def settings(self) -> DataSettings:
        """The same as an experiment's section."""
        told = self.model_dump(exclude={"modalities"})
        return DataSettings(
            **told, modalities={name: ModalitySettings() for name in self.modalities}, normalise="per_subject"
        )


class PictureSettings(Section):
    """How records become pictures, for both methods; windows are 128 records long."""

    rate_hz: Positive = 32.0  # 4 s
    form: Literal["colour", "magnitude_phase", "single"] = (
        "magnitude_phase"  # the others lose the sign of a slow signal
    )
    low_db: float = -60.0
    high_db: float = 10.0


class SequenceSettings(Section):
    """What one sample is: so many windows in a row."""

    windows: Count = 8
    step_s: Positive = 4.0  # between the beginnings of two windows
    every_s: Positive = 32.0  # between the beginnings of two samples


class UnifiedMethod(Section):
    """The encoder that every modality shares; it is never trained here."""

    weights: str = SHIPPED
    latents: Literal["continuous", "quantised"] = "continuous"


class BevMethod(Section):
    """An encoder per modality, each trained alone on labelled windows, then frozen."""

    network: Literal["resnet18", "resnet34"] = "resnet18"
    stage: Literal["L1", "L2", "L3", "L4"] = "L3"
    windows: Annotated[int, Field(ge=2, le=1000)] = 1000  # labelled ones, as many of each class as there are
    epochs: Count = 6
    batch: Count = 16
    rate: Positive = 1e-3
    decay: AtLeastZero = 1e-4
    fold_groups: Count | None = (
        None  # encoders are trained once for so many groups of held-out people; None: per person
    )
    every_seed: bool = True  # whether each seed has encoders of its own, or all use those of seed 0


class HeadSettings(Section):
    """The fusion head of both methods, and how it is trained; rounds of a federated one are its epochs."""

    # network: the Conv-LSTM and MobileNetV3 below, trained; discriminant: a linear one of averages, from one pass of sums;
    # both: the geometric mean of their probabilities
    kind: Literal["network", "discriminant", "both"] = "network"
    joined: Count = 16
    hidden: Count = 16
    width: Positive = 0.5
    norm: Literal["group", "batch"] = "group"
    dropout: Share = 0.2
    modality_drop: Share = 0.2  # each modality of a training sample is left out so often, never all of them
    epochs: Count = 12
    batch: Count = 32
    rate: Positive = 2e-3
    decay: AtLeastZero = 1e-2
    balanced: bool = True  # each class counts alike in the loss, however many samples it has


class FusionStudy(Section):
    """Methods, regimes, seeds and people left out, over sets of modalities."""

    kind: Literal["fusion"] = "fusion"
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str
    explains: str  # what is compared and how to read it, in plain words
    data: FusionData
    subjects: list[str] | None = None  # None: all in the folder
    folds: list[str] | None = None  # who is left out in turn; None: each of the subjects
    picture: PictureSettings = PictureSettings()
    sequence: SequenceSettings = SequenceSettings()
    methods: list[FusionMethod] = Field(default=["unified", "bev"], min_length=1)
    regimes: list[Regime] = Field(default=["centralised", "federated"], min_length=1)
    seeds: list[int] = Field(default=[0, 1, 2], min_length=1)
    sets: Literal["prefixes", "all"] = "prefixes"  # the first 1, 2, … modalities; or every subset
    useless: bool = False  # one more set: all modalities and one of white noise
    # A head for each set; or one for all of them, which modality_drop makes able, and another for the set with noise;
    # or a single one, which has met the noise in training whatever set it is tested on.
    heads: Literal["each", "one", "single"] = "each"
    unified: UnifiedMethod = UnifiedMethod()
    bev: BevMethod = BevMethod()
    head: HeadSettings = HeadSettings()
    threads: Count = 1  # of torch; another number changes figures in their last digits

    @property
    def modalities(self) -> list[str]:
        """All that features are made of."""
        return [*self.data.modalities, *([USELESS] if self.useless else [])]

    @property
    def modality_sets(self) -> list[tuple[str, ...]]:
        """The sets that are tested, in rising size; the useless one last."""
        names = self.data.modalities
        sizes = range(1, len(names) + 1)
        found = [tuple(names[:size]) for size in sizes]
        if self.sets == "all":
            found = [each for size in sizes for each in itertools.combinations(names, size)]
        return [*found, *([(*names, USELESS)] if self.useless else [])]

    def strides(self, seconds: float) -> int:
        """How many windows' strides a time is."""
        return round(seconds * self.picture.rate_hz / _STRIDE)

    @model_validator(mode="after")
    def _fits(self) -> FusionStudy:
        faults = []
        lists: dict[str, Sequence[object]] = {
            "data.modalities": self.data.modalities, "methods": self.methods, "regimes": self.regimes,
            "seeds": self.seeds, "subjects": self.subjects or [], "folds": self.folds or [],
        }  # fmt: skip
        for key, names in lists.items():
            if len(set(names)) != len(names):
                faults.append(f"{key}: names must differ: {', '.join(map(str, names))}")
        for key, people in (("subjects", self.subjects), ("folds", self.folds)):
            if people == []:
                faults.append(f"{key}: nobody is named; leave the key out for everybody")
        if any(name == USELESS or "." in name for name in self.data.modalities):
            faults.append(f"data.modalities: none may be called {USELESS}, or hold a dot")
        if self.subjects and (strangers := set(self.folds or []) - set(self.subjects)):
            faults.append(f"folds: not among the subjects: {', '.join(sorted(strangers))}")
        for key, seconds in (("step_s", self.sequence.step_s), ("every_s", self.sequence.every_s)):
            strides = seconds * self.picture.rate_hz / _STRIDE
            if strides < 1 or abs(strides - round(strides)) > 1e-6:
                stride = _STRIDE / self.picture.rate_hz
                faults.append(f"sequence.{key}: {seconds:g} s is no multiple of {stride:g} s, a window's stride")
        if not -300 < self.picture.low_db < self.picture.high_db < 300:
            faults.append("picture: the span of decibels must rise, within ±300")
        if self.heads != "each" and len(self.modality_sets) > 1 and not self.head.modality_drop:
            faults.append(
                "head.modality_drop: one head for all sets must learn to do without some; give a share above 0"
            )
        if faults:
            raise ValueError("\n".join(faults))
        return self
