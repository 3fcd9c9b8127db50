"""Personal: on every fine-tuning node, how its own or its cluster's model does beside the shared one, on held-out samples.

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
    round: int, rounds: int,
) -> Counted:  # fmt: skip
    """What the networks at the end of a track get right on what it left out, by node."""
    both, subset = keeps_own(by.rule, list(blocks)), list(job.experiment.downstream)
    classes = len(state.manifests[state.members("finetune")[0]].classes)

    def question(p: int) -> Payload:
        held = set(state.manifests[p].modalities)
        names = [n for n in blocks if n.startswith("head.") or n.partition(".")[2] in held]
        own = by.sent_to(p, names, blocks, memory)
        networks = {
            n: {key: np.stack([value, own[n][key]] if both else [value]) for key, value in blocks[n].items()}
            for n in names
        }
        return Payload({**networks, **state.statistics(p, subset)}, {"subsets": [subset], "track": track})

    replies = job.dispatch.ask(
        EVALUATE, {p: question(p) for p in state.members("finetune")}, "fine-tune", round, rounds,
        counts_gate(state, 1 + both, classes), quiet=True, may_all_fail=True,
    )  # fmt: skip
    found: Counted = {}
    for p, reply in replies.items():
        name = next(iter(reply.blocks), "").removeprefix("confusion.")  # of the modalities that the node holds
        each = [counted_by_node({p: reply}, name, network).get(p, (0.0, 0.0)) for network in range(1 + both)]
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


def personal_figures(job: Job, counted: Counted, names: Sequence[str]) -> dict[str, Any]:
    """`shared` and `own` as `over_nodes`; why `own` is None where the strategy has no such model to be judged."""
    both = keeps_own(job.rule, names)
    why = "the strategy keeps one model for all"
    if job.rule.on_node().get("name") in ("personal", "ditto"):
        why = "its personal parts are of pre-training, where nothing is classified, and stay on their nodes"
    return {
        "shared": over_nodes({p: counts[0] for p, counts in counted.items()}),
        "own": over_nodes({p: counts[1] for p, counts in counted.items() if len(counts) > 1}) if both else None,
        **({} if both else {"why": why}),
    }
