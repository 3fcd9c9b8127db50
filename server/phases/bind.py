"""Bind: the server pairs samples of different groups; where nodes permit it, an audit tells how well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from configs.fit import shared_modalities
from server.binding.bind import Embedded, Pairs, bind, bind_alike, joined, no_pairs, too_alike
from server.binding.choice import Candidate, as_entry, best_first, candidates, judged, rivals_of, told, why
from server.binding.search import Nearest, search
from server.binding.steps import Step, bind_steps, steps_possible, steps_taken
from server.job import Job
from server.phases.audit import audited, labels_for_audit, labels_for_oracle, words_of
from server.state import JobState


def bind_samples(job: Job, state: JobState) -> JobState:
    """Pairs both ways between every two groups, by `bind.pairing`, weighted by `bind.weights`; embeddings are let go.

    Where there was a choice of modality the state's result gains its candidates.
    """
    rule, embedded = job.experiment.bind, state.embedded
    senders = sorted({p for found in embedded.values() for p in found})
    label_of = labels_for_oracle(job, state, senders) if rule.pairing == "oracle" else None
    steps: list[Step] = []
    choices: list[Candidate] = []
    if rule.by != "label":
        steps, choices = chosen_steps(job, embedded)
        bound_by = {step.by for step in steps}
        near = joined(
            [too_alike(found, rule.undecided, search_of(job)) for by, found in embedded.items() if by in bound_by]
        )
        pairs = bound_by_steps(job, embedded, steps, label_of)
    elif rule.pairing == "nearest":
        pairs, near = bind_alike(embedded["label"], rule.weights), no_pairs()
    else:
        how = (
            rule.weights,
            rule.partners,
            rule.pairing,
            rule.threshold,
            job.seed_for("bind"),
            label_of,
            search_of(job),
        )
        pairs, near = bind(embedded["label"], *how), no_pairs()
    if not len(pairs):
        job.note(f"nothing was bound (bind.pairing={rule.pairing}, {len(senders)} nodes sent embeddings)")
    bound = replace(state, embedded={}, pairs=pairs, undecided=near, steps=steps)
    members = sorted({*pairs.node.tolist(), *pairs.partner_node.tolist()})
    wanted = job.experiment.evaluation.audit_pairs
    labels = label_of if label_of is not None and wanted else labels_for_audit(job, bound, members)
    if choices and labels is not None:
        choices = judged(choices, embedded, labels, len(words_of(job, state).classes))
    entries = {"candidates": [as_entry(each, each.step in steps) for each in choices]} if choices else {}
    pairing = audited(job, bound, labels) if labels is not None and members else None
    return replace(bound, pairing=pairing, result={**state.result, **entries})


def search_of(job: Job) -> Nearest:
    """How the experiment has neighbours looked for; the report is told where that is not exact."""
    rule = job.experiment.bind
    return search(rule.approximate_from, rule.recall, job.seed_for("search"), job.note)


def bound_by_steps(
    job: Job,
    embedded: Mapping[str, Mapping[int, Embedded]],
    steps: Sequence[Step],
    label_of: Mapping[int, int] | None = None,
) -> Pairs:
    """The pairs that the steps give under the experiment's settings."""
    rule = job.experiment.bind
    return bind_steps(
        embedded, steps, rule.weights, rule.partners, rule.pairing, rule.threshold, job.seed_for("bind"), label_of,
        rule.through, search_of(job),
    )  # fmt: skip


def chosen_steps(job: Job, embedded: Mapping[str, Mapping[int, Embedded]]) -> tuple[list[Step], list[Candidate]]:
    """Which two groups are bound by which modality, the first or best step first; and the candidates where two groups
    share several of them or the best is asked for. Both are told."""
    experiment, rule = job.experiment, job.experiment.bind
    groups = {name: experiment.groups[name].modalities for name in experiment.incomplete_groups}
    possible = steps_possible(groups, rule.modalities)
    joined_groups = {(step.first, step.second) for step in possible}
    choice = rule.order == "chosen" or len(possible) > len(joined_groups)
    found = candidates(embedded, possible) if choice else []
    steps = best_first(found) if rule.order == "chosen" else steps_taken(possible)
    for step in steps if found else ():
        own, others = rivals_of(step, found)
        if others:
            named = ", ".join(told(each) for each in (own, *others))
            reason = why(step, found) if rule.order == "chosen" else "it is named first in bind.by"
            job.note(f"{step.first} and {step.second} share {named}; bound by {step.by}: {reason}")
    if len(rule.modalities) > 1 and len(joined_groups) > 1:
        job.note(f"bound step by step: {', '.join(f'{s.first}–{s.second} by {s.by}' for s in steps)}")
    unused = [modality for modality in shared_modalities(groups) if modality not in rule.modalities]
    if unused:
        job.note(f"groups share {' and '.join(unused)} as well: `fedbind choose` tells which promises most")
    return steps, found
