"""Which nodes an experiment has, numbered: the same list on every side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from configs.fit import LEARN_FROM_OWN_LABELS
from configs.schema import ROLES, Experiment


@dataclass(frozen=True)
class NodePlace:
    """One node: its number in the whole experiment, its group, and its place among the group's nodes."""

    partition: int
    group: str
    index: int

    @property
    def pretrains(self) -> bool:
        """Whether the node takes part before fine-tuning."""
        return self.group not in ROLES


def node_places(experiment: Experiment) -> Sequence[NodePlace]:
    """All nodes in the order of the configuration's groups."""
    return _places(tuple((name, group.nodes) for name, group in experiment.groups.items()))


@lru_cache(maxsize=16)
def _places(groups: tuple[tuple[str, int], ...]) -> tuple[NodePlace, ...]:
    """Made once: every message asks for its node among all."""
    pairs = [(name, index) for name, nodes in groups for index in range(nodes)]
    return tuple(NodePlace(number, name, index) for number, (name, index) in enumerate(pairs))


def modalities_of(experiment: Experiment, group: str, method: str) -> list[str]:
    """What a node of this group holds under a method: `upper_bound` gives every incomplete group all their sensors.

    Where a share of its samples is naturally paired, the group holds what fine-tuning takes as well, for that share.
    Nobody holds what the data set it reads does not list.
    """
    settings, there = experiment.groups[group], experiment.data_of(group).modalities
    if group in ROLES or method != "upper_bound":
        names = [*settings.modalities, *(experiment.downstream if settings.natural_share else [])]
    else:
        names = [m for other in experiment.incomplete_groups for m in experiment.groups[other].modalities]
    return [name for name in dict.fromkeys(names) if name in there]


def prompts_of(experiment: Experiment, method: str) -> list[str]:
    """The modalities of whose presence the networks are told, in alphabetical order: those of `mpm`'s prompt."""
    if method != "mpm":
        return []
    return sorted({m for group in experiment.incomplete_groups for m in experiment.groups[group].modalities})


def own_labels_used(experiment: Experiment, method: str) -> bool:
    """Whether a node's samples of one label are each other's positives in its own contrast (`contrast.labels`).

    Where labels bind, fedbind's nodes know theirs; a method beside it that did not would be compared with less than it
    could know. No label and no text of one leaves a node for this.
    """
    asked = experiment.contrast.labels
    used = asked == "use" or (asked == "auto" and experiment.bind.by == "label")
    return used and method in LEARN_FROM_OWN_LABELS


def derived_seed(seed: int, *purpose: str | int) -> int:
    """A seed for one purpose, round and node, so that neither order nor the number of workers changes a result."""
    text = ":".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
