"""Bind: the server pairs samples of different groups; where nodes permit it, an audit tells how well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from protocol.kinds import AUDIT
from protocol.payload import Payload, ProtocolError
from server.binding.bind import bind, bind_alike, no_pairs, pairing_matrix, too_alike
from server.job import Job
from server.state import JobState


def bind_samples(job: Job, state: JobState) -> JobState:
    """Pairs both ways between every two groups, weighted by `bind.weights`; the embeddings are let go."""
    rule, embedded = job.experiment.bind, state.embedded
    pairs = bind_alike(embedded, rule.weights) if rule.by == "label" else bind(embedded, rule.weights, rule.partners)
    if not len(pairs):
        job.note("nothing was bound: fewer than two groups sent embeddings")
    near = too_alike(embedded, rule.undecided) if rule.by != "label" else no_pairs()
    return replace(state, embedded={}, pairs=pairs, undecided=near, pairing=_audit(job, replace(state, pairs=pairs)))


def _audit(job: Job, state: JobState) -> dict[str, object] | None:
    """Classes, matrix and accuracy of the pairing, from the nodes that give their labels; None where none does."""
    if not job.experiment.evaluation.audit_pairs or not len(state.pairs):
        return None
    members = sorted({*state.pairs.node.tolist(), *state.pairs.partner_node.tolist()})
    label_of: dict[int, int] = {}
    classes = state.manifests[members[0]].classes
    name = f"labels.{job.experiment.bind.by}"

    def check(partition: int, reply: Payload) -> None:
        block = reply.blocks.get(name, {})
        if set(block) != {"handles", "label"} or block["handles"].shape != block["label"].shape:
            raise ProtocolError("an audit needs one label for each handle")
        if len(block["label"]) and not (block["label"].min() >= -1 and block["label"].max() < len(classes)):
            raise ProtocolError("labels out of range")

    before = len(job.dispatch.tally.skipped)
    replies = job.dispatch.ask(AUDIT, dict.fromkeys(members, Payload()), "bind", check=check, may_all_fail=True)
    if not replies:
        job.note("no node permits the audit of pairs: " + job.dispatch.tally.skipped[before]["reason"])
        del job.dispatch.tally.skipped[before:]  # a refusal here costs nobody a round
        return None
    for reply in replies.values():
        label_of.update(zip(reply.blocks[name]["handles"].tolist(), reply.blocks[name]["label"].tolist(), strict=True))
    matrix, accuracy = pairing_matrix(state.pairs, label_of, len(classes))
    return {
        "classes": list(classes),
        "matrix": np.asarray(matrix).tolist(),
        "accuracy": accuracy,
        "raw_cosine_accuracy": None,
    }
