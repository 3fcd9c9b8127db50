"""What a board may spend."""

from __future__ import annotations

from dataclasses import dataclass

from configs.errors import UserError


@dataclass(frozen=True)
class EdgeSettings:
    """Limits and choices of one fine-tuning; UserError for what makes no sense.

    epochs     at most; 0: class means alone, which needs pre-trained networks
    patience   so many epochs without a better one on the held-out part end it
    held_share of the node's own labelled samples, kept back to choose the epoch
    seconds    of training in all sittings together, wall clock; None: no limit
    memory_mib the process's largest resident size; None: no limit
    threads    of torch
    bf16       arithmetic in bfloat16 where torch offers it; weights stay in single precision
    adapters   whether adapters (or encoders) learn too, or the head alone
    """

    epochs: int = 200
    patience: int = 40
    held_share: float = 0.2
    seconds: float | None = None
    memory_mib: int | None = None
    threads: int = 1
    bf16: bool = False
    adapters: bool = True

    def __post_init__(self) -> None:
        for name, sane, expected in (
            ("epochs", self.epochs >= 0, "0 or more"),
            ("patience", self.patience >= 1, "1 or more"),
            ("held_share", 0 < self.held_share <= 0.5, "above 0, at most 0.5"),
            ("seconds", self.seconds is None or self.seconds > 0, "above 0"),
            ("memory_mib", self.memory_mib is None or self.memory_mib > 0, "above 0"),
            ("threads", self.threads >= 1, "1 or more"),
        ):
            if not sane:
                raise UserError(f"{name} is {getattr(self, name)}", where="fine-tuning on the board", expected=expected)
