"""Describe: wait for the nodes, learn what they hold, check that they can be bound at all, agree on normalisation."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from configs.errors import UserError
from configs.nodes import modalities_of, node_places
from configs.schema import ROLES, Experiment
from models.blocks import ModalityShape
from models.encoders.registry import ENCODERS
from protocol.kinds import DESCRIBE
from protocol.manifest import Manifest
from protocol.payload import Block, Payload, ProtocolError
from server.dispatch import MOST_REASON
from server.job import Job
from server.normalisation import agreed, moments_of
from server.shapes import shape_of
from server.state import JobState


def describe(job: Job, state: JobState) -> JobState:
    """Manifests of all nodes, the route to each, and normalisation from the nodes that train under this method."""
    hosts = _wait_for_hosts(job)
    dispatch = job.dispatch
    dispatch.route = dict(enumerate(hosts))  # until the hosts have said which nodes they stand for
    with dispatch.of_hosts() as unheard:
        replies = dispatch.ask(
            DESCRIBE, {index: Payload() for index in range(len(hosts))}, "describe", check=_well_formed
        )
    expected = {place.partition: place for place in node_places(job.experiment)}
    manifests: dict[int, Manifest] = {}
    moments, route = {}, {}
    faults: dict[str, str] = {}
    for index, reply in replies.items():
        faults |= {number: str(reason)[:200] for number, reason in reply.info.get("faults", {}).items()}
        for told in reply.info.get("nodes", []):
            try:
                manifest = Manifest.from_info(told)
                place = expected.get(manifest.partition)
                if place is None or place.group != manifest.group or manifest.partition in manifests:
                    raise ProtocolError(f"claims to be node {manifest.partition} of group {manifest.group[:60]}")
                _check_sensors(manifest, modalities_of(job.experiment, manifest.group, job.method))
                sums = moments_of(reply.blocks, manifest.partition)
                channels = {name: (sensor.channels,) for name, sensor in manifest.modalities.items()}
                if any(block["count"].shape != channels.get(name) for name, block in sums.items()):
                    raise ProtocolError("sums of other channels than its manifest's")
            except ProtocolError as error:
                unheard[index] = str(error)[:MOST_REASON]  # what a host makes long is cut
                continue
            if not manifest.samples:
                dispatch.skip(manifest.partition, "describe", 1, "no sample left after windowing")
            manifests[manifest.partition], route[manifest.partition] = manifest, hosts[index]
            moments[manifest.partition] = sums
    dispatch.route = route
    missing = sorted(set(expected) - set(manifests))
    for partition, reason in _reasons(missing, faults, unheard).items():
        dispatch.skip(partition, "describe", 1, reason)
    for reason in unheard.values():
        job.note(f"a host's answer was left out: {reason}")
    for partition, reason in odd_ones(job.experiment, manifests).items():
        dispatch.skip(partition, "describe", 1, reason)
        del manifests[partition], moments[partition]
    described = replace(state, manifests=dict(sorted(manifests.items())))
    _check_bindable(job, described)
    return replace(described, normalisation=_normalisation(job, described, moments))


def _reasons(missing: Collection[int], faults: Mapping[str, str], unheard: dict[int, str]) -> dict[int, str]:
    """Why nodes are missing: what their host says of them, or what became of a host; `unheard` keeps what is left over.

    Which nodes a host that was not heard stands for is not known. Where hosts are numbered as their nodes are, the number
    tells; else reasons go to the nodes that are missing, in order.
    """
    found = {p: faults[str(p)] for p in missing if str(p) in faults}
    found |= {p: unheard.pop(p) for p in missing if p not in found and p in unheard}
    for partition in missing:
        if partition not in found:
            found[partition] = unheard.pop(min(unheard)) if unheard else "no host stands for this node"
    return dict(sorted(found.items()))


def _normalisation(
    job: Job, state: JobState, moments: Mapping[int, Mapping[str, Block]]
) -> dict[str, Mapping[str, Block]]:
    """By group the agreement of the nodes that train on the data set it reads: units and places differ between data sets."""
    path_of = {group: job.experiment.data_path(group) for group in job.experiment.groups}
    training = state.members("finetune", *job.experiment.incomplete_groups)
    kinds = {name: told.kind for manifest in state.manifests.values() for name, told in manifest.modalities.items()}
    by_path = {
        path: agreed((moments[p] for p in training if path_of[state.manifests[p].group] == path), kinds)
        for path in set(path_of.values())
    }
    return {group: by_path[path] for group, path in path_of.items()}


def _check_sensors(manifest: Manifest, allowed: Collection[str]) -> None:
    """Raises ProtocolError for a sensor that the node's group does not hold, or of which no network can be made."""
    for name, told in manifest.modalities.items():
        if name not in allowed:
            raise ProtocolError(f"claims a sensor {name[:60]!r}, which group {manifest.group} does not hold")
        if told.kind not in ENCODERS:
            raise ProtocolError(f"{name}: unknown kind {told.kind[:60]!r}")


