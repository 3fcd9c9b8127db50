"""Bind: the server pairs samples of different groups; where nodes permit it, an audit tells how well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from configs.errors import UserError
from server.binding.bind import Embedded, Pairs, bind, bind_alike, joined, no_pairs, pairing_matrix, too_alike
from server.binding.score import score
from server.binding.steps import Step, bind_steps, steps_possible, steps_taken
from server.binding.words import Words, all_words, without_common_word, words_of_some
from server.job import Job
from server.phases.audit import Labels, labels_of
from server.state import JobState


def bind_samples(job: Job, state: JobState) -> JobState:
    """Pairs both ways between every two groups, by `bind.pairing`, weighted by `bind.weights`; embeddings are let go."""
    rule, embedded = job.experiment.bind, state.embedded
    senders = sorted({p for found in embedded.values() for p in found})
    label_of = _labels_for_oracle(job, state, senders) if rule.pairing == "oracle" else None
    steps: list[Step] = []
    if rule.by != "label":
        steps = _steps(job, embedded)
        near = joined([too_alike(found, rule.undecided) for found in embedded.values()])
        pairs = bound_by_steps(job, embedded, steps, label_of)
    elif rule.pairing == "nearest":
        pairs, near = bind_alike(embedded["label"], rule.weights), no_pairs()
    else:
        how = (rule.weights, rule.partners, rule.pairing, rule.threshold, job.seed_for("bind"), label_of)
        pairs, near = bind(embedded["label"], *how), no_pairs()
    if not len(pairs):
        job.note(f"nothing was bound (bind.pairing={rule.pairing}, {len(senders)} nodes sent embeddings)")
    bound = replace(state, embedded={}, pairs=pairs, undecided=near, steps=steps)
    return replace(bound, pairing=_audit(job, bound, label_of))


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
        rule.through,
    )  # fmt: skip


def _steps(job: Job, embedded: Mapping[str, Mapping[int, Embedded]]) -> list[Step]:
    """Which two groups are bound by which modality, the first or best step first; told where there is a choice."""
    experiment, rule = job.experiment, job.experiment.bind
    groups = {name: experiment.groups[name].modalities for name in experiment.incomplete_groups}
    possible = steps_possible(groups, rule.modalities)
    quality = {step: _quality(embedded[step.by], step) for step in possible} if rule.order == "chosen" else None
    steps = steps_taken(possible, quality)
    if len(rule.modalities) > 1:
        told = [f"{s.first}–{s.second} by {s.by}" + (f" (score {quality[s]:.2f})" if quality else "") for s in steps]
        job.note(f"bound step by step: {', '.join(told)}")
    return steps


def _quality(found: Mapping[int, Embedded], step: Step) -> float:
    """How good a modality is to bind two groups by; below every score where there are too few samples to tell."""
    try:
        return score({p: e.vectors for p, e in found.items() if e.group in (step.first, step.second)}).score
    except ValueError:
        return -1.0


def _labels_for_oracle(job: Job, state: JobState, members: list[int]) -> Mapping[int, int]:
    """Everyone's labels; raises UserError where a node does not give them."""
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
    return _placed(labels, _words(job, state))


def _words(job: Job, state: JobState) -> Words:
    """The words of all groups' classes."""
    members = state.members(*job.experiment.incomplete_groups)
    return all_words({p: state.manifests[p].classes for p in members}, job.experiment.evaluation.synonyms)


def _placed(labels: Labels, words: Words) -> dict[int, int]:
    """By handle the place of its class among all groups' words."""
    placed: dict[int, int] = {}
    for partition, by_handle in labels.items():
        own = np.array(list(by_handle.values()), dtype=np.int64)
        placed.update(zip(by_handle, words.placed(partition, own).tolist(), strict=True))
    return placed


def _audit(job: Job, state: JobState, label_of: Mapping[int, int] | None) -> dict[str, object] | None:
    """Classes, matrix and accuracy of the pairing, from the nodes that give their labels; None where none does.

    Classes are the same where their words are. Where two groups have no word in common the matrix alone is told.
    """
    if not job.experiment.evaluation.audit_pairs or not len(state.pairs):
        return None
    members = sorted({*state.pairs.node.tolist(), *state.pairs.partner_node.tolist()})
    if label_of is None:
        labels, refused = labels_of(job, state, members, "bind")
        if not labels:
            job.note(f"no node permits the audit of pairs: {next(iter(refused.values()))}")
            return None
        if refused:
            job.note(f"{len(refused)} of {len(members)} nodes give no labels: pairs with theirs are not audited")
        label_of = _placed(labels, _words(job, state))
    words, groups = _words(job, state), {p: state.manifests[p].group for p in members}
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
