"""What a training is asked for."""

from dataclasses import asdict, dataclass, field
from typing import Any

from configs.errors import UserError
from models.vqvae import Described


@dataclass(frozen=True)
class PretrainSettings:
    """One training of the encoder. UserError for what cannot be done."""

    described: Described = field(default_factory=Described)
    seed: int = 0
    epochs: int = 20  # every image once
    minutes: float | None = None  # of training, all its sittings together; None: until the epochs are done
    batch: int = 16  # pictures of 128×128: 256 images of 32×32
    painted: float = 0.5  # share of pictures in the colours of spectral images; see `mosaic`
    rate: float = 1e-3
    weight_decay: float = 1e-4
    commitment: float = 0.25  # van den Oord et al. 2017, eq. 3
    decay: float = 0.99  # of the codebook's moving averages

    def __post_init__(self) -> None:
        for name, fine, expected in (
            ("seed", self.seed >= 0, "0 or more"),
            ("epochs", self.epochs >= 1, "1 or more"),
            ("minutes", self.minutes is None or 0 < self.minutes < float("inf"), "more than 0"),
            ("batch", self.batch >= 1, "1 or more"),
            ("painted", 0 <= self.painted <= 1, "0 to 1"),
            ("rate", 0 < self.rate < float("inf"), "more than 0"),
        ):
            if not fine:
                raise UserError(f"{name} is {getattr(self, name)}", where=f"--{name}", expected=expected)

    @property
    def identity(self) -> dict[str, Any]:
        """All but how long to train: what an interrupted training must be gone on with."""
        return {name: value for name, value in asdict(self).items() if name not in ("epochs", "minutes")}
