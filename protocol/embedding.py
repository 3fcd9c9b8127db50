"""What is done to embeddings before they leave a node, as one ordered list, and how the receiver undoes it."""

from __future__ import annotations

import numpy as np

from protocol.limits import MOST_EMBEDDING_NUMBERS, MOST_SAMPLES_PER_NODE
from protocol.payload import Block, ProtocolError


def pack_embeddings(
    handles: np.ndarray,
    vectors: np.ndarray,
    generator: np.random.Generator,
    clip_norm: float = 1.0,
    noise_std: float = 0.0,
    quantise: str = "float32",
) -> Block:
    """Normalise, clip, noise, quantise, in this order; rows come out sorted by handle, so their order tells nothing.

    handles  int64 (n,)
    vectors  (n, d) float
    A zero row stays zero. Noise is Gaussian with `noise_std` per number (after clipping to `clip_norm`).
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(norms, 1e-12)  # (n, d)
    sent = unit * np.minimum(1.0, clip_norm / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12))
    if noise_std:
        sent = sent + generator.normal(0.0, noise_std, sent.shape)
    order = np.argsort(handles, kind="stable")
    return {"handles": handles[order], **_quantised(sent[order].astype(np.float32), quantise)}


def _quantised(values: np.ndarray, kind: str) -> Block:
    if kind == "float16":
        return {"values": values.astype(np.float16)}
    if kind == "int8":
        scale = np.maximum(np.abs(values).max(axis=1, initial=0.0), 1e-12) / 127.0  # (n,)
        return {"values": np.round(values / scale[:, None]).astype(np.int8), "scale": scale.astype(np.float32)}
    return {"values": values}


def unpack_embeddings(block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Handles int64 (n,) and unit rows float32 (n, d); raises ProtocolError for another form."""
    handles, values = block.get("handles"), block.get("values")
    if handles is None or values is None or handles.ndim != 1 or values.ndim != 2 or len(handles) != len(values):
        raise ProtocolError("embeddings need one handle for each row of values")
    if len(values) > MOST_SAMPLES_PER_NODE or not 1 <= values.shape[1] <= MOST_EMBEDDING_NUMBERS:
        raise ProtocolError(f"embeddings of shape {values.shape} are beyond the limits")
    if handles.dtype != np.int64 or len(np.unique(handles)) != len(handles):
        raise ProtocolError("handles must be 64-bit integers, each once")
    if values.dtype not in (np.float32, np.float16, np.int8):
        raise ProtocolError(f"embeddings of type {values.dtype} do not travel")
    rows = values.astype(np.float32)
    if values.dtype == np.int8:
        scale = block.get("scale")
        if scale is None or scale.shape != (len(rows),) or scale.dtype != np.float32 or not (scale > 0).all():
            raise ProtocolError("int8 embeddings need one positive scale for each row")
        with np.errstate(over="ignore"):
            rows = rows * scale[:, None]
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(norms).all():
        raise ProtocolError("embeddings whose norm is no finite number")
    return handles, np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 1e-12)
