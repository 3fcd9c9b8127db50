"""Describe: what the nodes of one host hold, without a sample."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
from dataclasses import asdict
from typing import Any

import numpy as np
from flwr.app import Context

from client.faults import told
from client.node import Node, hosted_partitions, node_for
from configs.schema import Experiment
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Block, Payload

_log = logging.getLogger("fedbind.client")


def describe(experiment: Experiment, question: Payload, context: Context) -> Payload:
    """One manifest per partition hosted here, and per modality the sums that normalisation needs.

    A node whose recordings cannot be used is named in `faults`, so that one broken folder does not silence its
    neighbours on the same host.
    """
    manifests: list[dict[str, Any]] = []
    blocks: dict[str, Block] = {}
    faults: dict[str, str] = {}
    for partition in hosted_partitions(experiment, context.node_config):
        node = node_for(experiment, partition, str(question.info["method"]), int(question.info["seed"]), context)
        try:
            manifest, moments = asdict(_manifest(node)), _moments(node)
        except Exception as error:
            _log.exception("node %d could not be described", partition)
            faults[str(partition)] = told(error)
            continue
        manifests.append(manifest)
        for modality, block in moments.items():
            tensors = {f"{partition}/{key}": value for key, value in block.items()}
            blocks.setdefault(f"moments.{modality}", {}).update(tensors)
    return Payload(blocks, {"nodes": manifests, "faults": faults})


def _manifest(node: Node) -> Manifest:
    held, samples = node.holdings, node.holdings.samples
    return Manifest(
        partition=node.place.partition,
        group=node.place.group,
        samples=len(samples),
        labelled=int((samples.label >= 0).sum()),
        modalities={
            name: ModalityManifest(
                shape.kind,
                shape.frames,
                shape.channels,
                held.rates_hz[name],
                int(samples.present[name].sum()),
                shape.layout,
            )
            for name, shape in held.shapes.items()
        },
        classes=list(held.classes),
        simulated=held.simulated,
        device=f"{platform.machine()}, {os.cpu_count()} cores",
        skipped=len(held.skipped),
        handles=hashlib.sha256(np.sort(node.handles).tobytes()).hexdigest()[:16],
    )


def _moments(node: Node) -> dict[str, Block]:
    """Counts, sums and sums of squares of nodes that train; a node that only tests has no say in normalisation."""
    if node.place.group == "test" or node.holdings.normalise != "federated":
        return {}
    return {
        name: {"count": sums.count, "total": sums.total, "squares": sums.total_of_squares}
        for name, sums in ((name, node.holdings.moments(name)) for name in node.holdings.shapes)
    }
