"""Embed: every node of the groups sends embeddings of its shared modality, or of its label texts, under handles."""

from __future__ import annotations

from dataclasses import replace

from protocol.embedding import unpack_embeddings
from protocol.kinds import EMBED
from protocol.payload import Payload, ProtocolError
from server.binding.bind import Embedded
from server.job import Job
from server.state import JobState


def embed(job: Job, state: JobState) -> JobState:
    """The state with every node's embeddings and handles, for `bind`."""
    by = job.experiment.bind.by
    blocks = {key: block for key, block in {**state.blocks, **state.normalisation}.items() if key.endswith(f".{by}")}
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
        if len(handles) > state.manifests[partition].samples:
            raise ProtocolError(f"{len(handles)} embeddings, its manifest said {state.manifests[partition].samples}")
        found[partition] = Embedded(state.manifests[partition].group, handles, vectors)

    replies = job.dispatch.ask(EMBED, dict.fromkeys(members, Payload(blocks)), "embed", check=check)
    widths = {found[p].vectors.shape[1] for p in replies}
    common = max(widths, key=lambda width: sum(found[p].vectors.shape[1] == width for p in replies))
    for partition in list(replies):
        if found[partition].vectors.shape[1] != common:
            job.dispatch.skip(
                partition,
                "embed",
                1,
                f"embeddings of {found[partition].vectors.shape[1]} numbers, others send {common}",
            )
            del replies[partition]
    encoders = sorted({str(reply.info["encoder"]) for reply in replies.values() if "encoder" in reply.info})
    if encoders:
        job.note(f"label texts were embedded by {', '.join(encoders)}")
    kept = {p: found[p] for p in replies}
    return replace(state, embedded=kept, handles={p: e.handles for p, e in kept.items()})
