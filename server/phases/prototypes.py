"""Prototypes: where several nodes fine-tune, all begin with the class means of all their labelled samples.

One node alone finds its own. Of several each knows only some classes, and a rule that moves the head from where it was
(a server's optimiser, momentum) would mix what the nodes found with a head that knew nothing. The sums add up exactly, so
nodes begin as one that held all their samples would. Prototypes of classes over nodes: Tan et al., FedProto, AAAI 2022,
who agree on them in every round; here they begin a head that is trained from then on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol.kinds import PROTOTYPES
from protocol.manifest import Manifest
from protocol.payload import Block, Payload, ProtocolError
from server.job import Job
from server.state import JobState

ROUNDED = 1e-4  # of the length of a unit row


def with_prototypes(
    job: Job, state: JobState, blocks: Mapping[str, Block], track: str, round: int, rounds: int
) -> dict[str, Block]:
    """`encoder.*` and `head.*` blocks, in `head.<modality>` the prototypes float32 (class, d) of the track's samples.

    track  `all`, or the fold that is left out; a node that lies or fails is left out, and named as in every round
    A class that no node has a sample of keeps the prototype it had; so do all, where no node answers.
    """
    held = {
        p: [m for m in job.experiment.downstream if m in state.manifests[p].modalities]
        for p in state.members("finetune")
    }

    def question(p: int) -> Payload:
        names = [n for n in blocks if n.startswith("head.") or n.partition(".")[2] in held[p]]
        sent = {name: blocks[name] for name in names}
        return Payload({**sent, **state.statistics(p, job.experiment.downstream)}, {"track": track})

    widths = {n.partition(".")[2]: b["prototypes"].shape[1] for n, b in blocks.items() if "prototypes" in b}
    noisy = job.experiment.privacy.noise_std > 0
    gate = _sums_gate(state.manifests, {p: {m: widths[m] for m in names} for p, names in held.items()}, noisy)
    replies = job.dispatch.ask(
        PROTOTYPES, {p: question(p) for p in held}, "fine-tune", round, rounds, gate, quiet=True, may_all_fail=True
    )
    found = dict(blocks)
    for modality in widths:
        told = [
            r.blocks[f"prototypes.{modality}"]
            for _, r in sorted(replies.items())
            if f"prototypes.{modality}" in r.blocks
        ]
        if told:
            head = dict(found[f"head.{modality}"])
            head["prototypes"] = _means(told, head["prototypes"])
            found[f"head.{modality}"] = head
    return found


def _means(told: list[Block], before: np.ndarray) -> np.ndarray:
    """(class, d) means of sums, as before where a class has no sample."""
    count = np.sum([block["count"] for block in told], axis=0)  # (class,)
    total = np.sum([block["total"] for block in told], axis=0)  # (class, d)
    means = total / np.maximum(count, 1.0)[:, None]
    return np.where(count[:, None] > 0, means, before).astype(before.dtype)


class _sums_gate:
    """Raises ProtocolError unless a reply holds, of each modality of the node, sums that unit rows can have.

    widths  by node and modality, numbers of an embedding
    noisy   nodes add noise to sums, so their lengths say nothing
    """

    def __init__(self, manifests: Mapping[int, Manifest], widths: Mapping[int, Mapping[str, int]], noisy: bool):
        self.manifests, self.widths, self.noisy = manifests, widths, noisy

    def __call__(self, partition: int, reply: Payload) -> None:
        told, widths = self.manifests[partition], self.widths[partition]
        if set(reply.blocks) != {f"prototypes.{m}" for m in widths}:
            raise ProtocolError(f"expected sums of {', '.join(widths)}, got {sorted(reply.blocks)[:4]}")
        for name, block in reply.blocks.items():
            classes, width = len(told.classes), widths[name.removeprefix("prototypes.")]
            shapes = {"count": (classes,), "total": (classes, width)}
            doubles = all(value.dtype == np.float64 for value in block.values())
            if not doubles or {key: value.shape for key, value in block.items()} != shapes:
                raise ProtocolError(f"{name}: expected count and total of {classes} classes, {width} numbers each")
            count = block["count"]
            if (count < 0).any() or (count != np.floor(count)).any() or count.sum() > told.labelled:
                raise ProtocolError(
                    f"{name}: counts {count.sum():g} labelled samples, its manifest said {told.labelled}"
                )
            length = np.linalg.norm(block["total"], axis=1)
            if (length[count == 0] > 0).any() or (not self.noisy and (length > count * (1 + ROUNDED)).any()):
                raise ProtocolError(f"{name}: sums longer than so many unit rows can have")
