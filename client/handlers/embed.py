"""Embed: what the server matches by; and the labels that an audit of the matching needs, where permitted."""

from __future__ import annotations

import numpy as np
import torch

from client.handlers.corrected import own_kept, with_own
from client.label_text import in_context
from client.node import Node
from client.sentence import label_vectors
from models.blocks import load_block, new_autoencoder
from protocol.embedding import pack_embeddings
from protocol.payload import Payload, ProtocolError


def embed(node: Node, question: Payload) -> Payload:
    """Unit embeddings under opaque handles: of the shared modality by the autoencoder, or of each sample's label text."""
    samples, info, by = node.holdings.samples, {}, "label"
    if node.experiment.bind.by == "label":
        vectors, info["encoder"] = label_vectors(_texts(node), node.experiment.bind.sentence_encoder)
        told = np.append(vectors.any(axis=1), False)  # the last for samples without a label, −1
        rows = np.flatnonzero(told[samples.label])
        found = vectors[samples.label[rows]]  # (n, 384)
    else:
        by = node.asked_by(question)
        rows = np.flatnonzero(samples.present[by])
        model = new_autoencoder(by, node.shapes[by], node.experiment.autoencoder, node.seed)
        shared = {f"autoencoder.{by}": question.blocks[f"autoencoder.{by}"]}
        personal = question.info.get("correction", {}).get("name") == "personal"
        own = own_kept(node, f"autoencoder.{by}") if personal else {}
        load_block(model, with_own(shared, own)[f"autoencoder.{by}"])
        model.eval()
        with torch.no_grad():
            found = model.encode(
                node.shared_view(question, by).take(torch.from_numpy(rows)).clean()
            ).numpy()  # (n, latent)
    generator = np.random.default_rng(node.noise_seed("embed", *node.apart(by)))
    return Payload({f"embeddings.{by}": pack_embeddings(node.handles[rows], found, generator, **node.privacy)}, info)


def _texts(node: Node) -> list[str]:
    """What each class is called on this node."""
    classes, settings = list(node.holdings.classes), node.experiment.bind
    if settings.label_text == "class":
        return classes
    return [in_context(name, node.experiment.groups[node.place.group].context) for name in classes]


def audit(node: Node, question: Payload) -> Payload:
    """Class index per handle, for the pairing matrix; only where recordings are simulated or the owner permits it."""
    permitted = bool(node.node_config.get("allow-audit", False)) or node.holdings.simulated
    if not permitted:
        raise ProtocolError("labels are not given: node-config allow-audit is not set on this node")
    order = np.argsort(node.handles, kind="stable")
    label = node.holdings.samples.label[order]
    return Payload(
        {
            f"labels.{node.experiment.bind.name}": {
                "handles": node.handles[order],
                "label": label,
            }
        }
    )
