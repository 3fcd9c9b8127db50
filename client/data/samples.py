"""Windows of equal length, ready for a model: one row per sample, one array per modality."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNLABELLED = -1


@dataclass(frozen=True)
class SampleSet:
    """n samples. Rows whose modality is not present hold zeros there.

    Raises ValueError where the parts do not fit one another (a fault of the code, not of the user).
    """

    arrays: dict[str, NDArray[np.float32]]  # modality -> (n, frames, channel)
    present: dict[str, NDArray[np.bool_]]  # modality -> (n,)
    label: NDArray[np.int64]  # (n,), -1 unlabelled
    subject: NDArray[np.str_]  # (n,)
    recording: NDArray[np.int64]  # (n,), index into the recordings the windows were cut from

    def __post_init__(self) -> None:
        n = len(self.label)
        if set(self.arrays) != set(self.present):
            raise ValueError(f"arrays of {sorted(self.arrays)} but presence of {sorted(self.present)}")
        for modality, array in self.arrays.items():
            if array.ndim != 3:
                raise ValueError(f"{modality}: expected (n, frames, channel), got shape {array.shape}")
            if len(array) != n or self.present[modality].shape != (n,):
                raise ValueError(f"{modality}: {len(array)} samples and {n} labels")
        if self.subject.shape != (n,) or self.recording.shape != (n,):
            raise ValueError("subject and recording need one entry per sample")

    def __len__(self) -> int:
        return len(self.label)

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.arrays)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "SampleSet":
        """These rows (indices or a mask), in that order."""
        return SampleSet(
            arrays={modality: array[rows] for modality, array in self.arrays.items()},
            present={modality: there[rows] for modality, there in self.present.items()},
            label=self.label[rows],
            subject=self.subject[rows],
            recording=self.recording[rows],
        )

    def only(self, modalities: Sequence[str]) -> "SampleSet":
        """The same samples with these modalities alone."""
        return SampleSet(
            arrays={modality: self.arrays[modality] for modality in modalities},
            present={modality: self.present[modality] for modality in modalities},
            label=self.label,
            subject=self.subject,
            recording=self.recording,
        )


def concatenate(parts: Sequence[SampleSet]) -> SampleSet:
    """The parts' samples one after another; recordings are renumbered so that no two parts share a number.

    All parts hold the same modalities with the same frames and channels; ValueError otherwise.
    """
    if not parts:
        raise ValueError("nothing to concatenate")
    modalities = parts[0].modalities
    if any(set(part.modalities) != set(modalities) for part in parts):
        raise ValueError("the parts hold different modalities")
    recording, offset = [], 0
    for part in parts:
        recording.append(part.recording + offset)
        offset += int(part.recording.max(initial=-1)) + 1
    return SampleSet(
        arrays={modality: np.concatenate([part.arrays[modality] for part in parts]) for modality in modalities},
        present={modality: np.concatenate([part.present[modality] for part in parts]) for modality in modalities},
        label=np.concatenate([part.label for part in parts]),
        subject=np.concatenate([part.subject for part in parts]),
        recording=np.concatenate(recording),
    )
