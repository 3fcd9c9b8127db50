"""Fine-tuning of one node of an experiment by itself, from the networks that a run's pre-training left, or from nothing.

What `fedbind run` does over messages for its figures is done here as a board would do it: on one machine, under limits,
with a part of its own samples held back. Test nodes are asked at the very end, if at all, and choose nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from client.data.holdings import check_data
from client.edge import EdgeSettings, Tuned, tune
from client.frozen import take_axes, take_encoder
from client.handlers.evaluate import labelled
from client.handlers.finetune import augmentation
from client.node import Node
from client.store import DiskStore
from client.training.evaluate import class_probabilities, confusion
from client.training.finetune import Labelled, Tuning, count_correct, folds, new_tuning
from configs.errors import UserError, unknown_name
from configs.load import check, overridden
from configs.nodes import node_places, prompts_of
from configs.schema import Experiment
from models.blocks import head_from_projections, load_block, load_head, new_encoder, new_head
from models.vqvae import digest
from protocol.frozen import BLOCK
from protocol.payload import Block, Payload
from server.bound import load_bound
from server.phases.evaluate import figures
from server.report.finish import stored_experiment
from server.report.summary import headline_method
from server.state import save_blocks
from server.tracking import RunFolder


@dataclass(frozen=True)
class Asked:
    """Which node of which job. None: the run's main method and its first finished seed."""

    method: str | None = None
    seed: int | None = None
    node: int = 0  # of those that fine-tune
    scratch: bool = False  # fresh networks in the place of the pre-trained ones
    test: bool = False  # count on the test nodes at the end
    curve: bool = False  # and after every epoch, which chooses nothing


def tune_run(
    run: Path,
    asked: Asked,
    limits: EdgeSettings,
    out: Path,
    overrides: Sequence[str] = (),
    tell: Any = lambda text: None,
) -> dict[str, Any]:
    """Tunes, or goes on, or finds all done; writes the blocks into `out` and returns the figures. UserError for a run that
    has no such job, or a node without labels."""
    folder = RunFolder.open(run)
    tree = overridden(stored_experiment(run), overrides)
    experiment = check(tree, where=str(run))
    check_data(experiment)
    torch.set_num_threads(limits.threads)  # the frozen encoder's reading is under the limit too
    method, seed = _job(folder, asked)
    learnt = load_bound(folder.job(method, seed), "finetune")
    # Class means ask for windows as they are: no augmented copy of them is encoded.
    read = experiment if limits.epochs else check(overridden(tree, ["models.unified.variants=0"]))
    node = _node(read, "finetune", asked.node, method, seed, out / "store", learnt)
    began = time.process_time()
    data = labelled(node, _statistics(learnt), experiment.downstream)  # where the frozen encoder reads, once
    prepared = time.process_time() - began
    watch = _watch(experiment, learnt, method, seed, out / "store") if asked.curve else None
    share = _rate_share(experiment, folder, method, seed)
    tuned = _tuned(experiment, node, data, learnt, asked, limits, out, tell, share, watch)
    save_blocks(tuned.blocks, out / "blocks")
    told = {key: value for key, value in asdict(tuned).items() if key not in ("blocks", "history")}
    if asked.curve:
        told["curve"] = [[each["cpu_seconds"], each["watched"]] for each in tuned.history]
    told |= {
        "method": method,
        "seed": seed,
        "scratch": asked.scratch,
        "preparing_cpu_seconds": prepared,
        "held_accuracy": tuned.correct / max(tuned.held, 1),
    }
    if asked.test:
        told["test_accuracy"] = _tested(experiment, tuned.blocks, learnt, method, seed, out / "store")
    return told


def _job(folder: RunFolder, asked: Asked) -> tuple[str, int]:
    jobs = {(method, seed) for method, seed, _ in folder.jobs()}
    method = asked.method or headline_method({m for m, _ in jobs})
    seeds = sorted(seed for m, seed in jobs if m == method)
    if not seeds:
        raise unknown_name("method of the run", str(method), sorted({m for m, _ in jobs}), where="--method")
    seed = seeds[0] if asked.seed is None else asked.seed
    if seed not in seeds:
        raise UserError(f"the run has no seed {seed} of {method}", where="--seed", expected=f"one of {seeds}")
    return str(method), seed


def _node(
    experiment: Experiment, group: str, index: int, method: str, seed: int, store: Path, learnt: dict[str, Block]
) -> Node:
    places = [place for place in node_places(experiment) if place.group == group]
    if not 0 <= index < len(places):
        raise UserError(f"no node {index} of group {group}", where="--node", expected=f"0 to {len(places) - 1}")
    root = experiment.data_of(group).root
    node = Node(
        experiment, places[index], method, seed, Path(root).expanduser() if root else None,
        DiskStore(store / f"{group}-{index}"), {},
    )  # fmt: skip
    if node.unified:
        if BLOCK not in learnt:
            raise UserError(
                "the run kept no frozen encoder with this method's networks",
                where=method,
                expected="a method that binds",
            )
        take_encoder(node.store, {}, method, seed, digest(learnt[BLOCK]["file"].tobytes()), learnt[BLOCK])
        take_axes(node.store, method, seed, node.place.partition, learnt)
    return node


def _rate_share(experiment: Experiment, folder: RunFolder, method: str, seed: int) -> float:
    """The share of the rate that the job's folds chose for what it had learnt; the first that is named where none did."""
    shares = experiment.finetune.encoder_rate_share
    chosen = (folder.read_json(f"jobs/{method}-seed{seed}/result.json") or {}).get("encoder_rate_share")
    return chosen if chosen in shares else shares[0]


