"""Embed: every node of the groups sends embeddings of its shared modality, or of its label texts, under handles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from protocol.embedding import unpack_embeddings
from protocol.kinds import EMBED
from protocol.payload import Payload, ProtocolError
from server.admission import own_handles_gate
from server.binding.bind import Embedded
from server.job import Job
from server.state import JobState

Found = dict[str, dict[int, Embedded]]  # modality, or "label" -> node -> its samples


def embed(job: Job, state: JobState) -> JobState:
    """The state with the embeddings by modality and partition, for `bind`, and every node's handles."""
    names = job.experiment.bind.modalities or ["label"]
    found: Found = {}
    handles: dict[int, np.ndarray] = {}
    for at, by in enumerate(names, start=1):
        found[by] = _embedded(job, state, by, at, len(names), handles)
        for p, e in found[by].items():
            handles[p] = np.union1d(handles[p], e.handles) if p in handles else e.handles
    return replace(state, embedded=found, handles=handles)


def _embedded(
    job: Job, state: JobState, by: str, round: int, rounds: int, known: Mapping[int, np.ndarray]
) -> dict[int, Embedded]:
    """What the nodes send of one modality; `known` are the handles that each gave with other modalities."""
    blocks = {key: block for key, block in state.blocks.items() if key.endswith(f".{by}")}
    members = [
        p
        for p in state.members(*job.experiment.incomplete_groups)
        if by == "label" or by in state.manifests[p].modalities
    ]
    found: dict[int, Embedded] = {}

    def check(partition: int, reply: Payload) -> None:
        if set(reply.blocks) != {f"embeddings.{by}"}:
            raise ProtocolError(f"embeddings of {sorted(reply.blocks)}, asked for embeddings.{by}")
        handles, vectors = unpack_embeddings(reply.blocks[f"embeddings.{by}"])
        if len(np.union1d(handles, known.get(partition, handles))) > state.manifests[partition].samples:
            raise ProtocolError(f"{len(handles)} embeddings, its manifest said {state.manifests[partition].samples}")
        found[partition] = Embedded(state.manifests[partition].group, handles, vectors)

    asked = job.rule.on_node()  # a node that keeps a part of the shared encoder to itself is matched by it
    info = {"correction": dict(asked)} if asked.get("name") == "personal" else {}
    questions = {p: Payload({**blocks, **state.statistics(p, [by])}, info) for p in members}
    replies = job.dispatch.ask(EMBED, questions, "embed", round, rounds, check)
    held = {p: np.union1d(found[p].handles, known.get(p, found[p].handles)) for p in replies}
    own_alone = own_handles_gate({**known, **held})
    for partition in list(replies):  # after all have answered: who came first must not matter
        try:
            own_alone(partition, found[partition].handles)
        except ProtocolError as error:
            job.dispatch.skip(partition, "embed", round, str(error))
            del replies[partition]
    widths = {found[p].vectors.shape[1] for p in replies}
    common = max(widths, key=lambda width: sum(found[p].vectors.shape[1] == width for p in replies))
    for partition in list(replies):
        if found[partition].vectors.shape[1] != common:
            job.dispatch.skip(
                partition,
                "embed",
                round,
                f"embeddings of {found[partition].vectors.shape[1]} numbers, others send {common}",
            )
            del replies[partition]
    encoders = sorted({str(reply.info["encoder"])[:80] for reply in replies.values() if "encoder" in reply.info})
    if encoders:
        job.note(f"label texts were embedded by {', '.join(encoders)}")
    kept = {p: found[p] for p in replies}
    if by == "label":
        untold = sum(max(0, state.manifests[p].labelled - len(e.handles)) for p, e in kept.items())
        if untold:
            job.note(
                f"{untold} labelled samples bind nothing: the sentence encoder reads nothing in their label's text"
            )
    return kept
