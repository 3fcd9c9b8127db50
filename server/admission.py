"""The admission gate: what a reply must be before it is added to anything.

A reply that fails costs its node the round, with a named reason; the round goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from protocol.embedding import unpack_embeddings
from protocol.kinds import ECHO, Kind, checked_reply
from protocol.limits import MOST_SAMPLES_PER_NODE, MOST_WEIGHT_NORM
from protocol.manifest import Manifest
from protocol.payload import Block, Payload, ProtocolError


class Form(Protocol):
    """What is looked at of a tensor that another one must be like; arrays are of this form."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...


def check_reply(kind: Kind, question: Payload, reply: Payload) -> None:
    """Raises ProtocolError unless the reply answers this very question with what its kind allows, all finite."""
    checked_reply(kind, reply)
    for key in ECHO:
        if reply.info.get(key) != question.info.get(key):
            raise ProtocolError(f"answers another question: {key} is {str(reply.info.get(key))[:40]!r}")
    examples = reply.metrics.get("examples")
    if examples is None and "examples" in kind.metrics:
        raise ProtocolError("does not say from how many examples")
    if examples is not None and not (0 <= examples <= MOST_SAMPLES_PER_NODE and examples == int(examples)):
        raise ProtocolError(f"claims {examples:g} examples")


def check_names(expected: set[str], reply: Payload, some_suffice: bool = False) -> None:
    """Raises ProtocolError unless the reply holds exactly the expected blocks; where `some_suffice`, one of them or more."""
    missing, extra = sorted(expected - set(reply.blocks)), sorted(set(reply.blocks) - expected)
    if extra or (missing and not (some_suffice and reply.blocks)):
        raise ProtocolError(f"blocks differ: missing {missing}, not asked for {extra}")


def check_weights(
    current: Mapping[str, Mapping[str, Form]], expected: set[str], reply: Payload, most_examples: int,
    some_suffice: bool = False,
) -> None:  # fmt: skip
    """Raises ProtocolError unless the reply holds the expected blocks in the current names, shapes and types."""
    check_names(expected, reply, some_suffice)
    if reply.metrics.get("examples", 0.0) > most_examples:
        raise ProtocolError(f"claims {reply.metrics['examples']:g} examples, its manifest said {most_examples}")
    for name, block in reply.blocks.items():
        check_block(name, current[name], block)


def check_block(name: str, current: Mapping[str, Form], block: Block) -> None:
    """Raises ProtocolError unless `block` has the tensors of `current`, and a sane norm."""
    if set(block) != set(current):
        raise ProtocolError(f"{name}: tensor names differ")
    norm = 0.0
    for key, array in block.items():
        if array.shape != current[key].shape or array.dtype != current[key].dtype:
            raise ProtocolError(
                f"{name}/{key}: expected {current[key].dtype} {current[key].shape}, got {array.dtype} {array.shape}"
            )
        norm += _squares(array)
    if norm**0.5 > MOST_WEIGHT_NORM:
        raise ProtocolError(f"{name}: norm {norm**0.5:.3g} is above {MOST_WEIGHT_NORM:g}")


def _squares(array: np.ndarray) -> float:
    """The sum of squares; of float32 in its own precision, in one pass, since a limit of 1e6 wants no better."""
    if array.dtype == np.float32:
        flat = np.ascontiguousarray(array).reshape(-1)
        with np.errstate(over="ignore"):  # infinity is above every limit
            return float(np.dot(flat, flat))
    return float(np.square(array, dtype=np.float64).sum())


@dataclass(frozen=True)
class Shaped:
    """A tensor's form without its numbers."""

    shape: tuple[int, ...]
    dtype: np.dtype


@dataclass(frozen=True)
class WeightsGate:
    """`check_weights` for every node of a round; holds no numbers, so that it may go where the nodes are.

    like           by block the tensors' forms
    expected       by node the blocks that must come back
    most_examples  by node
    some_suffice   whether a node may keep some of its blocks back
    """

    like: Mapping[str, Mapping[str, Shaped]]
    expected: Mapping[int, set[str]]
    most_examples: Mapping[int, int]
    some_suffice: bool = False

    def __call__(self, partition: int, reply: Payload) -> None:
        """Raises ProtocolError for a reply that is not what this node was to send."""
        check_weights(self.like, self.expected[partition], reply, self.most_examples[partition], self.some_suffice)


def weights_gate(
    current: Mapping[str, Block],
    expected: Mapping[int, set[str]],
    most_examples: Mapping[int, int],
    some_suffice: bool = False,
) -> WeightsGate:
    """The gate of a round: each node's own blocks in the forms of `current`, and its own number of samples."""
    like = {
        name: {key: Shaped(value.shape, value.dtype) for key, value in block.items()} for name, block in current.items()
    }
    return WeightsGate(like, expected, most_examples, some_suffice)


