"""The audit of pairs: the labels of nodes that permit it, and what they tell of who was bound to whom."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from configs.errors import UserError
from protocol.kinds import AUDIT
from protocol.payload import Payload, ProtocolError
from server.binding.bind import pairing_matrix
from server.job import Job
from server.state import JobState


def labels_for_oracle(job: Job, state: JobState, members: list[int]) -> Mapping[int, int]:
    """Everyone's labels; raises UserError where a node does not give them."""
    label_of, refused = labels_given(job, state, members)
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


def labels_for_audit(job: Job, state: JobState, members: list[int]) -> Mapping[int, int] | None:
    """The labels that nodes give, None where none does or none is to be asked."""
    if not job.experiment.evaluation.audit_pairs or not members:
        return None
    label_of, refused = labels_given(job, state, members)
    if len(refused) == len(members):
        job.note(f"no node permits the audit of pairs: {next(iter(refused.values()))}")
        return None
    return label_of


def labels_given(job: Job, state: JobState, members: list[int]) -> tuple[dict[int, int], dict[int, str]]:
    """Class index by handle of the nodes that give it, and the reason by node of those that do not."""
    classes, name = state.manifests[members[0]].classes, f"labels.{job.experiment.bind.name}"

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


def audited(state: JobState, label_of: Mapping[int, int]) -> dict[str, object]:
    """Classes, matrix and accuracy of the state's pairs."""
    classes = state.manifests[int(state.pairs.node[0])].classes
    matrix, accuracy = pairing_matrix(state.pairs, label_of, len(classes))
    return {
        "classes": list(classes),
        "matrix": np.asarray(matrix).tolist(),
        "accuracy": accuracy,
        "raw_cosine_accuracy": None,
    }
