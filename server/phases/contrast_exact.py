"""The `exact` way: eq. 3 and its gradient by every embedding at the server, step by step.

Equals centralised training on the pooled recordings, at two messages a step; what `targets` is judged against.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.losses import weighted_contrastive
from models.optimiser import adamw
from models.schedule import scheduled_rate
from protocol.embedding import unpack_embeddings
from protocol.kinds import EXACT_GRADIENT, EXACT_VIEWS, TARGETS
from protocol.payload import Block, Payload
from server.admission import embeddings_gate, weights_gate
from server.binding.bind import Pairs
from server.job import Job
from server.state import JobState, save_blocks

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def contrast_exact(job: Job, state: JobState) -> JobState:
    """`rounds.contrast` times `epochs.contrast` passes over all samples, one optimiser step a batch."""
    experiment = job.experiment
    members = state.members(*experiment.incomplete_groups)
    own = {
        p: [f"{part}.{m}" for m in sorted(state.manifests[p].modalities) for part in ("encoder", "projection")]
        for p in members
    }
    weights = {
        (name, key): torch.nn.Parameter(torch.from_numpy(np.array(value)))
        for name in sorted({n for names in own.values() for n in names})
        for key, value in state.blocks[name].items()
    }
    optimiser = adamw(weights.values(), experiment.contrast.rate, experiment.contrast.weight_decay)
    held = _held(job, state, own, members)
    samples = Samples.of(held, state)
    generator = torch.Generator().manual_seed(job.seed_for("exact"))
    rounds, step = experiment.rounds.contrast, 0
    for round in range(1, rounds + 1):
        for group in optimiser.param_groups:
            group["lr"] = scheduled_rate(experiment.contrast.rate, round, rounds)
        losses, tally = [], job.dispatch.tally
        began, up, down, skipped = time.monotonic(), tally.up, tally.down, len(tally.skipped)
        for _ in range(experiment.epochs.contrast):
            for batch in samples.batches(experiment.contrast.batch, generator):
                step += 1
                losses.append(_step(job, state, own, weights, optimiser, samples, batch, step))
        missed = len({entry["node"] for entry in tally.skipped[skipped:]})  # in any step of the round
        told = {"ok": len(members) - missed, "late": 0, "skipped": missed}
        job.dispatch.events.append({
            "event": "round", "phase": "contrast", "round": round, "rounds": rounds, "nodes": told, "node_losses": {},
            "loss": float(np.mean(losses)), "bytes_up": tally.up - up, "bytes_down": tally.down - down,
            "seconds": time.monotonic() - began,
        })  # fmt: skip
        save_blocks(_blocks(weights), job.folder / "checkpoint")
    return replace(state, blocks={**state.blocks, **_blocks(weights)})


class Samples:
    """All samples of all nodes in one numbering, and how they relate: affinity and undecided (n, n), sparse."""

    def __init__(self, node: np.ndarray, handle: np.ndarray, affinity: csr_array, undecided: csr_array):
        self.node, self.handle, self.affinity, self.undecided = node, handle, affinity, undecided

    @classmethod
    def of(cls, held: dict[int, np.ndarray], state: JobState) -> Samples:
        """Nodes in rising order, each one's samples by handle; weights from the state's pairs."""
        from scipy.sparse import csr_array

        node = np.concatenate([np.full(len(held[p]), p, dtype=np.int64) for p in sorted(held)])
        handle = np.concatenate([held[p] for p in sorted(held)])
        row_of = {int(h): row for row, h in enumerate(handle)}

        def matrix(pairs: Pairs, weight: np.ndarray) -> csr_array:
            known = [
                (row_of[h], row_of[q], w)
                for h, q, w in zip(pairs.handle.tolist(), pairs.partner_handle.tolist(), weight.tolist(), strict=True)
                if h in row_of and q in row_of
            ]
            rows, columns = (np.array([each[at] for each in known], dtype=np.int64) for at in (0, 1))
            values = np.array([each[2] for each in known], dtype=np.float32)
            return csr_array((values, (rows, columns)), shape=(len(handle), len(handle)))

        near = matrix(state.undecided, np.ones(len(state.undecided)))
        return cls(node, handle, matrix(state.pairs, state.pairs.weight), near)

    def batches(self, size: int, generator: torch.Generator) -> list[np.ndarray]:
        """Rows of each step: a share of all samples in random order, and one partner for each, drawn by weight."""
        order = torch.randperm(len(self.handle), generator=generator)
        count = max(1, round(len(order) / max(size // 2, 1)))
        steps = []
        for part in order.tensor_split(count):
            partners = []
            for row in part.tolist():
                start, stop = self.affinity.indptr[row], self.affinity.indptr[row + 1]
                drawn = float(torch.rand(1, generator=generator))
                weight = np.cumsum(self.affinity.data[start:stop], dtype=np.float64)
                if len(weight) and weight[-1] > 0:
                    partners.append(
                        int(self.affinity.indices[start + np.searchsorted(weight, drawn * weight[-1], "right")])
                    )
            steps.append(np.unique(np.array(part.tolist() + partners, dtype=np.int64)))
        return steps


def _held(job: Job, state: JobState, own: dict[int, list[str]], members: list[int]) -> dict[int, np.ndarray]:
    """Every node's handles, learnt by asking for its embeddings once."""
    questions = {p: Payload({n: state.blocks[n] for n in own[p]} | state.statistics(p)) for p in members}
    check = embeddings_gate(job.experiment.models.projection, state.manifests, state.handles)
    replies = job.dispatch.ask(TARGETS, questions, "contrast", 0, 0, check, quiet=True)
    return {p: np.unique(np.concatenate([b["handles"] for b in r.blocks.values()])) for p, r in replies.items()}


