"""Fine-tune: some epochs of one track, taken up where the last message left it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from client.handlers.chosen import chooses, sent_of, worth_of_classes
from client.handlers.evaluate import labelled, parts
from client.handlers.tuned import TrackPart, tuned_under
from client.node import Node
from client.training import finetune as training
from client.training.views import Views, strength_for
from models.blocks import Block, head_blocks, load_block, load_head, new_encoder, new_head
from protocol.payload import Payload, ProtocolError


def finetune(node: Node, question: Payload) -> Payload:
    """`epochs` more epochs of a track: `all`, or `fold<k>`, which leaves fold k out and counts what it gets right there.

    The first message of a track brings encoders and head; later ones bring them only where several nodes' heads were
    averaged, and there nothing is counted (`counts`): the aggregate is judged. Networks at the epochs in `keep` come back,
    stacked. Where nodes have a part in the aggregation rule, it is done here too.
    """
    experiment, track = node.experiment, str(question.info["track"])
    name = f"finetune:{node.method}:{node.seed}:{node.place.partition}:{track}"
    first = int(question.info["first_epoch"]) == 1
    own_prototypes = bool(question.info.get("own_prototypes"))
    share, fresh = float(question.info.get("share", 1.0)), question.info.get("fresh", [])
    if not 0.0 <= share <= 1.0:
        raise ProtocolError(f"a share of {share:g} of the rate")

    train, held_out = parts(node, labelled(node, question, experiment.downstream), track)
    if not len(train):
        raise ProtocolError("no labelled sample to fine-tune on")

    def begun(named: str | None) -> training.Tuning:
        return network(node, question.blocks, named, share, fresh)

    def prepare(given: training.Tuning) -> None:
        if first and own_prototypes:  # prototypes in a space that nothing has shaped would only bias the head
            training.begin_from_prototypes(given, train)

    sent = "head.fusion" in question.blocks  # several nodes' average: a node that missed messages goes on from it
    tuning = begun(None if first or (sent and node.store.get(name) is None) else name)
    tuning.epoch = int(question.info["first_epoch"]) - 1
    part = TrackPart(node, question, tuning) if "correction" in question.info else None
    prepare(tuning)
    kept: list[Mapping[str, Block]] = []
    losses, correct, keep = [], [], set(question.info["keep"])
    seed, change = node.seed_for("finetune", track), augmentation(node)
    for _ in range(int(question.info["epochs"])):
        losses.append(tuned_under(part, tuning, train, experiment.finetune, seed, change))
        if held_out is not None and question.info.get("counts", True):
            correct.append(training.count_correct(tuning, held_out))
        if tuning.epoch in keep:
            kept.append(training.kept_blocks(tuning))
    told: dict[str, float] = {}
    if part is not None:
        told = part.finish(lambda: begun(None), prepare, train, seed, change)
        kept = [part.leaving(blocks) for blocks in kept]
        if chooses(question) and kept:
            kept = [sent_of(node, question, kept[-1], worth_of_classes(tuning, train), part.round, f"{track}")]
    if question.info.get("last"):
        node.store.drop(name)
    else:
        node.store.put(name, tuning.to_bytes())
    numbers = {"examples": float(len(train)), "loss": losses[-1], "validation_examples": float(len(held_out or ()))}
    info = {"losses": losses, "validation_correct": correct}
    return Payload(training.stacked(kept), info, {**numbers, **told})


def network(
    node: Node,
    blocks: Mapping[str, Block],
    saved_as: str | None,
    slow_share: float,
    fresh: Collection[str],
    classes: int | None = None,
) -> training.Tuning:
    """Encoders and head as the message or the store has them; all but `fresh` ones learn at `slow_share` of the rate.

    classes  how many the head tells apart; None: those of the node's own data set
    """
    experiment, held = node.experiment, node.holdings
    seen = node.shapes
    shapes = {m: seen[m] for m in experiment.downstream if m in seen}
    encoders = nn.ModuleDict({m: new_encoder(m, shape, experiment.models, node.seed) for m, shape in shapes.items()})
    count = len(held.classes) if classes is None else classes
    head = new_head(experiment.downstream, count, experiment.models, node.seed, node.prompts)
    tuning = training.new_tuning(encoders, head, experiment.finetune, slow_share, fresh)
    if saved_as is not None:
        saved = node.store.get(saved_as)
        if saved is None:
            raise ProtocolError("the state of this fine-tuning track is gone from the node")
        tuning.restore(saved)
    for modality, encoder in encoders.items():
        load_block(encoder, blocks.get(f"encoder.{modality}", {}))
    if blocks.get("head.fusion"):
        load_head(head, {**head_blocks(head), **{k: v for k, v in blocks.items() if k.startswith("head.")}})
    if any(name.startswith(("encoder.", "head.")) for name in blocks):
        tuning.average_anew()
    return tuning


def augmentation(node: Node) -> training.Augment:
    """How the node's samples are changed in fine-tuning."""
    settings = node.experiment.augment
    changes = {m: strength_for(shape.kind, settings, shape.layout) for m, shape in node.shapes.items()}
    jitter = settings.jitter

    def augment(views: Views, generator: torch.Generator) -> dict[str, Tensor]:
        return {m: view.augmented(changes[m], jitter, generator) for m, view in views.items()}

    return augment
