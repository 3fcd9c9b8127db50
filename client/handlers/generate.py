"""Generate: networks that make a sensor's windows from the shared sensor's, where the node has both."""

from __future__ import annotations

from client.node import Node, goes_on
from client.training.generate import train_generator
from client.training.moments import moments_to_bytes, take_up
from models.blocks import as_block, load_block, new_generator
from models.optimiser import adamw
from models.schedule import scheduled_rate
from protocol.payload import Payload, ProtocolError


def generate(node: Node, question: Payload) -> Payload:
    """The weights after local training of every `generator.<modality>` in the message."""
    experiment, by, shapes = node.experiment, node.experiment.bind.anchor, node.shapes
    settings, round, rounds = experiment.autoencoder, int(question.info["round"]), int(question.info["rounds"])
    names = [block.partition(".")[2] for block in sorted(question.blocks) if block.startswith("generator.")]
    if not names:
        raise ProtocolError("no generator for any modality of this node")
    blocks, losses, examples = {}, [], 0
    for modality in names:
        network = new_generator(shapes[by], modality, shapes[modality], settings, node.seed)
        load_block(network, question.blocks[f"generator.{modality}"])
        optimiser = adamw(network.parameters(), settings.rate, settings.weight_decay)
        kept = f"generate:{modality}:{node.method}:{node.seed}:{node.place.partition}"
        moments = node.store.get(kept) if goes_on(question, round) else None
        take_up(optimiser, moments, scheduled_rate(settings.rate, round, rounds))
        loss, rows = train_generator(
            network, optimiser, node.view(question, by), node.view(question, modality), settings.batch,
            experiment.epochs.autoencoder, node.seed_for("generate", modality, round),
        )  # fmt: skip
        losses.append(loss)
        examples = max(examples, rows)
        blocks[f"generator.{modality}"] = as_block(network)
        if round == rounds:
            node.store.drop(kept)
        else:
            node.store.put(kept, moments_to_bytes(optimiser))
    if not examples:
        raise ProtocolError(f"no sample holds both {by} and what is to be made from it")
    return Payload(blocks, {}, {"examples": float(examples), "loss": sum(losses) / len(losses)})
