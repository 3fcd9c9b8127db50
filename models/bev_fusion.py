"""The baseline that the unified encoder is measured against: a ResNet encoder per modality, spliced into the same head.

BEVFusion (Liu et al., ICRA 2023) gives every sensor an encoder of its own and fuses the features on one common grid;
Latent Sensor Fusion (Ahmed and Gummeson, ICMR 2025) takes that for its baseline, with spectral images in the place of
camera and lidar. Each encoder is first trained alone, on labelled windows of its modality (`alone`), then all are
spliced: their features, one behind the other, through a 1×1 convolution into the Conv-LSTM and MobileNetV3-small that
the unified encoder's latents enter too (`models.latent_fusion.join` is that convolution, and handles what is absent).
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from models.latent_fusion import LatentFusion
from models.latent_fusion.join import Presence, presence
from models.resnet import ResNetEncoder
from models.spectral import RECORDS


class BevFusion(nn.Module):
    """One encoder per modality and the head; what is absent is never encoded, so it moves no batch norm either.

    encoders  trained alone, by modality; left out, all begin at random. They must be of one network and stage
    head      further arguments of LatentFusion
    """

    def __init__(
        self,
        modalities: Sequence[str],
        classes: int,
        network: str = "resnet18",
        stage: str = "L3",
        encoders: Mapping[str, ResNetEncoder] | None = None,
        **head: object,
    ):
        super().__init__()
        given = encoders or {}
        self.encoders = nn.ModuleDict(
            {name: given[name] if name in given else ResNetEncoder(network, stage) for name in modalities}
        )
        first = self.encoder(modalities[0])
        self.head = LatentFusion(modalities, classes, first.width, RECORDS // first.reduction, **head)  # type: ignore[arg-type]

    def encoder(self, modality: str) -> ResNetEncoder:
        """The encoder of one modality; raises KeyError for one that the network was not built for."""
        encoder = self.encoders[modality]
        assert isinstance(encoder, ResNetEncoder)
        return encoder

    def train(self, mode: bool = True) -> "BevFusion":
        """As always, but for encoders that are `frozen`: their batch norms stand still."""
        super().train(mode)
        if not any(each.requires_grad for each in self.encoders.parameters()):
            self.encoders.eval()
        return self

    def features(self, pictures: Mapping[str, Tensor], present: Presence | None = None) -> dict[str, Tensor]:
        """(batch, window, 3, 128, 128) per modality -> (batch, window, width, h, w); zeros where a window is absent."""
        found = {}
        for modality, each in pictures.items():
            encoder = self.encoder(modality)
            flat = each.flatten(0, 1)
            if present is None:
                features = encoder(flat)
            else:
                here = presence(each, modality, present).flatten()
                side = [length // encoder.reduction for length in each.shape[-2:]]
                features = each.new_zeros(len(flat), encoder.width, *side)
                if here.any():
                    features = features.index_put((here.nonzero()[:, 0],), encoder(flat[here]))
            found[modality] = features.unflatten(0, each.shape[:2])
        return found

    def forward(self, pictures: Mapping[str, Tensor], present: Presence | None = None) -> Tensor:
        """(batch, window, 3, 128, 128) per modality -> logits (batch, class); `present` as in LatentFusion."""
        return self.head(self.features(pictures, present), present)


def alone(encoder: ResNetEncoder, classes: int) -> nn.Sequential:
    """The encoder with an average pool and a linear layer, to be trained by itself: pictures -> (batch, class)."""
    return nn.Sequential(encoder, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(encoder.width, classes))


def trained_alone(whole: nn.Sequential) -> ResNetEncoder:
    """The encoder of a network that `alone` made."""
    encoder = whole[0]
    assert isinstance(encoder, ResNetEncoder)
    return encoder


def frozen(network: BevFusion) -> BevFusion:
    """The same network, whose encoders are no longer trained; only the head is."""
    network.encoders.requires_grad_(False)
    return network.train(network.training)
