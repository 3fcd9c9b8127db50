"""Audit: the labels of samples, from the nodes whose owners permit it; a refusal costs nobody a round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from protocol.kinds import AUDIT
from protocol.payload import Payload, ProtocolError
from server.job import Job
from server.state import JobState

Labels = dict[int, dict[int, int]]  # node -> handle -> index among that node's classes, -1 for none


def labels_of(job: Job, state: JobState, members: Sequence[int], phase: str) -> tuple[Labels, dict[int, str]]:
    """By node the labels of those that give them, and the reason of those that do not."""
    name = f"labels.{job.experiment.bind.name}"

    def check(partition: int, reply: Payload) -> None:
        block = reply.blocks.get(name, {})
        if set(block) != {"handles", "label"} or block["handles"].shape != block["label"].shape:
            raise ProtocolError("an audit needs one label for each handle")
        if block["handles"].ndim != 1 or block["handles"].dtype != np.int64 or block["label"].dtype.kind != "i":
            raise ProtocolError("handles and labels are whole numbers in a row")
        classes = len(state.manifests[partition].classes)
        if len(block["label"]) and not (block["label"].min() >= -1 and block["label"].max() < classes):
            raise ProtocolError("labels out of range")

    tally = job.dispatch.tally
    before = len(tally.skipped)
    replies = job.dispatch.ask(AUDIT, dict.fromkeys(members, Payload()), phase, check=check, may_all_fail=True)
    refused = {entry["node"]: entry["reason"] for entry in tally.skipped[before:] if entry["node"] not in replies}
    del tally.skipped[before:]  # no round of training was missed, and who asked says what came of it
    blocks = {p: reply.blocks[name] for p, reply in replies.items()}
    return {p: dict(zip(b["handles"].tolist(), b["label"].tolist(), strict=True)) for p, b in blocks.items()}, refused