def odd_ones(experiment: Experiment, manifests: Mapping[int, Manifest]) -> dict[int, str]:
    """Nodes that say of a sensor's shape or of the classes what most nodes of their data set do not, with the reason.

    Only where their group has another node that goes with most: else it is the configuration that does not fit, not a
    node. Classes are compared among those who share or score one head; other groups may have other words.
    """
    said: dict[
        tuple[str, ...], dict[int, tuple[Any, str]]
    ] = {}  # path and what -> node -> (what it says, the same in words)
    for p, told in manifests.items():
        path = experiment.data_path(told.group)
        for name, sensor in told.modalities.items():
            shape = shape_of(sensor)
            said.setdefault((path, "sensor", name), {})[p] = (shape, f"{name} as {in_words(shape)}")
        if told.group in ROLES:
            said.setdefault((path, "classes"), {})[p] = (tuple(told.classes), f"{len(told.classes)} classes of its own")
    odd: dict[int, str] = {}
    for votes in said.values():
        what, count = Counter(value for value, _ in votes.values()).most_common(1)[0]
        agreeing = {manifests[p].group for p, (value, _) in votes.items() if value == what}
        if 2 * count > len(votes):
            odd |= {
                p: f"tells {words}, unlike {count} of {len(votes)} nodes"
                for p, (value, words) in votes.items()
                if value != what and manifests[p].group in agreeing
            }
    return odd


def in_words(shape: ModalityShape) -> str:
    """Kind and size, for a message."""
    layout = f" as {' × '.join(map(str, shape.layout))}" if shape.layout else ""
    return f"{shape.kind}, {shape.frames} frames, {shape.channels} channels{layout}"


def _well_formed(_: int, reply: Payload) -> None:
    if not isinstance(reply.info.get("nodes"), list) or not isinstance(reply.info.get("faults", {}), dict):
        raise ProtocolError("a description needs a list of nodes, and faults by node")


def _wait_for_hosts(job: Job) -> list[int]:
    """Flower's node ids in rising order, once enough have come or the wait is over."""
    run = job.experiment.run
    wanted = run.hosts or len(node_places(job.experiment))
    deadline = time.monotonic() + run.wait_for_nodes_s
    found: list[int] = []
    settled = time.monotonic()
    while time.monotonic() < deadline:
        now = sorted(job.dispatch.grid.get_node_ids())
        if len(now) >= wanted:
            return now
        if now != found:
            found, settled = now, time.monotonic()
        if found and time.monotonic() - settled > run.settle_s:
            return found  # fewer hosts than nodes: each stands for several
        time.sleep(0.2)
    if not found:
        raise UserError(
            f"no node came within {run.wait_for_nodes_s:g} s",
            where="run.wait_for_nodes_s",
            expected=f"{wanted} nodes",
            todo="start the nodes first, or wait longer",
        )
    return found


def shapes_of(state: JobState, members: Iterable[int]) -> dict[str, ModalityShape]:
    """What networks must know of every modality that one of these nodes holds, by name in alphabetical order."""
    found: dict[str, ModalityShape] = {}
    for partition in members:
        for name, told in state.manifests[partition].modalities.items():
            found[name] = shape_of(told)
    return dict(sorted(found.items()))


def _check_bindable(job: Job, state: JobState) -> None:
    """Raises UserError where the nodes that answered cannot do what the method needs."""
    experiment = job.experiment
    groups = experiment.incomplete_groups if job.method != "lower_bound" else []
    for group in [*groups, *ROLES]:
        if not state.members(group):
            reasons = list(dict.fromkeys(s["reason"] for s in job.dispatch.tally.skipped))
            raise UserError(
                f"no node of group {group} holds a sample",
                where=f"split.{group} = {experiment.split[group]}",
                expected="at least one node with samples",
                todo="; ".join(reasons[:3]) or f"check {experiment.data_path(group)}.root and the subjects",
            )
    vocabularies: dict[str, list[set[str]]] = {}  # of one data set: another's may have other words for the same thing
    for manifest in state.manifests.values():
        if manifest.group in (*groups, "finetune"):
            vocabularies.setdefault(experiment.data_path(manifest.group), []).append(set(manifest.classes))
    apart = [path for path, each in vocabularies.items() if not set.intersection(*each)]
    if apart and (experiment.bind.by == "label" or not groups):
        raise UserError(
            "the nodes' label sets do not overlap", where=f"{apart[0]}.name", expected="at least one class in common"
        )
    heads = {p: m.classes for p, m in state.manifests.items() if m.group in ROLES}  # who shares or scores one head
    for partition, classes in heads.items():
        wanted = next(iter(heads.values()))
        if classes != wanted:
            raise UserError(
                f"nodes disagree on the classes: node {partition} has {', '.join(classes)}",
                where=f"{experiment.data_path(state.manifests[partition].group)}.name",
                expected=f"these, in this order: {', '.join(wanted)}",
                todo="name the same `classes` in every folder's dataset.yaml, or in the experiment's data sections",
            )
    if len(next(iter(heads.values()))) < 2:
        raise UserError(
            f"there is one class alone, {next(iter(heads.values()))[0]}: nothing to tell apart",
            where=f"{experiment.data_path('finetune')}.name",
            expected="recordings of two classes or more",
            todo=f"look at the labels: `fedbind data check {experiment.data_of('finetune').name} FOLDER`",
        )
    shapes: dict[str, tuple[ModalityShape, str]] = {}
    for partition, manifest in state.manifests.items():
        path = experiment.data_path(manifest.group)
        for name, told in manifest.modalities.items():
            shape, other = shapes.setdefault(name, (shape_of(told), path))
            if shape != shape_of(told):
                raise UserError(
                    f"nodes disagree on {name}",
                    where=f"node {partition}" + (f", {path} against {other}" if path != other else ""),
                    expected=in_words(shape),
                    todo=f"use the same {path}.modalities and {path}.options everywhere"
                    if path == other
                    else f"read a sensor of the same shape from both, by {path}.rename",
                )
