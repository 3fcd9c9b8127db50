"""How numbers travel: an ordered list of codecs for weights each way, and one for embeddings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from configs.section import Section

Codec = Literal[
    "delta", "top_k", "float16", "bf16", "int8"
]  # each a file in protocol/codecs; a test holds them together
NUMBERS = ("float16", "bf16", "int8")
_BASED = ("delta", "top_k")


def _list(value: object) -> object:
    """One name is a list of one; float32 is what is done where nothing is."""
    named = [value] if isinstance(value, str) else value
    return [] if named == ["float32"] else named


Codecs = Annotated[list[Codec], BeforeValidator(_list)]


class WireSettings(Section):
    """What is done to 32-bit numbers before they travel, in this order; the receiver undoes it in reverse."""

    up: Codecs = Field(
        default_factory=list
    )  # weights from the nodes: [delta, top_k, int8], …; [] or float32: as they are
    down: Codecs = Field(default_factory=list)  # weights to the nodes
    embeddings: Codecs = Field(default_factory=list)  # both ways; one of float16, bf16, int8
    top_k_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1  # of each tensor's numbers, the largest, at least one
    # `held`: a node is sent the networks of its own modalities. `whole`: of all of them, and sends all back, those that it
    # cannot train as they came: what full-model averaging costs. For comparisons.
    models: Literal["held", "whole"] = "held"


def wire_faults(settings: WireSettings, quantise: str, exact: bool) -> list[str]:
    """Lists that make no sense, by themselves or beside `privacy.quantise` and `contrast.mode=exact`."""
    faults: list[str] = []
    for way, codecs in (("up", settings.up), ("down", settings.down)):
        faults += [f"wire.{way}: {codecs} {why}" for why in _order_faults(codecs)]
        if exact and codecs:
            faults.append(
                f"wire.{way}: contrast.mode=exact adds up exact gradients of weights that all nodes share to the bit; use []"
            )
    told = settings.embeddings
    if based := [name for name in told if name in _BASED]:
        faults.append(
            f"wire.embeddings: {', '.join(based)} needs what the receiver has already, and embeddings come anew in every "
            f"round; use one of {', '.join(NUMBERS)}"
        )
    elif len(told) > 1:
        faults.append(
            f"wire.embeddings: {told} stores the same numbers more than once; name one of {', '.join(NUMBERS)}"
        )
    if told and quantise != "float32":
        faults.append(
            f"wire.embeddings: {told} beside privacy.quantise={quantise} would round twice; leave one of them out"
        )
    if exact and settings.models == "whole":
        faults.append("wire.models: 'whole' has no meaning with contrast.mode=exact; use held")
    return faults


def _order_faults(codecs: list[Codec]) -> list[str]:
    """What is wrong with a list for weights, as the end of a sentence."""
    if len(set(codecs)) != len(codecs):
        return ["names a codec twice"]
    faults: list[str] = []
    if "delta" in codecs[1:]:
        faults.append("has delta behind another; differences are taken of the weights themselves, so it comes first")
    if "top_k" in codecs and "delta" not in codecs:
        faults.append("has top_k without delta: the weights left out would be zero; put delta in front of it")
    stored = [name for name in codecs if name in NUMBERS]
    if len(stored) > 1:
        faults.append(f"stores the same numbers more than once; name one of {', '.join(NUMBERS)}")
    elif stored and codecs[-1] != stored[0]:
        faults.append(f"has something behind {stored[0]}, which leaves no 32-bit number for it; {stored[0]} comes last")
    return faults
