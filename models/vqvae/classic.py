"""The network of van den Oord et al. (NeurIPS 2017, section 4.1), with a third stride so that 128 pixels become 16 cells."""

from torch import Tensor, nn

HIDDEN, NARROW = 128, 32


class Residual(nn.Module):
    """Added to its input: ReLU, 3×3, ReLU, 1×1."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, NARROW, 3, padding=1, bias=False),
            nn.ReLU(), nn.Conv2d(NARROW, width, 1, bias=False),
        )  # fmt: skip

    def forward(self, cells: Tensor) -> Tensor:
        return cells + self.layers(cells)


class ClassicEncoder(nn.Module):
    """(batch, 3, 8 h, 8 w) -> (batch, latent, h, w)."""

    def __init__(self, latent: int, hidden: int = HIDDEN):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, hidden // 2, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(hidden // 2, hidden, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(hidden, hidden, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            Residual(hidden), Residual(hidden), nn.ReLU(),
            nn.Conv2d(hidden, latent, 1),
        )  # fmt: skip

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers(picture)


class ClassicDecoder(nn.Module):
    """(batch, latent, h, w) -> (batch, 3, 8 h, 8 w): the encoder mirrored."""

    def __init__(self, latent: int, hidden: int = HIDDEN):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(latent, hidden, 3, padding=1),
            Residual(hidden), Residual(hidden), nn.ReLU(),
            nn.ConvTranspose2d(hidden, hidden, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(hidden, hidden // 2, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(hidden // 2, 3, 4, stride=2, padding=1),
        )  # fmt: skip

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents)