def _step(
    job: Job, state: JobState, own: dict[int, list[str]], weights: dict[tuple[str, str], torch.nn.Parameter],
    optimiser: torch.optim.Optimizer, samples: Samples, batch: np.ndarray, step: int,
) -> float:  # fmt: skip
    current = _blocks(weights)
    questions = {
        int(p): Payload(
            {n: current[n] for n in own[int(p)]} | state.statistics(int(p))
            | {"wanted": {"handles": np.sort(samples.handle[batch[samples.node[batch] == p]])}}
        )
        for p in np.unique(samples.node[batch])
    }  # fmt: skip
    wanted = {p: question.blocks["wanted"]["handles"] for p, question in questions.items()}
    check = embeddings_gate(job.experiment.models.projection, state.manifests, state.handles, wanted)
    replies = job.dispatch.ask(EXACT_VIEWS, questions, "contrast", step, check=check, quiet=True)
    loss, gradients = loss_and_gradients(job, samples, batch, replies)
    questions = {
        p: replace(question, blocks={**question.blocks, **gradients[p]})
        for p, question in questions.items()
        if p in gradients
    }
    answers = job.dispatch.ask(
        EXACT_GRADIENT, questions, "contrast", step, quiet=True,
        check=weights_gate(current, {p: set(names) for p, names in own.items()}, state.samples),
    )  # fmt: skip
    for (name, key), weight in weights.items():
        parts = [reply.blocks[name][key] for _, reply in sorted(answers.items()) if name in reply.blocks]
        weight.grad = torch.from_numpy(np.sum(parts, axis=0, dtype=np.float32)) if parts else None
    optimiser.step()
    return loss


def loss_and_gradients(
    job: Job, samples: Samples, batch: np.ndarray, replies: dict[int, Payload]
) -> tuple[float, dict[int, dict[str, Block]]]:
    """Eq. 3 over one batch, and for each node the gradient by each of its embeddings."""
    row_of = {int(handle): row for row, handle in enumerate(samples.handle[batch])}
    names = sorted({name for reply in replies.values() for name in reply.blocks})
    views: dict[str, Tensor] = {}
    present: dict[str, Tensor] = {}
    where: dict[tuple[int, str], tuple[np.ndarray, np.ndarray]] = {}
    for name in names:
        parts = {p: unpack_embeddings(reply.blocks[name]) for p, reply in replies.items() if name in reply.blocks}
        width = next(iter(parts.values()))[1].shape[1]
        value, here = torch.zeros(len(batch), width), torch.zeros(len(batch), dtype=torch.bool)
        for partition, (handles, vectors) in parts.items():
            rows = np.array([row_of[int(handle)] for handle in handles], dtype=np.int64)
            value[rows], here[rows] = torch.from_numpy(vectors), True
            where[partition, name] = handles, rows
        views[name], present[name] = value.requires_grad_(), here
    contrast = job.experiment.contrast
    affinity = torch.from_numpy(samples.affinity[batch][:, batch].toarray())
    undecided = torch.from_numpy(samples.undecided[batch][:, batch].toarray() > 0)
    identity = dict.fromkeys(names, torch.arange(len(batch)))
    loss = weighted_contrastive(
        views, present, torch.ones(len(batch)), identity, contrast.temperature, contrast.form, None, affinity, undecided
    )
    loss.backward()
    gradients: dict[int, dict[str, Block]] = {}
    for (partition, name), (handles, rows) in where.items():
        gradient = views[name].grad
        values = np.zeros((len(rows), views[name].shape[1]), np.float32) if gradient is None else gradient[rows].numpy()
        block = {"handles": handles, "values": values}
        gradients.setdefault(partition, {})[name.replace("targets.", "gradient.")] = block
    return float(loss.detach()), gradients


def _blocks(weights: dict[tuple[str, str], torch.nn.Parameter]) -> dict[str, Block]:
    blocks: dict[str, Block] = {}
    for (name, key), weight in weights.items():
        blocks.setdefault(name, {})[key] = weight.detach().numpy().copy()
    return blocks
