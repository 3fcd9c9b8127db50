"""Training under a node's part of the aggregation rule, and what the node keeps of it until the next round."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any, Protocol

import safetensors.torch
import torch
from torch import Tensor

from client.node import Node, goes_on
from client.training.correction import Pulled, correction_for
from client.training.local_part import LocalCorrection, Named, Networks, named_parameters, put, to_bytes
from client.training.personal import own_names
from protocol.payload import Block, Payload


class Trained(Networks, Protocol):
    """Networks with the optimiser that trains them."""

    optimiser: torch.optim.Optimizer


Train = Callable[[Any, LocalCorrection | None], float]  # trains in place, returns the loss


def _own(node: Node, part: str) -> str:
    """Under which name a node keeps what an aggregation rule leaves with it; `part` where phases are kept apart."""
    return ":".join(["own", node.method, str(node.seed), str(node.place.partition), *([part] if part else [])])


def own_part(track: str) -> str:
    """The part under which a node keeps what is its own of a fine-tuning track."""
    return f"finetune:{track}"


def own_kept(node: Node, part: str = "") -> Named:
    """What it kept under the rule last, in any round."""
    saved = node.store.get(_own(node, part))
    return {} if saved is None else safetensors.torch.load(saved)


def kept(node: Node, question: Payload) -> Named:
    """What it kept in the round before; nothing in the first."""
    return own_kept(node) if goes_on(question, int(question.info["round"])) else {}


def with_own(blocks: Mapping[str, Block], named: Named) -> dict[str, Block]:
    """The blocks with what the node keeps of them in its place."""
    return {
        name: {k: named[f"{name}/{k}"].numpy() if f"{name}/{k}" in named else v for k, v in block.items()}
        for name, block in blocks.items()
    }


def keep(node: Node, named: Mapping[str, Tensor], part: str = "") -> None:
    """Puts what stays on the node into its store; nothing leaves it as it was."""
    if named:
        node.store.put(_own(node, part), to_bytes(dict(named)))


def begun(node: Node, question: Payload, model: Networks, before: Named, *purpose: str | int) -> LocalCorrection:
    """The correction that a message asks for, the networks as they came; `purpose` keeps what it draws apart."""
    control = {name.removeprefix("control."): b for name, b in question.blocks.items() if name.startswith("control.")}
    seed = node.seed_for("correction", *purpose)
    return correction_for(model, question.info["correction"], to_bytes(before) if before else None, control, seed)


def trained_first(model: Networks, asked: Mapping[str, Any]) -> set[str] | None:
    """Parameters that are trained before the others (FedRep); None where all are trained together."""
    patterns = asked.get("first")
    if not patterns:
        return None
    return {name for name in named_parameters(model) if any(fnmatchcase(name.split("/")[0], each) for each in patterns)}


def told(asked: Mapping[str, Any], correction: LocalCorrection, rate: float) -> dict[str, float]:
    """The numbers that the rule asks for."""
    numbers = {"steps": float(correction.steps), "rate": float(rate), **correction.tells()}
    return {name: numbers[name] for name in asked.get("tell", ()) if name in numbers}


def trained(
    node: Node, question: Payload, model: Trained, train: Train, fresh: Callable[[], Trained], before: Named,
    frozen: Collection[str] = (), part: str = "",
) -> tuple[float, set[str], dict[str, float]]:  # fmt: skip
    """Trains with the node's part of the aggregation rule: the loss, parameters that stay here, numbers that are asked for.

    fresh   gives the networks as they came once more
    before  what the node kept in the round before
    frozen  blocks that nobody trains
    part    keeps what stays on the node apart from other phases'

    What the node keeps until the next round is put into its store; models of its own stay there after the last.
    """
    asked = question.info.get("correction")
    if asked is None:
        return train(model, None), set(), {}
    rate, own = model.optimiser.param_groups[0]["lr"], own_names(model, asked)
    correction = begun(node, question, model, before, part, str(question.info["phase"]), int(question.info["round"]))
    first = trained_first(model, asked)
    if first is not None:  # FedRep: one after the other
        for of_first in (True, False):
            for name, value in named_parameters(model).items():
                value.requires_grad_(name.split("/")[0] not in frozen and (name in first) == of_first)
            if any(value.requires_grad for value in named_parameters(model).values()):
                loss = train(model, correction)
    else:
        loss = train(model, correction)
    keeps = correction.keeps(rate)
    if own:
        keeps = {name: value.detach() for name, value in named_parameters(model).items() if name in own}
    if asked.get("name") == "ditto":
        keeps = _personal(asked, correction, rate, train, fresh(), before)
    keep(node, keeps, part)
    return loss, own, told(asked, correction, rate)


def _personal(
    asked: Mapping[str, Any], shared: LocalCorrection, rate: float, train: Train, model: Trained, before: Named
) -> Named:
    """Ditto: the node's own model, one more round trained, held near the shared one as it came."""
    put(model, before)
    for group in model.optimiser.param_groups:
        group["lr"] = rate
    pulled = Pulled(model, asked, {})
    pulled.shared = shared.start
    train(model, pulled)
    return {name: value.detach() for name, value in named_parameters(model).items()}
