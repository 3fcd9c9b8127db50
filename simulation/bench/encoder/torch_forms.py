"""A system in one of PyTorch's forms."""

import copy
from dataclasses import replace

import torch
from torch import Tensor

from models.latent_fusion import for_board
from simulation.bench.encoder.memory import watched
from simulation.bench.encoder.systems import Ready, StackedHead, System, picture, signals


def in_torch(system: System, form: str, windows: int) -> Ready:
    """`eager`: rows of pixels, band by band. `channels_last`: pixel by pixel. `bf16`: that in half the bytes."""
    cast = _cast(system, form)
    layout = torch.contiguous_format if form == "eager" else torch.channels_last
    dtype = torch.bfloat16 if form == "bf16" else torch.float32
    kept = torch.rand(system.modalities, windows - 1, *system.latent, dtype=dtype)

    def encode(pictures: Tensor) -> Tensor:
        return cast.encode(pictures.to(dtype).contiguous(memory_format=layout))

    def classify(latents: Tensor) -> Tensor:
        return cast.head(torch.cat([kept, latents[:, None]], dim=1))

    weight_bytes = sum(p.numel() * p.element_size() for each in cast.encoders for p in each.parameters())
    painted = picture(signals(system.modalities, seed=0))
    return Ready(encode, classify, weight_bytes, painted.nbytes + watched(encode, painted).peak_bytes)


def _cast(system: System, form: str) -> System:
    head = StackedHead(for_board(system.head.head), system.head.modalities)
    whole = replace(system, encoders=copy.deepcopy(system.encoders), head=head)
    for module in (*whole.encoders, whole.head):
        if form != "eager":
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if form == "bf16":
            module.to(torch.bfloat16)
    return whole
