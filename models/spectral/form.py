"""What the three bands of a picture show."""

from dataclasses import dataclass
from typing import Literal, get_args

FormName = Literal["colour", "magnitude_phase", "single"]
FORMS: tuple[str, ...] = get_args(FormName)
LEVELS = 256  # steps between the least and the greatest decibel that are told apart


@dataclass(frozen=True)
class PictureForm:
    """A form by name, and the decibels that its levels span. ValueError for what is none.

    colour           the level through a table of 256 colours
    magnitude_phase  the level; cosine and sine of the phase, weaker where the level is
    single           the level in all three bands

    0 dB is a signal that stands still at 1, one spread from the mean; a sine of spread 1 comes to -3 dB, white noise of
    spread 1 to -16 dB in every bin. What lies outside the span is drawn as its end.
    """

    name: FormName = "colour"
    low_db: float = -60.0
    high_db: float = 10.0

    def __post_init__(self) -> None:
        if self.name not in FORMS:
            raise ValueError(f"unknown form of picture {self.name!r}: one of {', '.join(FORMS)}")
        if not -300 < self.low_db < self.high_db < 300:
            raise ValueError(f"the span must rise within ±300 dB, got {self.low_db:g} to {self.high_db:g}")

    @property
    def planes(self) -> int:
        """Bytes kept for each pixel before it is painted."""
        return 3 if self.name == "magnitude_phase" else 1
