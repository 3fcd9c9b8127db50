"""The frozen encoder on the server's side: read once, and known by its hash."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from configs.errors import UserError
from configs.unified_settings import UNTRAINED
from models.vqvae import Described, VqVae, build_vqvae, digest, pack, unpack

FILE = "weights.safetensors"


def encoder_file(weights: str) -> bytes:
    """The bytes of the file, or of the folder's file, that `models.unified.weights` names.

    "untrained" is the light encoder with a codebook as it is drawn from seed 0. Raises UserError for what is none.
    """
    return _untrained() if weights == UNTRAINED else _read(str(Path(weights).expanduser()))


@lru_cache(maxsize=2)
def _read(path: str) -> bytes:
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise UserError(
            "no weights of a unified encoder",
            where=f"models.unified.weights = {path}",
            expected=f"a file or a folder with {FILE}",
            todo="`fedbind pretrain` makes one",
        )
    content = file.read_bytes()
    unpack(content, str(file))
    return content


@lru_cache(maxsize=1)
def _untrained() -> bytes:
    before = torch.get_rng_state()
    torch.manual_seed(0)
    described = Described(quantiser="codebook")
    content = pack(build_vqvae(described), described)
    torch.set_rng_state(before)
    return content


@lru_cache(maxsize=4)
def encoder_of(content: bytes) -> tuple[VqVae, str]:
    """The model of a file, which nobody may change, and the file's hash."""
    return unpack(content)[0], digest(content)
