"""Flower ClientApp: one thin handler per message kind.

Every message may be handled by a fresh process, so a handler takes all it needs from the message, the node's
configuration and the node store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from flwr.app import Context, Error, Message
from flwr.clientapp import ClientApp

from client import handlers
from client.faults import told
from client.node import Node, node_for
from client.store import store_of
from client.wire import NodeWire
from configs.load import from_run_config
from configs.schema import Experiment
from protocol import kinds
from protocol.kinds import ECHO, Kind, checked_reply
from protocol.payload import Payload

_log = logging.getLogger("fedbind.client")
_NODE_FAILED = 100  # Flower leaves codes from 100 on to applications

Work = Callable[[Experiment, Payload, Context], Payload]

app = ClientApp()


def _answer(kind: Kind, message: Message, context: Context, work: Work) -> Message:
    """Runs `work` for the node a message speaks to; what fails is told without a word of files or values."""
    partition = -1
    try:
        threads = int(context.node_config.get("threads", 1))
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        question = Payload.from_records(message.content)
        partition = int(question.info["partition"])
        experiment = from_run_config(context.run_config)
        store = store_of(context.run_id, context.node_id, context.node_config)
        wire = NodeWire.of(experiment, store, question.info)
        question = wire.received(question)
        reply = work(experiment, question, context)
        echo = {key: question.info.get(key) for key in ECHO}
        checked = checked_reply(kind, Payload(reply.blocks, {**reply.info, **echo}, reply.metrics))
        resident = bool(context.node_config.get("resident"))  # the engine's own process takes the reply
        return Message(wire.sent(question, checked).to_records(resident=resident), reply_to=message)
    except Exception as error:
        _log.exception("node %d could not answer %s", partition, message.metadata.message_type)
        return Message(Error(_NODE_FAILED, f"node {partition}: {told(error)}"), reply_to=message)


def _of_node(work: Callable[[Node, Payload], Payload]) -> Work:
    """The same for a handler that speaks for one node."""

    def of_node(experiment: Experiment, question: Payload, context: Context) -> Payload:
        partition, method, seed = (question.info[key] for key in ("partition", "method", "seed"))
        return work(node_for(experiment, int(partition), str(method), int(seed), context), question)

    return of_node


@app.query("describe")
def describe(message: Message, context: Context) -> Message:
    """Which nodes live here, and what each holds."""
    return _answer(kinds.DESCRIBE, message, context, handlers.describe)


@app.query("unified")
def unified(message: Message, context: Context) -> Message:
    """Takes the frozen encoder in, and makes latents."""
    return _answer(kinds.UNIFIED, message, context, _of_node(handlers.unified))


@app.query("adapt")
def adapt(message: Message, context: Context) -> Message:
    """Sums that move the codebook, or what pictures lose by it."""
    return _answer(kinds.ADAPT, message, context, _of_node(handlers.adapt))


@app.train("decoder")
def decoder(message: Message, context: Context) -> Message:
    """Trains the decoder behind the frozen encoder."""
    return _answer(kinds.DECODER, message, context, _of_node(handlers.decoder))


@app.train("autoencoder")
def autoencoder(message: Message, context: Context) -> Message:
    """Trains the shared modality's autoencoder."""
    return _answer(kinds.AUTOENCODER, message, context, _of_node(handlers.autoencoder))


@app.query("embed")
def embed(message: Message, context: Context) -> Message:
    """Embeds the shared modality, or the label texts, for matching."""
    return _answer(kinds.EMBED, message, context, _of_node(handlers.embed))


@app.query("audit")
def audit(message: Message, context: Context) -> Message:
    """Labels of samples by handle, where the node's owner permits it."""
    return _answer(kinds.AUDIT, message, context, _of_node(handlers.audit))


@app.query("targets")
def targets(message: Message, context: Context) -> Message:
    """Projected embeddings of the node's samples, constants for other nodes' next round."""
    return _answer(kinds.TARGETS, message, context, _of_node(handlers.targets))


@app.train("generate")
def generate(message: Message, context: Context) -> Message:
    """Trains networks that make one sensor's windows from another's."""
    return _answer(kinds.GENERATE, message, context, _of_node(handlers.generate))


@app.train("unimodal")
def unimodal(message: Message, context: Context) -> Message:
    """Trains each modality's encoder by itself."""
    return _answer(kinds.UNIMODAL, message, context, _of_node(handlers.unimodal))


@app.train("contrast")
def contrast(message: Message, context: Context) -> Message:
    """Trains encoders and projections against the partners' embeddings."""
    return _answer(kinds.CONTRAST, message, context, _of_node(handlers.contrast))


@app.query("exact_views")
def exact_views(message: Message, context: Context) -> Message:
    """Projected embeddings of one batch."""
    return _answer(kinds.EXACT_VIEWS, message, context, _of_node(handlers.exact_views))


@app.train("exact_gradient")
def exact_gradient(message: Message, context: Context) -> Message:
    """The gradient of one batch's loss by the node's weights."""
    return _answer(kinds.EXACT_GRADIENT, message, context, _of_node(handlers.exact_gradient))


@app.query("prototypes")
def prototypes(message: Message, context: Context) -> Message:
    """Sums of the labelled samples' embeddings, by class."""
    return _answer(kinds.PROTOTYPES, message, context, _of_node(handlers.prototypes))


@app.train("finetune")
def finetune(message: Message, context: Context) -> Message:
    """Some epochs of fine-tuning the fusion head."""
    return _answer(kinds.FINETUNE, message, context, _of_node(handlers.finetune))


@app.query("predict")
def predict(message: Message, context: Context) -> Message:
    """Class probabilities of the node's samples, for pseudo-labels."""
    return _answer(kinds.PREDICT, message, context, _of_node(handlers.predict))


@app.train("self_train")
def self_train(message: Message, context: Context) -> Message:
    """Trains encoders and head on pseudo-labels, or on the node's own labels."""
    return _answer(kinds.SELF_TRAIN, message, context, _of_node(handlers.self_train))


@app.query("probe")
def probe(message: Message, context: Context) -> Message:
    """Counts how often the nearest class mean is right here, between rounds."""
    return _answer(kinds.PROBE, message, context, _of_node(handlers.probe))


@app.evaluate("head")
def evaluate(message: Message, context: Context) -> Message:
    """Counts what the network gets right here."""
    return _answer(kinds.EVALUATE, message, context, _of_node(handlers.evaluate))
