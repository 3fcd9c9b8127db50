"""A few stretches of every modality and class, kept while recordings go by, for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from client.data.recording import Recording, Signal

WINDOWS = 3  # kept of each modality and class
SECONDS, LEAST_RECORDS = 10.0, 64  # a stretch's length; longer where the rate is so low that little would be seen


@dataclass(frozen=True)
class Excerpt:
    """The middle of one signal, and whose it is."""

    subject: str
    recording: str
    signal: Signal


@dataclass
class Gallery:
    """What was kept: of different subjects where there are such, the first that came of each."""

    excerpts: dict[tuple[str, int], list[Excerpt]] = field(default_factory=dict)  # (modality, class) -> at most WINDOWS

    def add(self, recording: Recording) -> None:
        """Looks at one recording; keeps a copy of what is wanted of it, never the recording."""
        for modality, signal in recording.signals.items():
            kept = self.excerpts.setdefault((modality, recording.label), [])
            subjects = [each.subject for each in kept]
            if len(kept) == WINDOWS:
                twice = [at for at, subject in enumerate(subjects) if subject in subjects[:at]]
                if recording.subject in subjects or not twice:
                    continue
                kept.pop(twice[-1])
            if np.isfinite(signal.values).any():
                kept.append(Excerpt(recording.subject, recording.name, middle(signal)))

    def span(self, modality: str) -> tuple[float, float]:
        """The range in which all but the outermost hundredths of this modality's values lie; (0, 1) for none."""
        kept = [each.signal.values for (name, _), some in self.excerpts.items() if name == modality for each in some]
        values = np.concatenate([each[np.isfinite(each)] for each in kept]) if kept else np.zeros(0)
        if not len(values):
            return 0.0, 1.0
        low, high = (float(edge) for edge in np.percentile(values, [1, 99]))
        return (low, high) if high > low else (low - 0.5, low + 0.5)


def middle(signal: Signal) -> Signal:
    """SECONDS from the middle of the signal, or LEAST_RECORDS where those take longer; all of a shorter one."""
    wanted = max(round(SECONDS * signal.rate_hz), LEAST_RECORDS)
    start = max((len(signal.values) - wanted) // 2, 0)
    return Signal(signal.values[start : start + wanted].copy(), signal.rate_hz)