def steps_gate(
    check: Callable[[int, Payload], None], rate: float, epochs: int, most_examples: Mapping[int, int]
) -> Callable[[int, Payload], None]:
    """`check`, and ProtocolError for optimiser steps that a node cannot have taken, or at another rate than was asked.

    Rules divide by both, so a lie here would move the model as far as the liar wants.

    rate           that of the round
    epochs         passes over a node's samples in the round; there is no batch of less than one sample
    most_examples  by node, what its manifest said
    """

    def checked(partition: int, reply: Payload) -> None:
        check(partition, reply)
        check_steps(reply, epochs, most_examples[partition], rate, rate)

    return checked


def check_steps(reply: Payload, epochs: int, most_examples: int, lowest: float, highest: float) -> None:
    """Raises ProtocolError unless steps, where they are told, are at most two a sample and epoch, and their rate between
    these; two since FedRep trains one part after the other."""
    steps, told = reply.metrics.get("steps", 1.0), reply.metrics.get("rate", highest)
    if not (0 <= steps <= 2 * epochs * max(most_examples, 1) and steps == int(steps)):
        raise ProtocolError(f"claims {steps:g} steps with {most_examples} samples")
    if not lowest * (1 - 1e-6) <= told <= highest * (1 + 1e-6):
        wanted = f"{highest:g}" if lowest == highest else f"from {lowest:g} to {highest:g}"
        raise ProtocolError(f"claims a rate of {told:g}, the round's is {wanted}")


def own_handles_gate(held: Mapping[int, np.ndarray]) -> Callable[[int, np.ndarray], None]:
    """Raises ProtocolError where one of a node's handles, int64 (n,), is another node's.

    held  handles by node, as far as they are known
    """
    nobody = np.zeros(0, dtype=np.int64)
    known = np.sort(np.concatenate([nobody, *held.values()]))  # once, not for every node's reply

    def check(partition: int, handles: np.ndarray) -> None:
        if (_times(known, handles) > _times(np.sort(held.get(partition, nobody)), handles)).any():
            raise ProtocolError("uses handles of another node")

    return check


def embeddings_gate(
    width: int,
    manifests: Mapping[int, Manifest],
    held: Mapping[int, np.ndarray],
    wanted: Mapping[int, np.ndarray] | None = None,
) -> Callable[[int, Payload], None]:
    """Raises ProtocolError unless `targets.*` blocks are what was asked of this node.

    width      numbers of an embedding
    manifests  which sensors and how many samples each node said it has
    held       handles by node, as far as they are known: nobody may use another's
    wanted     handles that were asked for by node; None: all
    """

    own_alone = own_handles_gate(held)

    def check(partition: int, reply: Payload) -> None:
        own = {f"targets.{modality}" for modality in manifests[partition].modalities}
        if not reply.blocks or set(reply.blocks) - own:
            raise ProtocolError(f"embeddings of {sorted(reply.blocks)}, its manifest said {sorted(own)}")
        for name, block in reply.blocks.items():
            handles, vectors = unpack_embeddings(block)
            if vectors.shape[1] != width:
                raise ProtocolError(f"{name}: embeddings of {vectors.shape[1]} numbers, expected {width}")
            if len(handles) > manifests[partition].samples:
                raise ProtocolError(
                    f"{name}: {len(handles)} embeddings, its manifest said {manifests[partition].samples}"
                )
            if wanted is not None and not np.isin(handles, wanted[partition]).all():
                raise ProtocolError(f"{name}: embeddings of samples that were not asked for")
            own_alone(partition, handles)

    return check


def _times(rising: np.ndarray, handles: np.ndarray) -> np.ndarray:
    """How often each of the handles stands in `rising`."""
    return np.searchsorted(rising, handles, "right") - np.searchsorted(rising, handles, "left")


def check_progress(reply: Payload, epochs: int, counts: bool, labelled: int) -> None:
    """Raises ProtocolError unless a fine-tuning reply has one loss for each epoch, and a possible count right in each.

    counts    whether what the track keeps back was to be counted; else nothing is
    labelled  how many labelled samples the node's manifest said
    """
    trained, held_out = reply.metrics.get("examples", -1.0), reply.metrics.get("validation_examples", -1.0)
    if not (trained >= 0 and held_out >= 0 and trained + held_out <= labelled):
        raise ProtocolError(f"trained on {trained:g} and kept back {held_out:g}, its manifest said {labelled} labels")
    if not _numbers(reply.info.get("losses"), epochs):
        raise ProtocolError(f"expected {epochs} losses")
    if not _numbers(reply.info.get("validation_correct"), epochs if counts else 0) or any(
        not 0 <= right <= held_out for right in reply.info["validation_correct"]
    ):
        raise ProtocolError(f"expected counts of what is right among {held_out:g} samples in {epochs} epochs")


def _numbers(values: object, count: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(type(each) in (int, float) for each in values)
