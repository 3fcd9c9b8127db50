"""The frozen encoder on a node: where it comes from, and which one a job uses.

It travels once: a node that holds the file of that hash says so, whether from an earlier job of the run or from a path of
its own (node-config `unified-weights`). Nothing made by it leaves the node but sums over all its windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import safetensors.torch
from torch import Tensor

from client.store import NodeStore
from models.unified import LatentAxes
from models.vqvae import VqVae, digest, unpack
from protocol.frozen import AXES, MIXTURE
from protocol.payload import Block, ProtocolError


def _file(sha256: str) -> str:
    return f"unified:file:{sha256}"


def _used(method: str, seed: int) -> str:
    return f"unified:used:{method}:{seed}"


def _axes(method: str, seed: int, partition: int) -> str:
    return f"unified:axes:{method}:{seed}:{partition}"


def take_encoder(
    store: NodeStore, node_config: Mapping[str, Any], method: str, seed: int, sha256: str, block: Block | None
) -> bool:
    """Whether the node now holds the encoder of that hash; if so the job uses it.

    Raises ProtocolError where what was sent is another file, or none.
    """
    if block is not None:
        content = block["file"].tobytes()
        if digest(content) != sha256:
            raise ProtocolError("the encoder that was sent is not the one that was announced")
        unpacked(content)
        store.put(_file(sha256), content)
    elif store.get(_file(sha256)) is None:
        own = Path(str(node_config.get("unified-weights", ""))).expanduser()
        if not own.is_file() or digest(content := own.read_bytes()) != sha256:
            return False
        store.put(_file(sha256), content)
    store.put(_used(method, seed), sha256.encode())
    return True


def encoder_used(store: NodeStore, method: str, seed: int) -> tuple[VqVae, str]:
    """The encoder of a job with its hash; raises ProtocolError where the node was never given one."""
    sha256 = (store.get(_used(method, seed)) or b"").decode()
    content = store.get(_file(sha256)) if sha256 else None
    if content is None:
        raise ProtocolError("the frozen encoder is not on this node")
    return unpacked(content), sha256


def take_axes(store: NodeStore, method: str, seed: int, partition: int, blocks: Mapping[str, Block]) -> None:
    """Keeps what `mixture.<modality>` and `latents.<modality>` blocks say, in the place of what was kept before, for the
    messages of the job that follow; they need not say it again.

    Several nodes of one host share its store; each is told of its own modalities.
    """
    flat = {
        f"{n}/{key}": value
        for n, block in blocks.items()
        if n.startswith((AXES, MIXTURE))
        for key, value in block.items()
    }
    store.put(
        _axes(method, seed, partition), safetensors.numpy.save({n: np.ascontiguousarray(v) for n, v in flat.items()})
    )


def axes_used(store: NodeStore, method: str, seed: int, partition: int, modality: str) -> LatentAxes:
    """The axes of a modality in a job; raises ProtocolError where the node was never told."""
    kept = _kept(store, method, seed, partition)
    if f"{AXES}{modality}/turn" not in kept:
        raise ProtocolError(f"{modality}: nobody told this node the axes of its latents")
    return LatentAxes(kept[f"{AXES}{modality}/mean"], kept[f"{AXES}{modality}/turn"])


def mixture_used(store: NodeStore, method: str, seed: int, partition: int, modality: str) -> Tensor | None:
    """How a modality's signals are mixed in a job, (signal, fewer); None where the node was told of none."""
    return _kept(store, method, seed, partition).get(f"{MIXTURE}{modality}/turn")


def _kept(store: NodeStore, method: str, seed: int, partition: int) -> dict[str, Tensor]:
    return safetensors.torch.load(store.get(_axes(method, seed, partition)) or safetensors.torch.save({}))


@lru_cache(maxsize=4)
def unpacked(content: bytes) -> VqVae:
    """Read once a process; nobody may change it."""
    return unpack(content)[0]
