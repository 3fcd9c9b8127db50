"""Describe: what the nodes of one host hold, without a sample."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from typing import Any

from flwr.app import Context

from client.node import Node, hosted_partitions, node_for
from configs.schema import Experiment
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Block, Payload


def describe(experiment: Experiment, question: Payload, context: Context) -> Payload:
    """One manifest per partition hosted here, and per modality the sums that normalisation needs.

    A node whose recordings cannot be used says so in its manifest (`fault`), so that one broken folder does not
    silence its neighbours on the same host.
    """
    manifests: list[dict[str, Any]] = []
    blocks: dict[str, Block] = {}
    for partition in hosted_partitions(experiment, context.node_config):
        node = node_for(experiment, partition, str(question.info["method"]), int(question.info["seed"]), context)
        manifests.append(asdict(_manifest(node)))
        for modality, block in _moments(node).items():
            tensors = {f"{partition}/{key}": value for key, value in block.items()}
            blocks.setdefault(f"moments.{modality}", {}).update(tensors)
    return Payload(blocks, {"nodes": manifests})


def _manifest(node: Node) -> Manifest:
    held, samples = node.holdings, node.holdings.samples
    return Manifest(
        partition=node.place.partition,
        group=node.place.group,
        samples=len(samples),
        labelled=int((samples.label >= 0).sum()),
        modalities={
            name: ModalityManifest(
                shape.kind, shape.frames, shape.channels, held.rates_hz[name], int(samples.present[name].sum())
            )
            for name, shape in node.shapes.items()
        },
        classes=list(held.classes),
        simulated=held.simulated,
        device=f"{platform.machine()}, {os.cpu_count()} cores",
        skipped=len(held.skipped),
    )


def _moments(node: Node) -> dict[str, Block]:
    """Counts, sums and sums of squares of nodes that train; a node that only tests has no say in normalisation."""
    if node.place.group == "test" or node.experiment.data.normalise != "federated":
        return {}
    return {
        name: {"count": sums.count, "total": sums.total, "squares": sums.total_of_squares}
        for name, sums in ((name, node.holdings.moments(name)) for name in node.shapes)
    }
