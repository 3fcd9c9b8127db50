"""Which of its networks a node sends, where the aggregation rule leaves that to it (MFedMC)."""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch
from torch import Tensor

from client.node import Node, goes_on
from client.training.choice import Value, chosen, priority, shapley
from client.training.contrast import Contrast, Related
from client.training.finetune import Labelled, Tuning
from client.training.flism import joined
from client.training.views import Views
from protocol.payload import Block, Payload


def chooses(question: Payload) -> bool:
    """Whether the rule leaves the choice to the node."""
    return bool(question.info.get("correction", {}).get("name") == "choose")


def sent_of(
    node: Node, question: Payload, learnt: Mapping[str, Block], worth: Value, round: int, part: str = ""
) -> dict[str, Block]:
    """Of what was learnt the blocks of the chosen modalities; those of no encoder's modality go along.

    worth  what a set of modalities is worth on this node
    round  from 1; a modality never sent waits since then
    part   keeps apart when modalities were sent last
    """
    asked, held = question.info["correction"], sorted(n.partition(".")[2] for n in learnt if n.startswith("encoder."))
    if len(held) <= int(asked["modalities"]):
        return dict(learnt)
    name = ":".join(["sent", node.method, str(node.seed), str(node.place.partition), part])
    saved = node.store.get(name) if goes_on(question, round) else None
    last: dict[str, int] = {} if saved is None else json.loads(saved)
    mine = {m: [n for n in learnt if n.partition(".")[2] == m and not n.startswith("head.")] for m in held}
    size = {m: sum(value.nbytes for n in names for value in learnt[n].values()) for m, names in mine.items()}
    waited = {m: (round - last.get(m, 0)) / round for m in held}
    weighed = (float(asked["impact"]), float(asked["size"]), float(asked["recency"]))
    some = chosen(priority(shapley(held, worth), size, waited, weighed), int(asked["modalities"]))
    node.store.put(name, json.dumps({**last, **dict.fromkeys(some, round)}).encode())
    left = {n for m in held if m not in some for n in mine[m]}
    return {n: block for n, block in learnt.items() if n not in left}


def worth_of_rows(model: Contrast, views: Views, related: Related, temperature: float) -> Value:
    """Before there are classes: how surely samples find their partners when seen through a set of modalities alone.

    The probability of a sample's partners among all foreign samples, by the softmax of cosines, mean over the samples
    that have one. Where nothing foreign is bound, of the sample itself, seen through all modalities, among the node's
    own. Through no modality all are equally likely.
    """
    recorded = {m: view.recorded for m, view in views.items()}
    model.encoders.eval()
    model.projections.eval()
    with torch.no_grad():
        rows = model.embed({m: view.clean() for m, view in views.items()}, recorded)
    own = len(related.identity)
    partners = related.affinity[:, own:]
    if related.foreign is not None and (partners > 0).any():
        candidates, _ = joined(dict(related.foreign.views), dict(related.foreign.present))
    else:
        (candidates, _), partners = joined(rows, recorded), torch.eye(own)
    asked = partners.sum(dim=1) > 0

    def worth(some: frozenset[str]) -> float:
        here = torch.zeros(own, dtype=torch.bool)
        found = torch.full((own, len(candidates)), 1.0 / len(candidates))
        if some:
            seen, here = joined({m: rows[m] for m in sorted(some)}, recorded)
            found[here] = (seen[here] @ candidates.T / temperature).softmax(dim=1)
        share = (found * (partners > 0)).sum(dim=1)
        return float(share[asked].mean()) if asked.any() else 0.0

    return worth


def worth_of_classes(tuning: Tuning, data: Labelled) -> Value:
    """How surely the network tells the right class of the node's labelled samples through a set of modalities alone."""
    tuning.encoders.eval()
    tuning.head.eval()
    windows, nobody = data.clean(), torch.zeros(len(data), dtype=torch.bool)

    def worth(some: frozenset[str]) -> float:
        present: dict[str, Tensor] = {m: here if m in some else nobody for m, here in data.present.items()}
        with torch.no_grad():
            told = tuning.logits(windows, present).softmax(dim=1)
        return float(told[torch.arange(len(data)), data.label].mean())

    return worth
