"""What a system costs whatever machine it runs on."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from simulation.bench.encoder.energy import BYTES, energy_uj
from simulation.bench.encoder.memory import watched
from simulation.bench.encoder.systems import System, picture, signals


@dataclass(frozen=True)
class Costs:
    """Of one inference. Multiply-adds are those of convolutions and matrix products, as torch counts them.

    peak_activation_bytes  of the encoders, in float32, their pictures among them
    energy_uj              by precision; an estimate, see `energy`
    """

    picture_macs: int
    encoder_macs: int
    head_macs: int
    encoder_parameters: int
    head_parameters: int
    encoder_weight_bytes: int
    peak_activation_bytes: int
    moved_bytes: int
    energy_uj: dict[str, dict[str, float]]

    @property
    def macs(self) -> int:
        """From the signal to the logits."""
        return self.picture_macs + self.encoder_macs + self.head_macs

    @property
    def peak_memory_bytes(self) -> int:
        """Weights and activations of the encoders."""
        return self.encoder_weight_bytes + self.peak_activation_bytes


def costs_of(system: System, windows: int) -> Costs:
    """Counted on one inference in float32, contiguous in memory."""
    records = signals(system.modalities, seed=0)
    pictures = picture(records).contiguous()
    latents = torch.rand(system.modalities, windows, *system.latent)
    weights = tuple(p for each in (*system.encoders, system.head) for p in each.parameters())
    encode = watched(system.encode, pictures, constant=weights)
    moved = watched(picture, records).moved_bytes + encode.moved_bytes
    moved += watched(system.head, latents, constant=weights).moved_bytes
    macs = [_macs(picture, records), _macs(system.encode, pictures), _macs(system.head, latents)]
    encoders = nn.ModuleList(system.encoders)
    return Costs(
        picture_macs=macs[0],
        encoder_macs=macs[1],
        head_macs=macs[2],
        encoder_parameters=_parameters(encoders),
        head_parameters=_parameters(system.head),
        encoder_weight_bytes=sum(p.numel() * p.element_size() for p in encoders.parameters()),
        peak_activation_bytes=pictures.nbytes + encode.peak_bytes,
        moved_bytes=moved,
        energy_uj={name: energy_uj(name, sum(macs), sum(w.numel() for w in weights), moved / 4) for name in BYTES},
    )


def _macs(run: object, given: Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run(given)  # type: ignore[operator]
    return counter.get_total_flops() // 2


def _parameters(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())
