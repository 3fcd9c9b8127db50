"""Networks as named blocks of arrays: what travels, what is averaged, what is saved."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from configs.errors import UserError
from configs.nodes import derived_seed
from configs.schema import AutoencoderSettings, ModelSettings
from models.autoencoder import SharedAutoencoder
from models.encoders import STEPS, build_encoder
from models.fusion import FusionClassifier, borrowed_prototypes
from models.instance import SharedEncoder
from models.projection import Projection

Block = dict[str, np.ndarray]


@dataclass(frozen=True)
class ModalityShape:
    """What a network must know of a modality. `layout`: what one frame looks like, () for a plain vector."""

    kind: str
    frames: int
    channels: int
    layout: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", tuple(self.layout))  # a message brings a list


def as_block(module: nn.Module, prefix: str = "") -> Block:
    """The module's parameters whose names begin with `prefix`, copied, under their names without it."""
    return {
        name.removeprefix(prefix): value.detach().cpu().numpy().copy()
        for name, value in module.state_dict().items()
        if name.startswith(prefix)
    }


def load_block(module: nn.Module, block: Mapping[str, np.ndarray], prefix: str = "") -> None:
    """Puts a block's arrays into the module; raises RuntimeError if a shape differs, KeyError for an unknown name."""
    own = module.state_dict()
    for name, value in block.items():
        if own[prefix + name].shape != value.shape:  # copyto would stretch it
            raise RuntimeError(f"{prefix}{name}: expected {tuple(own[prefix + name].shape)}, got {value.shape}")
        np.copyto(own[prefix + name].numpy(), value, casting="unsafe")  # takes arrays that cannot be written to as well


def new_autoencoder(
    modality: str, shape: ModalityShape, settings: AutoencoderSettings, seed: int
) -> SharedAutoencoder | SharedEncoder:
    """A freshly initialised encoder of the shared modality, the same for the same seed.

    Raises UserError where a point cloud is to be reconstructed.
    """
    if shape.kind == "points" and settings.objective != "instance":
        raise UserError(
            f"{modality} is a point cloud: its points have no order, so it cannot be reconstructed number by number",
            where=f"autoencoder.objective = {settings.objective}",
            expected="instance",
        )
    with _seeded(seed, "autoencoder", modality):
        size = (shape.channels, shape.frames, settings.latent, shape.kind, settings.width, shape.layout)
        if settings.objective != "instance":
            return SharedAutoencoder(*size)
        if shape.kind == "latents":  # as many numbers of each step as the axes have; what follows them needs less
            return SharedEncoder(*size, settings.members, feature=2 * settings.width, hidden=2 * settings.width)
        return SharedEncoder(*size, settings.members)


def new_generator(
    source: ModalityShape, modality: str, shape: ModalityShape, settings: AutoencoderSettings, seed: int
) -> SharedAutoencoder:
    """A freshly initialised network that makes a window of `modality` (of `shape`) from one of the shared modality.

    Raises UserError where a point cloud is to be made.
    """
    if shape.kind == "points":
        raise UserError(
            f"{modality} is a point cloud: its points have no order, so none can be generated number by number",
            where="methods",
            expected="a method that generates no sensor's windows",
        )
    with _seeded(seed, "generator", modality):
        size = (source.channels, source.frames, settings.latent, source.kind, settings.width, source.layout)
        return SharedAutoencoder(*size, out=(shape.channels, shape.frames))


def new_encoder(modality: str, shape: ModalityShape, settings: ModelSettings, seed: int) -> nn.Module:
    """A freshly initialised encoder of one modality, the same for the same seed whatever else is built."""
    return copy.deepcopy(_first_encoder(modality, shape, settings, seed))


def new_projection(modality: str, settings: ModelSettings, seed: int, prompts: int = 0) -> Projection:
    """A freshly initialised projection of one modality, told which of `prompts` modalities a sample holds."""
    return copy.deepcopy(_first_projection(modality, settings, seed, prompts))


@lru_cache(maxsize=64)
def _first_encoder(modality: str, shape: ModalityShape, settings: ModelSettings, seed: int) -> nn.Module:
    """Drawn once a process: a resident node builds its networks anew for every message."""
    with _seeded(seed, "encoder", modality):
        family = settings.family_of(shape.kind)
        size = (shape.channels, shape.frames, settings.width, settings.feature)
        return build_encoder(family, *size, layout=shape.layout)


