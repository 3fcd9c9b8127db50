"""GR4DHCI (Wang et al., arXiv 2401.03828, 2024): hand gestures over a desk, seen from above by a stereo infrared camera.

More than 7,000 samples with infrared pictures and the joints that the camera finds in them.

HOW THE DATA SET IS PUBLISHED COULD NOT BE CONFIRMED: neither its folders, nor its files' forms, nor the gestures' names
and numbers. Known from public code that uses it are eight classes and hands of 21 joints in space. So this loader reads
the tree on its card, which is this project's own: lay the samples out so. Classes are named by their number only, which
says nothing to a sentence encoder; bind by the skeleton, not by the label, or fill in the names once they are known.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from client.data.cards import DatasetCard, ModalityCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import find_home
from client.data.frame_files import numbered, stacked
from client.data.joints import CENTER, centred, read_table
from client.data.picture_files import layout_of, read_picture, size_options, smaller
from client.data.recording import Recording, Signal
from client.data.request import natural
from client.data.source import Dataset, Request

GESTURES = 8
JOINTS = 21
RATE_HZ = 30.0  # nominal, not confirmed; use whole windows
FORM = re.compile(r"subject_(\d+)/gesture_(\d+)/sample_(\d+)")

CARD = DatasetCard(
    name="gr4dhci",
    title="GR4DHCI",
    citation="Q. Wang, F. Zhu, G. Zhu, L. Zhang, N. Li, E. Gao: A multimodal gesture recognition dataset for desktop "
    "human-computer interaction. arXiv 2401.03828, 2024.",
    terms="ask its authors; not confirmed",
    published_at="https://arxiv.org/abs/2401.03828 (the files' own place could not be confirmed)",
    tree="subject_<n>/gesture_<1 to 8>/sample_<n>/   and there (this project's own layout, not the published one)\n"
    "    left_<0>.png    the left infrared picture of each frame, one band\n"
    "    skeleton.txt    a line per frame, 21 × (x y z), the wrist first, then four joints a finger from the thumb on",
    simulated=False,
    classes=tuple(f"gesture {number}" for number in range(1, GESTURES + 1)),
    modalities={
        "skeleton": ModalityCard("skeleton", JOINTS * 3, RATE_HZ, "as given", (JOINTS, 3)),
        "infrared": ModalityCard("infrared", 768, RATE_HZ, "1", (24, 32, 1)),
    },
    options={
        "center": CENTER,
        **size_options(24, 32),
    },
)


@dataclass(frozen=True)
class Sample:
    """One sample's folder."""

    subject: str
    gesture: int
    number: int
    place: Path


class Gr4dhci(Dataset):
    """The loader of GR4DHCI, from a layout of this project's own."""

    card = CARD

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card with the pictures' size."""
        layout = layout_of(options, 1)
        infrared = replace(CARD.modalities["infrared"], channels=layout[0] * layout[1], layout=layout)
        return replace(CARD, modalities={**CARD.modalities, "infrared": infrared})

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The numbers of the subject_<n> folders."""
        return sorted({sample.subject for sample in samples_in(root)}, key=natural)

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per sample, by subject, gesture and number."""
        center, cards = str(asked.options["center"]), asked.card.modalities
        for sample in samples_in(asked.root):
            if sample.subject not in asked.subjects:
                continue
            name = sample.place.relative_to(sample.place.parents[2]).as_posix()
            if not 1 <= sample.gesture <= GESTURES:
                policy.refuse(sample.place, f"there is no gesture {sample.gesture}", expected=f"1 to {GESTURES}")
                continue
            signals: dict[str, Signal] = {}
            for modality in asked.modalities:
                read = joints_of if modality == "skeleton" else pictures_of
                values = read(sample.place, cards[modality], center, policy)
                signal = None if values is None else policy.signal(values, cards[modality], sample.place)
                if signal is not None:
                    signals[modality] = signal
            if signals:
                yield Recording(sample.subject, sample.gesture - 1, signals, name)


def samples_in(root: Path | None) -> list[Sample]:
    """Every sample's folder by its name, ordered by subject, gesture and number. `root` holds subject_<n>."""

    def found(place: Path) -> list[Sample]:
        matches = {path: FORM.fullmatch(path.relative_to(place).as_posix()) for path in place.glob("subject_*/*/*")}
        return [Sample(str(int(m[1])), int(m[2]), int(m[3]), path) for path, m in matches.items() if m]

    home = find_home(CARD, root, lambda place: bool(found(place)), ("GR4DHCI",))
    return sorted(found(home), key=lambda sample: (natural(sample.subject), sample.gesture, sample.number))


def joints_of(place: Path, card: ModalityCard, center: str, policy: CorruptPolicy) -> NDArray[Any] | None:
    """(time, 63) against the wrist as asked; None where there is no file or, counted, it is broken."""
    table = read_table(place / "skeleton.txt", card.channels, policy)
    return None if table is None else centred(table, card.layout, center)


def pictures_of(place: Path, card: ModalityCard, _: str, policy: CorruptPolicy) -> NDArray[Any] | None:
    """(time, height * width) from 0 to 1; a picture that cannot be read is a gap, counted."""

    def read(path: Path) -> NDArray[Any]:
        picture = read_picture(path, 1)
        return smaller(picture, *card.layout[:2]) / (65535.0 if picture.dtype.itemsize > 1 else 255.0)

    return stacked(numbered(place, r"left_(\d+)\.png").values(), card.channels, read, policy)
