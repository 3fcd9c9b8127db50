"""Audit: the labels of nodes whose owners permit it, and what they tell of who was bound to whom.

A refusal costs nobody a round. Groups may have other vocabularies: classes are the same where their words are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from configs.errors import UserError
from protocol.kinds import AUDIT
from protocol.payload import Payload, ProtocolError
from server.admission import own_handles_gate
from server.binding.bind import pairing_matrix
from server.binding.words import Words, all_words, without_common_word, words_of_some
from server.job import Job
from server.state import JobState

Labels = dict[int, dict[int, int]]  # node -> handle -> index among that node's classes, -1 for none


def labels_of(job: Job, state: JobState, members: Sequence[int], phase: str) -> tuple[Labels, dict[int, str]]:
    """By node the labels of those that give them, and the reason of those that do not."""
    name = f"labels.{job.experiment.bind.name}"

    own_alone = own_handles_gate(state.handles)

    def check(partition: int, reply: Payload) -> None:
        block = reply.blocks.get(name, {})
        if set(block) != {"handles", "label"} or block["handles"].shape != block["label"].shape:
            raise ProtocolError("an audit needs one label for each handle")
        if block["handles"].ndim != 1 or block["handles"].dtype != np.int64 or block["label"].dtype.kind != "i":
            raise ProtocolError("handles and labels are whole numbers in a row")
        classes = len(state.manifests[partition].classes)
        if len(block["label"]) and not (block["label"].min() >= -1 and block["label"].max() < classes):
            raise ProtocolError("labels out of range")
        own_alone(partition, block["handles"])

    tally = job.dispatch.tally
    before = len(tally.skipped)
    replies = job.dispatch.ask(AUDIT, dict.fromkeys(members, Payload()), phase, check=check, may_all_fail=True)
    refused = {entry["node"]: entry["reason"] for entry in tally.skipped[before:] if entry["node"] not in replies}
    del tally.skipped[before:]  # no round of training was missed, and who asked says what came of it
    blocks = {p: reply.blocks[name] for p, reply in replies.items()}
    return {p: dict(zip(b["handles"].tolist(), b["label"].tolist(), strict=True)) for p, b in blocks.items()}, refused


def labels_for_oracle(job: Job, state: JobState, members: list[int]) -> Mapping[int, int]:
    """By handle the place of everyone's class among `words_of`; raises UserError where a node does not give its labels."""
    labels, refused = labels_of(job, state, members, "bind")
    if refused:
        node, reason = next(iter(refused.items()))
        raise UserError(
            f"{len(refused)} of {len(members)} nodes give no labels, such as node {node} ({reason})",
            where="bind.pairing = oracle",
            expected="labels of every node: the oracle pairs samples of the same label",
            todo="start the nodes with node-config allow-audit=true, or use bind.pairing=nearest",
        )
    job.note("bind.pairing=oracle: pairs were made from labels, a ceiling for studies and no result of binding")
    return _placed(labels, words_of(job, state))


def labels_for_audit(
    job: Job, state: JobState, members: list[int], phase: str = "bind", judged: str = "pairs"
) -> Mapping[int, int] | None:
    """The same of those that give theirs; None where nobody does or nobody is to be asked.

    phase   the one under which the bytes count
    judged  what the labels are for, as notes call it
    """
    if not job.experiment.evaluation.audit_pairs or not members:
        return None
    labels, refused = labels_of(job, state, members, phase)
    if not labels:
        job.note(f"no node permits the audit of {judged}: {next(iter(refused.values()))}")
        return None
    if refused:
        node, reason = next(iter(refused.items()))
        told = f"{len(refused)} of {len(members)} nodes give no labels, such as node {node} ({reason})"
        job.note(f"{told}: {judged} with theirs are not audited")
    return _placed(labels, words_of(job, state))


def words_of(job: Job, state: JobState) -> Words:
    """The words of all groups' classes."""
    members = state.members(*job.experiment.incomplete_groups)
    return all_words({p: state.manifests[p].classes for p in members}, job.experiment.evaluation.synonyms)


def _placed(labels: Labels, words: Words) -> dict[int, int]:
    """By handle the place of its class among the words, -1 for none."""
    by_word: dict[int, int] = {}
    for partition, by_handle in labels.items():
        own = np.array(list(by_handle.values()), dtype=np.int64)
        by_word.update(zip(by_handle, words.placed(partition, own).tolist(), strict=True))
    return by_word


def audited(job: Job, state: JobState, label_of: Mapping[int, int]) -> dict[str, object]:
    """Classes, matrix and accuracy of the state's pairs; where two groups have no word in common the matrix alone."""
    members = sorted({*state.pairs.node.tolist(), *state.pairs.partner_node.tolist()})
    words, groups = words_of(job, state), {p: state.manifests[p].group for p in members}
    matrix, accuracy = pairing_matrix(state.pairs, label_of, len(words.classes))
    if apart := without_common_word(words, groups):
        accuracy = None
        told = ", ".join(f"{one} and {other}" for one, other in apart)
        job.note(
            f"groups {told} have no word for a class in common, so it is not told how many pairs share their class; "
            "evaluation.synonyms says which words mean the same"
        )
    elif odd := words_of_some(words, groups):
        job.note(
            f"not all groups have the classes {', '.join(odd)}: a pair of two of these counts as of different classes, "
            "unless evaluation.synonyms says that they mean the same"
        )
    return {
        "classes": words.classes,
        "matrix": np.asarray(matrix).tolist(),
        "accuracy": accuracy,
        "raw_cosine_accuracy": None,
    }
