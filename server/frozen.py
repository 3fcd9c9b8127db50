"""The frozen encoder on the server's side: read once, and known by its hash."""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from pathlib import Path

import torch

import models
from configs.errors import UserError
from configs.unified_settings import SHIPPED, UNTRAINED
from models.vqvae import Described, VqVae, build_vqvae, digest, pack, unpack

FILE = "weights.safetensors"
PRETRAINED = Path(models.__file__).parent / "pretrained" / "patch_codebook"


def encoder_file(weights: str) -> bytes:
    """The bytes of the file, or of the folder's file, that `models.unified.weights` names.

    "shipped" is the one that comes with fedbind; "untrained" is the light encoder with a codebook as it is drawn from
    seed 0. Raises UserError for what is none.
    """
    if weights == UNTRAINED:
        return _untrained()
    return shipped() if weights == SHIPPED else _read(str(Path(weights).expanduser()))


@lru_cache(maxsize=1)
def shipped() -> bytes:
    """The bytes of the safetensors file that comes with fedbind.

    They lie in a JSON file as base64: Flower's app bundles carry JSON and no safetensors.
    """
    return base64.b64decode(json.loads((PRETRAINED / "weights.json").read_text(encoding="utf-8"))["safetensors"])


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
