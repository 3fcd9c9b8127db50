"""Bind: the server pairs samples of different groups; where nodes permit it, an audit tells how well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from configs.errors import UserError
from protocol.kinds import AUDIT
from protocol.payload import Payload, ProtocolError
from server.binding.bind import Embedded, bind, bind_alike, no_pairs, pairing_matrix, too_alike
from server.job import Job
from server.state import JobState


def bind_samples(job: Job, state: JobState, embedded: Mapping[int, Embedded]) -> JobState:
    """Pairs both ways between every two groups, by `bind.pairing`, weighted by `bind.weights`."""
    rule = job.experiment.bind
    label_of = _labels_for_oracle(job, state, sorted(embedded)) if rule.pairing == "oracle" else None
    if rule.by == "label" and rule.pairing == "nearest":
        pairs = bind_alike(embedded, rule.weights)
    else:
        seed = job.seed_for("bind")
        pairs = bind(embedded, rule.weights, rule.partners, rule.pairing, rule.threshold, seed, label_of)
    if not len(pairs):
        job.note(f"nothing was bound (bind.pairing={rule.pairing}, {len(embedded)} nodes sent embeddings)")
    near = too_alike(embedded, rule.undecided) if rule.by != "label" else no_pairs()
    bound = replace(state, pairs=pairs, undecided=near)
    return replace(bound, pairing=_audit(job, bound, label_of))


def _labels_for_oracle(job: Job, state: JobState, members: list[int]) -> Mapping[int, int]:
    """Everyone's labels; raises UserError where a node does not give them."""
    label_of, refused = _labels(job, state, members)
    if refused:
        node, reason = next(iter(refused.items()))
        raise UserError(
            f"{len(refused)} of {len(members)} nodes give no labels, such as node {node} ({reason})",
            where="bind.pairing = oracle",
            expected="labels of every node: the oracle pairs samples of the same label",
            todo="start the nodes with node-config allow-audit=true, or use bind.pairing=nearest",
        )
    job.note("bind.pairing=oracle: pairs were made from labels, a ceiling for studies and no result of binding")
    return label_of


def _labels(job: Job, state: JobState, members: list[int]) -> tuple[dict[int, int], dict[int, str]]:
    """Class index by handle of the nodes that give it, and the reason by node of those that do not."""
    classes, name = state.manifests[members[0]].classes, f"labels.{job.experiment.bind.by}"

    def check(partition: int, reply: Payload) -> None:
        block = reply.blocks.get(name, {})
        if set(block) != {"handles", "label"} or block["handles"].shape != block["label"].shape:
            raise ProtocolError("an audit needs one label for each handle")
        if len(block["label"]) and not (block["label"].min() >= -1 and block["label"].max() < len(classes)):
            raise ProtocolError("labels out of range")

    tally = job.dispatch.tally
    before = len(tally.skipped)
    replies = job.dispatch.ask(AUDIT, dict.fromkeys(members, Payload()), "bind", check=check, may_all_fail=True)
    refused = {entry["node"]: entry["reason"] for entry in tally.skipped[before:] if entry["node"] not in replies}
    if not replies:
        del tally.skipped[before:]  # a refusal here costs nobody a round
    label_of: dict[int, int] = {}
    for reply in replies.values():
        label_of.update(zip(reply.blocks[name]["handles"].tolist(), reply.blocks[name]["label"].tolist(), strict=True))
    return label_of, refused


def _audit(job: Job, state: JobState, label_of: Mapping[int, int] | None) -> dict[str, object] | None:
    """Classes, matrix and accuracy of the pairing, from the nodes that give their labels; None where none does."""
    if not job.experiment.evaluation.audit_pairs or not len(state.pairs):
        return None
    members = sorted({*state.pairs.node.tolist(), *state.pairs.partner_node.tolist()})
    if label_of is None:
        label_of, refused = _labels(job, state, members)
        if len(refused) == len(members):
            job.note(f"no node permits the audit of pairs: {next(iter(refused.values()))}")
            return None
    classes = state.manifests[members[0]].classes
    matrix, accuracy = pairing_matrix(state.pairs, label_of, len(classes))
    return {
        "classes": list(classes),
        "matrix": np.asarray(matrix).tolist(),
        "accuracy": accuracy,
        "raw_cosine_accuracy": None,
    }
