"""One place that decides what becomes of a file or signal that cannot be read: counted, or an error."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from client.data.cards import ModalityCard, OnCorrupt
from client.data.recording import Loaded, Recording, Signal, Skipped
from configs.errors import UserError, unknown_name


@dataclass
class CorruptPolicy:
    """Collects what is skipped, or raises UserError at the first where `on_corrupt` is "fail"."""

    on_corrupt: OnCorrupt
    skipped: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.on_corrupt not in ("skip", "fail"):
            raise unknown_name("value of on_corrupt", self.on_corrupt, ("skip", "fail"))

    def refuse(self, where: Path | str, reason: str, expected: str = "") -> None:
        if self.on_corrupt == "fail":
            raise UserError(
                reason, where=str(where), expected=expected, todo="mend or remove the file, or set on_corrupt: skip"
            )
        self.skipped.append(Skipped(str(where), reason + (f" (expected {expected})" if expected else "")))

    def signal(self, values: Any, card: ModalityCard, where: Path | str) -> Signal | None:
        """`values` (time, channel) as a Signal with infinities made gaps; None, and counted, if they cannot be one."""
        try:
            with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and so a gap
                array = np.asarray(values, dtype=np.float32)
        except (TypeError, ValueError):
            self.refuse(where, "the values are not numbers")
            return None
        if array.ndim == 1:
            array = array[:, None]
        wanted = f"shape (time, {card.channels})"
        if array.size == 0:
            self.refuse(where, "the signal is empty", expected=wanted)
            return None
        if array.ndim != 2 or array.shape[1] != card.channels:
            self.refuse(where, f"the signal has shape {array.shape}", expected=wanted)
            return None
        return Signal(np.where(np.isfinite(array), array, np.float32(np.nan)), card.rate_hz)

    def loaded(self, recordings: Sequence[Recording], asked: Sequence[str]) -> Loaded:
        """What was read; UserError where subjects were asked for and nothing of them is left."""
        if asked and not recordings:
            reasons = "; ".join(f"{each.where}: {each.reason}" for each in self.skipped[:3])
            more = f" and {len(self.skipped) - 3} more" if len(self.skipped) > 3 else ""
            raise UserError(
                "no recording could be read",
                where="subjects " + ", ".join(asked),
                todo="look at " + reasons + more if reasons else "ask for other modalities or subjects",
            )
        return Loaded(list(recordings), self.skipped)