def _statistics(learnt: dict[str, Block]) -> Payload:
    return Payload({name: block for name, block in learnt.items() if name.startswith("moments.")})


def _tuned(
    experiment: Experiment,
    node: Node,
    data: Labelled,
    learnt: dict[str, Block],
    asked: Asked,
    limits: EdgeSettings,
    out: Path,
    tell: Any,
    rate_share: float,
    watch: Callable[[Tuning], float] | None,
) -> Tuned:
    shapes = node.shapes
    if len(data) < 2:
        raise UserError(f"{len(data)} labelled samples on this node", where="groups.finetune", expected="2 or more")
    if asked.scratch and not limits.epochs:
        raise UserError(
            "fresh networks with no epoch to train them", where="--scratch --epochs 0", expected="1 or more"
        )
    names = [m for m in experiment.downstream if m in shapes]
    taught = {} if asked.scratch else {n: b for n, b in learnt.items() if n.startswith(("encoder.", "projection."))}
    encoders = nn.ModuleDict({m: new_encoder(m, shapes[m], experiment.models, node.seed) for m in names})
    for m in names:
        load_block(encoders[m], taught.get(f"encoder.{m}", {}))
    classes = len(node.holdings.classes)
    prompts = prompts_of(experiment, node.method)
    head = head_from_projections(experiment.downstream, classes, experiment.models, node.seed, taught, prompts)
    share = 1.0 if asked.scratch else rate_share * limits.adapters
    tuning = new_tuning(encoders, head, experiment.finetune, share)
    train, held = _held_out(node, data, limits.held_share)
    same = (limits.held_share, limits.bf16, limits.adapters, asked.method, asked.seed, asked.node, asked.scratch)
    identity = repr((experiment.model_dump_json(), same, _fingerprint(taught), len(data)))
    return tune(
        tuning, train, held, experiment.finetune, limits, out, hashlib.sha256(identity.encode()).hexdigest(),
        node.seed_for("edge"), augmentation(node), prototypes=not asked.scratch, tell=tell,
        watch=watch,
    )  # fmt: skip


def _held_out(node: Node, data: Labelled, share: float) -> tuple[Labelled, Labelled]:
    """A part for training and one kept back: of each class in turn, whoever's they are."""
    parts = max(2, round(1 / share))
    label = data.label.numpy()
    fold = torch.from_numpy(folds(label, np.zeros(len(label)), parts, node.seed) == 0)
    return data.take(~fold), data.take(fold)


def _fingerprint(blocks: dict[str, Block]) -> str:
    digest = hashlib.sha256()
    for name, block in sorted(blocks.items()):
        for key, value in sorted(block.items()):
            digest.update(f"{name}/{key}".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _tests(
    experiment: Experiment, learnt: dict[str, Block], method: str, seed: int, store: Path
) -> list[tuple[Node, Labelled]]:
    nodes = [
        _node(experiment, "test", index, method, seed, store, learnt)
        for index in range(experiment.groups["test"].nodes)
    ]
    return [(node, labelled(node, _statistics(learnt), experiment.downstream)) for node in nodes]


def _watch(
    experiment: Experiment, learnt: dict[str, Block], method: str, seed: int, store: Path
) -> Callable[[Tuning], float]:
    """Accuracy over all test nodes of networks in training."""
    parts = [data for _, data in _tests(experiment, learnt, method, seed, store)]
    return lambda tuning: sum(count_correct(tuning, each) for each in parts) / max(sum(map(len, parts)), 1)


def _tested(
    experiment: Experiment, blocks: Any, learnt: dict[str, Block], method: str, seed: int, store: Path
) -> float:
    """Accuracy over all test nodes with all that was fine-tuned."""
    counts: Any = 0
    for node, data in _tests(experiment, learnt, method, seed, store):
        shapes = node.shapes
        encoders = nn.ModuleDict({m: new_encoder(m, shapes[m], experiment.models, seed) for m in data.views})
        for m, encoder in encoders.items():
            load_block(encoder, blocks[f"encoder.{m}"])
        classes = len(node.holdings.classes)
        head = new_head(experiment.downstream, classes, experiment.models, seed, prompts_of(experiment, method))
        load_head(head, blocks)
        counts = counts + confusion(data.label.numpy(), class_probabilities(encoders, head, data, list(data.views)))
    return figures(counts)[0]


def out_folder(run: Path, asked: Asked, limits: EdgeSettings) -> Path:
    """Where a fine-tuning goes unless told otherwise: one folder for each that may be compared."""
    parts = [asked.method or "main", str(asked.seed if asked.seed is not None else "first"), str(asked.node)]
    ways = (("scratch", asked.scratch), ("head", not limits.adapters))
    return run / "-".join(["tuned", *parts, *(name for name, taken in ways if taken)])


def told_lines(found: dict[str, Any], folder: Path) -> list[str]:
    """The figures for a screen."""
    spent = f"{found['seconds']:.1f} s, {found['cpu_seconds']:.1f} CPU-s, peak {found['peak_mib']:.0f} MiB"
    lines = [
        f"{found['method']}, seed {found['seed']}{' from scratch' if found['scratch'] else ''}: epoch {found['epoch']}, "
        f"{found['correct']} of {found['held']} held-out samples right; ended by {found['ended']}; {spent}",
    ]
    if "test_accuracy" in found:
        lines.append(f"test accuracy {100 * found['test_accuracy']:.1f} %")
    return [*lines, f"blocks: {folder / 'blocks'}"]
