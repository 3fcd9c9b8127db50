"""The two that are compared: the unified encoder, and an encoder per modality; both with the same head."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.bev_fusion import BevFusion
from models.inference import folded_norms
from models.latent_fusion import LatentFusion
from models.spectral import LEAD, PICTURE, RECORDS, PictureForm, columns, paint
from models.vqvae import Described, build_vqvae
from simulation.bench.encoder.settings import MODALITIES, EncoderBench

FORM = PictureForm()
MOST_AT_ONCE = 3  # pictures that one encoder takes in one go: more of them cost memory and gain no time
SIDES = ("unified", "bev_fusion")


class StackedHead(nn.Module):
    """The head over all modalities at once: (modality, window, number, h, w) -> logits (1, class)."""

    def __init__(self, head: LatentFusion, modalities: tuple[str, ...]):
        super().__init__()
        self.head, self.modalities = head, modalities

    def forward(self, latents: Tensor) -> Tensor:
        return self.head({name: latents[place][None] for place, name in enumerate(self.modalities)})


@dataclass(frozen=True)
class System:
    """Encoders (one for all modalities, which takes them as a batch, or one for each) and a head, ready to run."""

    name: str
    modalities: int
    encoders: tuple[nn.Module, ...]
    head: StackedHead
    latent: tuple[int, int, int]  # of one picture: number, h, w

    @property
    def at_once(self) -> int:
        """Pictures that an encoder takes in one go; so many go evenly into all."""
        if len(self.encoders) > 1:
            return 1
        return max(number for number in range(1, MOST_AT_ONCE + 1) if self.modalities % number == 0)

    def encode(self, pictures: Tensor) -> Tensor:
        """(modality, 3, 128, 128) -> (modality, number, h, w)."""
        if len(self.encoders) == 1:
            return torch.cat([self.encoders[0](some) for some in pictures.split(self.at_once)])
        return torch.cat([each(picture[None]) for each, picture in zip(self.encoders, pictures, strict=True)])


@dataclass(frozen=True)
class Ready:
    """A system that can be timed: pictures -> latents of whatever kind the runtime takes -> logits as an array.

    The latents of earlier windows are kept by `classify`, random at first; their cost is only paid by the head.
    """

    encode: Callable[[Tensor], Any]
    classify: Callable[[Any], Any]
    weight_bytes: int  # of the encoders, as they lie in memory or in the runtime's files
    peak_activation_bytes: int  # of the encoders: pictures as painted, what the form makes of them, and all else


def system(name: str, settings: EncoderBench, modalities: int) -> System:
    """One of SIDES for so many modalities; its weights are random, which changes no cost."""
    torch.manual_seed(settings.seed)
    names = MODALITIES[:modalities]
    if name == "unified":
        model = build_vqvae(Described(settings.encoder))
        encoders: tuple[nn.Module, ...] = (model.encoder,)
        head = LatentFusion(names, settings.classes, model.quantiser.latent)
    else:
        network, _, stage = settings.baseline.partition("-")
        whole = BevFusion(names, settings.classes, network, stage)
        encoders, head = tuple(whole.encoder(each) for each in names), whole.head
    encoders = tuple(folded_norms(each) for each in encoders)
    with torch.no_grad():
        _, *latent = encoders[0](torch.zeros(1, *PICTURE)).shape
    return System(name, modalities, encoders, folded_norms(StackedHead(head, names)), (latent[0], latent[1], latent[2]))


def signals(modalities: int, seed: int) -> Tensor:
    """Made by rule, (modality, LEAD + RECORDS): slow and fast waves of random strength, in noise."""
    drawn = torch.Generator().manual_seed(seed)
    time = torch.arange(LEAD + RECORDS) / RECORDS
    rate = 60 * torch.rand(modalities, 3, 1, generator=drawn)  # turns in a window
    waves = torch.sin(2 * torch.pi * rate * time) * torch.rand(modalities, 3, 1, generator=drawn)
    return waves.sum(dim=1) + 0.1 * torch.randn(modalities, len(time), generator=drawn)


def picture(records: Tensor) -> Tensor:
    """(modality, LEAD + RECORDS) -> (modality, 3, 128, 128), channels last in memory."""
    return paint(columns(records, FORM), FORM)
