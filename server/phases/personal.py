"""What the shared model, and a node's own or its cluster's, get right on fine-tuning nodes' held-out samples.

Test nodes train nothing, so they have no model of their own and belong to no cluster: there the shared model alone is
defined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protocol.kinds import EVALUATE
from protocol.payload import Block, Payload
from server.aggregation import Aggregation
from server.job import Job
from server.measures.nodes import over_nodes
from server.phases.evaluate import counted_by_node, counts_gate
from server.state import JobState
from strategies.rule import Memory, Rule

Counted = dict[int, list[tuple[float, float]]]  # by node (right, examples) of the shared model, and of its own if any


def asked(job: Job, state: JobState) -> bool:
    """Whether this is measured: where it is asked for, and several nodes fine-tune."""
    return job.experiment.evaluation.personal and len(state.members("finetune")) > 1


def keeps_own(rule: Rule, names: Sequence[str]) -> bool:
    """Whether the rule sends nodes something else than the shared block."""
    return any(type(rule.for_block(name)).sent_to is not Rule.sent_to for name in names)


def counted_on_fold(
    job: Job, state: JobState, by: Aggregation, blocks: Mapping[str, Block], memory: Mapping[str, Memory], track: str,
    round: int, rounds: int, own: bool,
) -> Counted:  # fmt: skip
    """What a track's networks get right on what it left out, by node: the shared one, and with `own` the node's own."""
    here, there = own and keeps_own(by.rule, list(blocks)), own and by.kept_on_nodes
    subset = list(job.experiment.downstream)
    classes = len(state.manifests[state.members("finetune")[0]].classes)

    def question(p: int) -> Payload:
        held = set(state.manifests[p].modalities)
        names = [n for n in blocks if n.startswith("head.") or n.partition(".")[2] in held]
        others = by.sent_to(p, names, blocks, memory) if here else {}
        networks = {
            n: {key: np.stack([value, others[n][key]] if here else [value]) for key, value in blocks[n].items()}
            for n in names
        }
        info = {"subsets": [subset], "track": track, **({"own": True} if there else {})}
        return Payload({**networks, **state.statistics(p, subset)}, info)

    replies = job.dispatch.ask(
        EVALUATE, {p: question(p) for p in state.members("finetune")}, "fine-tune", round, rounds,
        counts_gate(state, 1 + (here or there), classes), quiet=True, may_all_fail=True,
    )  # fmt: skip
    found: Counted = {}
    for p, reply in replies.items():
        name = next(iter(reply.blocks), "").removeprefix("confusion.")  # of the modalities that the node holds
        each = [counted_by_node({p: reply}, name, network).get(p, (0.0, 0.0)) for network in range(1 + (here or there))]
        found[p] = each
    return found


def added(folds: Sequence[Counted]) -> Counted:
    """Counts of several folds together."""
    total: Counted = {}
    for fold in folds:
        for p, counts in fold.items():
            before = total.get(p, [(0.0, 0.0)] * len(counts))
            total[p] = [(a + c, b + d) for (a, b), (c, d) in zip(before, counts, strict=True)]
    return total


def personal_figures(
    by: Aggregation, counted: Counted, names: Sequence[str], memory: Mapping[str, Memory]
) -> dict[str, Any]:
    """`shared` and `own` as `over_nodes`, and where nodes are clustered `by_cluster`, the same of each cluster's nodes.

    `own` is None, and `why` says so, where the strategy has one model for all.
    memory  what the rule remembers at the end of the phase
    """
    shared = {p: counts[0] for p, counts in counted.items()}
    if not (keeps_own(by.rule, names) or by.kept_on_nodes):
        return {"shared": over_nodes(shared), "own": None, "why": "the strategy keeps one model for all"}
    own = {p: counts[1] for p, counts in counted.items() if len(counts) > 1}
    clusters = _clusters(memory)
    told = {"by_cluster": {name: over_nodes({p: own[p] for p in members if p in own}) for name, members in clusters}}
    return {"shared": over_nodes(shared), "own": over_nodes(own), **(told if clusters else {})}


def _clusters(memory: Mapping[str, Memory]) -> list[tuple[str, list[int]]]:
    """The nodes of every cluster, by the first block that is clustered; the same clusters for all of a round's blocks."""
    member = next((dict(each["member"]) for each in memory.values() if "member" in each), {})
    numbers = sorted(set(member.values()))
    return [(str(number), sorted(int(p) for p, at in member.items() if at == number)) for number in numbers]