@lru_cache(maxsize=64)
def _first_projection(modality: str, settings: ModelSettings, seed: int, prompts: int) -> Projection:
    with _seeded(seed, "projection", modality):
        return Projection(STEPS, settings.feature, settings.projection, settings.hidden, prompts)


def new_head(
    modalities: list[str],
    classes: int,
    settings: ModelSettings,
    seed: int,
    prompts: Sequence[str] = (),
    unseen: Sequence[str] = (),
) -> FusionClassifier:
    """A freshly initialised fusion classifier.

    prompts  the modalities of whose presence it is told
    unseen   those among its modalities that were never fine-tuned
    """
    with _seeded(seed, "head", *modalities):
        size = (STEPS, settings.feature, settings.projection, settings.hidden, len(prompts))
        fresh = {m: Projection(*size) for m in modalities}
        takes = settings.unified.head if settings.encoder == "unified" else "both"
        return FusionClassifier(
            modalities, STEPS, settings.feature, classes, fresh, settings.dropout,
            prompts=prompts, unseen=unseen, takes=takes,
        )  # fmt: skip


def head_from_projections(
    modalities: list[str],
    classes: int,
    settings: ModelSettings,
    seed: int,
    learnt: Mapping[str, Block],
    prompts: Sequence[str] = (),
) -> FusionClassifier:
    """A head whose part for each modality begins as that modality's trained `projection.*` block, where there is one."""
    head = new_head(modalities, classes, settings, seed, prompts)
    for modality in modalities:
        block = learnt.get(f"projection.{modality}")
        if block is not None:
            part = head.block(modality)
            load_block(part.projection, block)
            for ours, theirs in (("1", "layers.1"), ("3", "layers.2")):
                named = {f"{ours}.{name}": block[f"{theirs}.{name}"] for name in ("weight", "bias")}
                load_block(part.hidden, named)
            if part.prompt is not None:
                load_block(part.prompt, {"weight": block["prompt.weight"]})
    return head


def borrowed_head_block(
    modality: str,
    learnt: Mapping[str, Block],
    tuned: Sequence[Block],
    settings: ModelSettings,
    seed: int,
    prompts: Sequence[str] = (),
) -> Block:
    """A `head.<modality>` block for a modality that was never fine-tuned.

    learnt  holds its trained `projection.<modality>` block
    tuned   `head.*` blocks of the modalities that were fine-tuned, whose prototypes are borrowed
    """
    prototypes = borrowed_prototypes([torch.from_numpy(np.ascontiguousarray(block["prototypes"])) for block in tuned])
    head = head_from_projections([modality], len(prototypes), settings, seed, learnt, prompts)
    return {**head_blocks(head)[f"head.{modality}"], "prototypes": prototypes.numpy()}


def head_blocks(head: FusionClassifier) -> dict[str, Block]:
    """The head as blocks: `head.<modality>` for each modality's part, `head.fusion` for what all share."""
    blocks = {f"head.{modality}": as_block(head, f"blocks.{modality}.") for modality in head.blocks}
    return {**blocks, "head.fusion": as_block(head, "classes.")}


def load_head(head: FusionClassifier, blocks: Mapping[str, Block]) -> None:
    """Puts `head.*` blocks back into a head."""
    for modality in head.blocks:
        load_block(head, blocks[f"head.{modality}"], f"blocks.{modality}.")
    load_block(head, blocks["head.fusion"], "classes.")


class _seeded:
    """Initialises under a derived seed and leaves torch's global generator as it was."""

    def __init__(self, seed: int, *purpose: str):
        self.seed = derived_seed(seed, "initialise", *purpose)

    def __enter__(self) -> None:
        self.before = torch.get_rng_state()
        torch.manual_seed(self.seed)

    def __exit__(self, *_: object) -> None:
        torch.set_rng_state(self.before)


def as_gradient_block(module: nn.Module) -> Block:
    """The gradient of each parameter under its name; zeros where a parameter took no part."""
    return {
        name: (torch.zeros_like(value) if value.grad is None else value.grad).detach().numpy().copy()
        for name, value in module.named_parameters()
    }
