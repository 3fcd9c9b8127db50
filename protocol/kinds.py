"""Every kind of message, and for each all that may leave a node in its reply.

This list is the privacy promise in code: a node checks its own reply against it before sending (`checked_reply`), and
the server checks again on arrival. Raw samples, timestamps and file names are in none of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from protocol.payload import Payload, ProtocolError


@dataclass(frozen=True)
class Leaves:
    """One block that may leave a node: its name pattern, what it is, and the most dimensions an array of it has."""

    pattern: str
    what: str
    most_dimensions: int = 4


@dataclass(frozen=True)
class Kind:
    """A question the server asks and what its answer may hold.

    remembers  whether a node may keep the question's weights, so that a later one brings their difference alone
    """

    message_type: str
    blocks: tuple[Leaves, ...] = ()
    info: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    remembers: bool = True


_WEIGHTS = "network weights after local training"
_PROGRESS = ("examples", "loss")

DESCRIBE = Kind(
    "query.describe",
    (Leaves("moments.*", "per channel: count, sum and sum of squares over all of a node's frames", 1),),
    ("nodes", "faults"),
)
UNIFIED = Kind(
    "query.unified",
    (
        Leaves(
            "latents.*",
            "of the frozen encoder's latents over all of a node's windows: count, sum of each number, sum of each pair's product",
            1,
        ),
        Leaves(
            "mixture.*",
            "of a modality's signals, where they are many, over all its frames: count, sum of each, sum of each pair's product",
            1,
        ),
    ),
    ("held", "mixed"),
)
ADAPT = Kind(
    "query.adapt",
    (
        Leaves("codes.*", "per code: how many latents chose it, their sum and the sum of their squares", 2),
        Leaves("fidelity.*", "over pictures: squared error, pixels, sum and sum of squares of each band", 1),
    ),
)
DECODER = Kind("train.decoder", (Leaves("decoder.*", _WEIGHTS),), (), _PROGRESS)
_STEPS = ("steps", "rate")  # where the aggregation rule asks: optimiser steps taken, and their rate
_ASKED = (*_STEPS, "entropy")  # and how unsure the node's network is, 0 to 1
AUTOENCODER = Kind("train.autoencoder", (Leaves("autoencoder.*", _WEIGHTS),), (), (*_PROGRESS, *_STEPS))
EMBED = Kind(
    "query.embed",
    (Leaves("embeddings.*", "unit embeddings of the shared modality or of label texts, under opaque handles", 2),),
    ("encoder",),
)
TARGETS = Kind(
    "query.targets",
    (
        Leaves(
            "targets.*",
            "projected unit embeddings of samples, under opaque handles; of people who fine-tune or test only while "
            "evaluation.embeddings is set",
            2,
        ),
    ),
)
GENERATE = Kind("train.generate", (Leaves("generator.*", _WEIGHTS),), (), _PROGRESS)
UNIMODAL = Kind("train.unimodal", (Leaves("encoder.*", _WEIGHTS), Leaves("projection.*", _WEIGHTS)), (), _PROGRESS)
CONTRAST = Kind(
    "train.contrast",
    (Leaves("encoder.*", _WEIGHTS), Leaves("projection.*", _WEIGHTS)),
    (),
    (*_PROGRESS, *_ASKED),
)
EXACT_VIEWS = Kind(
    "query.exact_views", (Leaves("targets.*", "projected unit embeddings of one batch, under opaque handles", 2),)
)
EXACT_GRADIENT = Kind(
    "train.exact_gradient",
    (Leaves("encoder.*", "gradient of the batch's loss by the weights"), Leaves("projection.*", "the same")),
    (),
    ("examples",),
)
PROTOTYPES = Kind(
    "query.prototypes",
    (
        Leaves(
            "prototypes.*", "per class: labelled samples of a node that fine-tunes, and the sum of their embeddings", 2
        ),
    ),
)
FINETUNE = Kind(
    "train.finetune",
    (
        Leaves("encoder.*", _WEIGHTS + ", one row per kept epoch", 5),
        Leaves("head.*", _WEIGHTS + ", one row per kept epoch", 5),
    ),
    ("losses", "validation_correct"),
    ("examples", "validation_examples", "loss", *_ASKED),
)
PREDICT = Kind(
    "query.predict",
    (
        Leaves(
            "predictions.classes",
            "class probabilities of samples by the tuned network, under opaque handles",
            2,
        ),
        Leaves("counts.classes", "how many labelled samples of each class a node that fine-tunes holds", 1),
    ),
)
SELF_TRAIN = Kind("train.self_train", (Leaves("encoder.*", _WEIGHTS), Leaves("head.*", _WEIGHTS)), (), _PROGRESS)
EVALUATE = Kind(
    "evaluate.head",
    (Leaves("confusion.*", "counts of (true class, predicted class) per kept epoch", 3),),
    (),
    ("examples", "auc"),
    remembers=False,  # many networks at once, for a look
)
PROBE = Kind(
    "query.probe", metrics=("examples", "correct")
)  # labelled samples judged between rounds, and how many right
AUDIT = Kind(
    "query.audit",
    (Leaves("labels.*", "class index per handle; only from a node that permits it (node-config allow-audit)", 1),),
)

KINDS = {
    kind.message_type: kind
    for kind in (
        DESCRIBE, UNIFIED, ADAPT, DECODER, AUTOENCODER, EMBED, TARGETS, GENERATE, UNIMODAL, CONTRAST, EXACT_VIEWS,
        EXACT_GRADIENT, PROTOTYPES, FINETUNE, PREDICT, SELF_TRAIN, EVALUATE, PROBE, AUDIT,
    )
}  # fmt: skip

ECHO = ("method", "seed", "phase", "round", "partition")  # what a reply repeats of its question


def checked_reply(kind: Kind, payload: Payload) -> Payload:
    """The payload itself if all of it may leave a node in a reply of this kind; raises ProtocolError otherwise."""
    for name, block in payload.blocks.items():
        allowed = next((leaf for leaf in kind.blocks if fnmatchcase(name, leaf.pattern)), None)
        if allowed is None:
            raise ProtocolError(f"{kind.message_type}: block {name[:60]!r} may not leave a node")
        for key, array in block.items():
            if array.ndim > allowed.most_dimensions:
                raise ProtocolError(
                    f"{kind.message_type}: {name[:60]}/{key[:60]} has {array.ndim} dimensions, "
                    f"at most {allowed.most_dimensions} may leave a node"
                )
            if array.dtype.kind == "f" and not all_finite(array):
                raise ProtocolError(f"{kind.message_type}: {name[:60]}/{key[:60]} holds NaN or infinity")
    for key in payload.info:
        if key not in kind.info and key not in ECHO:
            raise ProtocolError(f"{kind.message_type}: info {key[:60]!r} may not leave a node")
        if not _finite(payload.info[key]):
            raise ProtocolError(
                f"{kind.message_type}: info {key[:60]!r} holds a number that is NaN or infinite, or beyond 64 bits"
            )
    for key, value in payload.metrics.items():
        if key not in kind.metrics:
            raise ProtocolError(f"{kind.message_type}: number {key[:60]!r} may not leave a node")
        if not np.isfinite(value):
            raise ProtocolError(f"{kind.message_type}: number {key[:60]!r} is NaN or infinite")
    return payload


def all_finite(array: np.ndarray) -> bool:
    """Whether no number is NaN or infinite; of float32 the sum of squares tells in one pass, unless it overflows."""
    if array.dtype == np.float32 and array.flags.c_contiguous:
        flat = array.reshape(-1)
        with np.errstate(over="ignore"):
            squares = np.dot(flat, flat)
        if math.isfinite(squares):
            return True
    return bool(np.isfinite(array).all())


def _finite(value: Any) -> bool:
    """Whether a JSON value holds neither NaN nor infinity nor a whole number beyond 64 bits, however deep."""
    if isinstance(value, Mapping):
        return all(_finite(each) for each in value.values())
    if isinstance(value, list | tuple):
        return all(_finite(each) for each in value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return not isinstance(value, float) or math.isfinite(value)
