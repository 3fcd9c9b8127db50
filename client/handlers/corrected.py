"""Training under a node's part of the aggregation rule, and what the node keeps of it until the next round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import safetensors.torch
from torch import Tensor

from client.node import Node, goes_on
from client.training.contrast import Contrast, StepByStep
from client.training.correction import LocalCorrection, Pulled, correction_for, named_parameters, put, to_bytes
from client.training.personal import own_names
from protocol.payload import Payload

Train = Callable[[Contrast, StepByStep | None], float]  # trains in place, returns the loss


def _own(node: Node) -> str:
    """Under which name a node keeps what an aggregation rule leaves with it."""
    return f"own:{node.method}:{node.seed}:{node.place.partition}"


def kept(node: Node, question: Payload) -> dict[str, Tensor]:
    """What it kept in the round before; nothing in the first."""
    saved = node.store.get(_own(node)) if goes_on(question, int(question.info["round"])) else None
    return {} if saved is None else safetensors.torch.load(saved)


def trained(
    node: Node,
    question: Payload,
    model: Contrast,
    frozen: set[str],
    train: Train,
    fresh: Callable[[], Contrast],
) -> tuple[float, set[str], dict[str, float]]:
    """Trains with the node's part of the aggregation rule: the loss, parameters that stay here, numbers that are asked for.

    `fresh` gives the networks as they came once more.

    What the node keeps until the next round is put into its store; models of its own stay there after the last.
    """
    asked = question.info.get("correction")
    if asked is None:
        return train(model, None), set(), {}
    control = {name.removeprefix("control."): b for name, b in question.blocks.items() if name.startswith("control.")}
    rate, own = model.optimiser.param_groups[0]["lr"], own_names(model, asked)
    correction = correction_for(model, asked, to_bytes(kept(node, question)), control)
    if asked.get("first"):  # FedRep: one after the other
        for of_own in (True, False):
            for name, value in named_parameters(model).items():
                value.requires_grad_(name.split("/")[0] not in frozen and (name in own) == of_own)
            loss = train(model, correction)
    else:
        loss = train(model, correction)
    keeps = correction.keeps(rate)
    if own:
        keeps = {name: value.detach() for name, value in named_parameters(model).items() if name in own}
    if asked.get("name") == "ditto":
        keeps = _personal(node, question, asked, correction, train, fresh)
    if keeps:
        node.store.put(_own(node), to_bytes(keeps))
    numbers = {"steps": float(correction.steps), "rate": float(rate)}
    return loss, own, {name: numbers[name] for name in asked.get("tell", ()) if name in numbers}


def _personal(
    node: Node, question: Payload, asked: Mapping[str, Any], shared: LocalCorrection, train: Train,
    fresh: Callable[[], Contrast],
) -> dict[str, Tensor]:  # fmt: skip
    """Ditto: the node's own model, one more round trained, held near the shared one as it came."""
    model = fresh()
    put(model, kept(node, question))
    for group in model.optimiser.param_groups:
        group["lr"] = shared.model.optimiser.param_groups[0]["lr"]
    pulled = Pulled(model, asked, {})
    pulled.shared = shared.start
    train(model, pulled)
    return {name: value.detach() for name, value in named_parameters(model).items()}
