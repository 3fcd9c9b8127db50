"""The networks and quantisers by name, and a model from its description."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from models.vqvae.classic import ClassicDecoder, ClassicEncoder
from models.vqvae.model import VqVae
from models.vqvae.patch import PatchDecoder, PatchEncoder
from models.vqvae.quantisers import EmaQuantiser, FsqQuantiser, Quantiser, ResidualQuantiser
from models.vqvae.quantisers.fsq import LEVELS


@dataclass(frozen=True)
class Network:
    """An encoder and its decoder, both of (numbers per latent), and how many numbers serve where a codebook follows."""

    encoder: Callable[[int], nn.Module]
    decoder: Callable[[int], nn.Module]
    latent: int


NETWORKS = {
    "classic": Network(ClassicEncoder, ClassicDecoder, 64),
    "patch": Network(PatchEncoder, PatchDecoder, 16),
}
EPSILON = 1e-7  # latents of the classic network begin with a variance of 1e-5, to which torch's own 1e-5 would be much
QUANTISERS = ("codebook", "fsq", "residual")


@dataclass(frozen=True)
class Described:
    """A model by names and sizes: what its file says of itself, and all that is needed to build it again.

    Where there is a codebook: latent numbers (0: the network's own choice), size codes, and for `residual` so many
    stages. `fsq` has 3 numbers and 512 codes whatever is asked. ValueError for what cannot be built.
    """

    encoder: str = "patch"
    quantiser: str = "fsq"
    latent: int = 0
    size: int = 512
    stages: int = 2

    def __post_init__(self) -> None:
        for what, name, known in (("encoder", self.encoder, NETWORKS), ("quantiser", self.quantiser, QUANTISERS)):
            if name not in known:
                raise ValueError(f"unknown {what} {name!r}: one of {', '.join(known)}")
        for what, value, least, most in (
            ("latent", self.latent, 0, 1024),
            ("size", self.size, 2, 1 << 16),
            ("stages", self.stages, 1, 16),
        ):  # a file says these of itself, and memory is taken by what it says
            if not least <= value <= most:
                raise ValueError(f"{what} is {value}: {least} to {most} can be built")


def build_quantiser(described: Described) -> Quantiser:
    """The quantiser, its beginning drawn from torch's global generator."""
    if described.quantiser == "fsq":
        return FsqQuantiser(LEVELS)
    latent = described.latent or NETWORKS[described.encoder].latent
    if described.quantiser == "residual":
        return ResidualQuantiser(latent, described.size, described.stages)
    return EmaQuantiser(latent, described.size)


def build_vqvae(described: Described, training: bool = False) -> VqVae:
    """The model, likewise; to be trained it has a batch norm behind its encoder, which `folded` takes away again."""
    network, quantiser = NETWORKS[described.encoder], build_quantiser(described)
    latent = quantiser.latent
    norm = nn.BatchNorm2d(latent, eps=EPSILON, affine=False) if training else None
    return VqVae(network.encoder(latent), quantiser, network.decoder(latent), norm)
