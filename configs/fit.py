"""How the sections of an experiment fit one another: what no single field can know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from configs.fit_data import data_faults, is_known
from configs.strategy_settings import strategy_faults
from configs.wire_settings import wire_faults

if TYPE_CHECKING:
    from configs.schema import Experiment

ROLES = ("finetune", "test")  # every other key of `split` is a group of nodes with incomplete sensors
LEARN_FROM_OWN_LABELS = ("unimodal", "mim", "mpm")  # methods that bind nothing and need no shared sensor


def faults_between(experiment: Experiment) -> list[str]:
    """What does not fit, one line each, beginning with the key path; empty where all does."""
    faults: list[str] = []
    split, groups = experiment.split, experiment.groups
    for role in ROLES:
        for section, keys in (("split", split), ("groups", groups)):
            if role not in keys:
                faults.append(f"{section}.{role}: missing; every experiment names who fine-tunes and who tests")
    for name in sorted(set(split) ^ set(groups)):
        where, other = ("split", "groups") if name in split else ("groups", "split")
        if name not in ROLES:
            faults.append(f"{where}.{name}: has no {other}.{name}; a group is described in both")
    for name, subjects in split.items():
        if not subjects:
            faults.append(f"split.{name}: empty; name at least one subject")
    faults += [*data_faults(experiment), *_test_faults(experiment)]
    incomplete = [groups[name] for name in groups if name not in ROLES]
    if not incomplete:
        faults.append("groups: no group besides finetune and test; fedbind binds two or more groups")
    if len(experiment.seeds) != len(set(experiment.seeds)) or not experiment.seeds:
        faults.append("seeds: at least one, each named once")
    if len(experiment.methods) != len(set(experiment.methods)) or not experiment.methods:
        faults.append("methods: at least one, each named once")
    if set(experiment.methods) != {"lower_bound"}:
        faults += _shared_faults(experiment)
    for each in (
        _natural_faults, _pairing_faults, _label_faults, _tuning_faults, _self_training_faults, _exact_faults,
        _encoder_faults,
    ):  # fmt: skip
        faults += each(experiment)
    faults += strategy_faults(experiment.strategy)
    faults += wire_faults(experiment.wire, experiment.privacy.quantise, experiment.contrast.mode == "exact")
    if experiment.strategy.trace is not None and experiment.contrast.mode == "exact":
        faults.append("strategy.trace: contrast.mode=exact knows no rounds that could take simulated time")
    anchored = [method for method in experiment.methods if method in ("cmg", "dcm", "imagebind")]
    if anchored and len(experiment.bind.modalities) != 1:
        faults.append(
            f"methods: {', '.join(anchored)} needs one sensor that all groups share; bind.by is {experiment.bind.by}"
        )
    if experiment.epochs.finetune % experiment.rounds.finetune:
        faults.append(
            f"rounds.finetune: {experiment.rounds.finetune} must divide epochs.finetune = {experiment.epochs.finetune}"
        )
    return faults


def _test_faults(experiment: Experiment) -> list[str]:
    """Modalities at test time of which no network could know anything."""
    groups = experiment.groups
    if "finetune" not in groups or "test" not in groups:
        return []
    tuned, asked = groups["finetune"].modalities, groups["test"].modalities
    if not set(asked) & set(tuned):
        return [
            f"groups.test.modalities: none is among groups.finetune.modalities ({', '.join(tuned)}); accuracy is told of "
            "what was fine-tuned, so name one of these as well"
        ]
    pretrained = {modality for name in experiment.incomplete_groups for modality in groups[name].modalities}
    unknown = sorted(set(asked) - set(tuned) - pretrained)
    if unknown:
        return [
            f"groups.test.modalities: {', '.join(unknown)} is not among groups.finetune.modalities, and no group "
            "pre-trains it either"
        ]
    return []


def _shared_faults(experiment: Experiment) -> list[str]:
    """Groups that cannot be bound by what `bind.by` names."""
    by = experiment.bind.by
    groups = {name: experiment.groups[name].modalities for name in experiment.incomplete_groups}
    if by == "label":
        return []
    if by == "auto":
        return ["bind.by: auto finds no modality that two groups share; bind.by=label needs none"]
    if isinstance(by, str):
        shared = set.intersection(*map(set, groups.values())) if groups else set()
        hint = (
            f"all groups share: {', '.join(sorted(shared))}"
            if shared
            else "the groups share no modality; bind.by=label needs none"
        )
        return [
            f"bind.by: {by!r} is not held by group {name} (it has {', '.join(has)}); {hint}"
            for name, has in groups.items()
            if by not in has
        ]
    faults = []
    if not by or len(set(by)) != len(by) or "label" in by:
        faults.append(f"bind.by: {by} is not allowed; name modalities, each once, or the one word label")
    for modality in by:
        holders = [name for name, has in groups.items() if modality in has]
        if modality != "label" and len(holders) < 2:
            told = f"group {holders[0]} alone" if holders else "no group"
            faults.append(f"bind.by: {modality!r} is held by {told}; a modality binds two groups or more")
    parts = _parts(groups, by)
    if not faults and len(parts) > 1:
        apart = " | ".join(", ".join(part) for part in parts)
        faults.append(f"bind.by: {by} leaves the groups in parts that nothing joins: {apart}; name a further modality")
    return faults


def shared_modalities(groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Modalities that at least two groups hold, in the order in which the groups name them."""
    named = [modality for has in groups.values() for modality in has]
    return [modality for modality in dict.fromkeys(named) if named.count(modality) > 1]


