"""A model as the bytes of one safetensors file that says what it is, and back."""

import hashlib
import json
from dataclasses import asdict

import safetensors.torch
import torch
from safetensors import SafetensorError

from configs.errors import UserError
from models.vqvae.model import VqVae
from models.vqvae.registry import Described, build_vqvae

KEY = "fedbind.vqvae"  # the one entry of the file's metadata: with several, their order would change the hash
NETWORKS_AS = torch.float16  # half the bytes; what is reported of a model is measured on what its file holds


def pack(model: VqVae, described: Described) -> bytes:
    """Networks in half precision, the quantiser's averages as they are: counts would not fit."""
    tensors = {
        name: value.detach().cpu().to(value.dtype if name.startswith("quantiser.") else NETWORKS_AS).contiguous()
        for name, value in model.state_dict().items()
    }
    return safetensors.torch.save(tensors, {KEY: json.dumps(asdict(described), sort_keys=True)})


def unpack(content: bytes, where: str = "") -> tuple[VqVae, Described]:
    """The model in single precision, in evaluation mode; UserError where the bytes are no such file."""
    try:
        length = int.from_bytes(content[:8], "little")
        described = Described(**json.loads(json.loads(content[8 : 8 + length])["__metadata__"][KEY]))
        model = build_vqvae(described)
        model.load_state_dict(safetensors.torch.load(content))
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError, MemoryError) as error:
        raise UserError(
            f"not the weights of a unified encoder: {type(error).__name__}",
            where=where,
            expected="a file as `fedbind pretrain` writes it",
        ) from error
    return model.eval().requires_grad_(False), described


def digest(content: bytes) -> str:
    """SHA-256 of the file's bytes, by which nodes can tell that they hold the same encoder."""
    return hashlib.sha256(content).hexdigest()