def _parts(groups: dict[str, list[str]], by: list[str]) -> list[list[str]]:
    """Groups that a chain of shared modalities joins, together."""
    parts: list[list[str]] = []
    for name, has in groups.items():
        joined = [part for part in parts if any(set(has) & set(groups[other]) & set(by) for other in part)]
        parts = [part for part in parts if part not in joined] + [[*(each for part in joined for each in part), name]]
    return parts


def _natural_faults(experiment: Experiment) -> list[str]:
    """Shares of natural pairs that would change nothing."""
    faults: list[str] = []
    for name, group in experiment.groups.items():
        if group.natural_share and name in ROLES:
            faults.append(f"groups.{name}.natural_share: nodes that {name} hold what is listed; use 0")
        elif group.natural_share and "finetune" in experiment.groups:
            lacking = set(experiment.downstream) - set(group.modalities)
            if not lacking:
                faults.append(
                    f"groups.{name}.natural_share: group {name} lists all that fine-tuning takes, so all its samples "
                    "are natural pairs already; use 0"
                )
            elif is_known(experiment, name) and not lacking & set(experiment.data_of(name).modalities):
                faults.append(
                    f"groups.{name}.natural_share: {experiment.data_path(name)} has nothing of what fine-tuning takes "
                    f"({', '.join(sorted(lacking))}) besides; use 0"
                )
    return faults


def _pairing_faults(experiment: Experiment) -> list[str]:
    """What a pairing cannot be joined with."""
    faults: list[str] = []
    bind = experiment.bind
    if bind.by == "label" and bind.pairing in ("topk_sum", "mutual"):
        faults.append(
            f"bind.pairing: {bind.pairing!r} picks few among samples of one text by chance; with bind.by=label use "
            "nearest (all of the nearest text), threshold, random or oracle"
        )
    if experiment.contrast.rebind_every and bind.pairing in ("random", "oracle"):
        faults.append(
            f"contrast.rebind_every: {experiment.contrast.rebind_every} has no meaning with bind.pairing="
            f"{bind.pairing}, which does not follow the embeddings; use 0"
        )
    return faults


def _tuning_faults(experiment: Experiment) -> list[str]:
    """Shares of the rate that nothing could choose from."""
    shares = experiment.finetune.encoder_rate_share
    if not shares or len(set(shares)) != len(shares):
        return [f"finetune.encoder_rate_share: {shares} is no list of shares, each once; give one number or some"]
    if len(shares) > 1 and experiment.evaluation.folds < 2:
        return [
            f"finetune.encoder_rate_share: among {shares} folds of the fine-tuning samples choose, and "
            f"evaluation.folds={experiment.evaluation.folds} makes none; use 2 or more, or name one share"
        ]
    return []


def _label_faults(experiment: Experiment) -> list[str]:
    """Methods that would be compared without the labels that others were given."""
    without = [m for m in experiment.methods if m not in ("lower_bound", *LEARN_FROM_OWN_LABELS)]
    if experiment.contrast.labels == "use" and experiment.bind.by != "label" and without:
        return [
            f"contrast.labels: 'use' gives labels to {', '.join(LEARN_FROM_OWN_LABELS)}, and none to "
            f"{', '.join(without)} where a sensor binds; use auto, or leave these methods out"
        ]
    return []


def _exact_faults(experiment: Experiment) -> list[str]:
    """Strategies where there is nothing to aggregate: in `exact` all nodes follow one gradient, step by step."""
    told = experiment.strategy
    if experiment.contrast.mode == "exact" and (told.name != "fedavg" or told.fraction < 1.0):
        return [
            "contrast.mode: 'exact' adds up gradients of every node and knows no strategy; use targets, or strategy.name="
            "fedavg and strategy.fraction=1"
        ]
    return []


def _encoder_faults(experiment: Experiment) -> list[str]:
    """One frozen encoder that is not named, or shown nothing."""
    models = experiment.models
    if models.encoder != "unified":
        return []
    told, faults = models.unified, list[str]()
    if not -300 < told.low_db < told.high_db < 300:
        faults.append(f"models.unified.low_db: {told.low_db:g} to {told.high_db:g} dB is no rising span within ±300")
    return faults


def _self_training_faults(experiment: Experiment) -> list[str]:
    """Self-training with nobody who could learn from it."""
    groups = experiment.groups
    if not experiment.rounds.self_training or "finetune" not in groups:
        return []
    held = {modality for name in experiment.incomplete_groups for modality in groups[name].modalities}
    if held & set(experiment.downstream):
        return []
    return [
        f"rounds.self_training: no incomplete group holds a modality that is fine-tuned "
        f"({', '.join(experiment.downstream)}), so nobody could learn from pseudo-labels; use 0"
    ]
