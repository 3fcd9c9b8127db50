"""DHG-14/28 (De Smedt et al., CVPR workshops 2016): 14 hand gestures, with one finger and with the whole hand, 20 people.

Each trial (essai) has depth pictures of 640 × 480 and 22 joints per frame in space and in the picture, at 30 Hz. A file
beside the gestures says from which frame to which the gesture itself lasts, counted from 0, both included; before and
after that the hand waits. The order of the gestures' names is that of most users of the data set and of its successor
of 2017; one public list puts "tap" after the rotations and "swipe v" before "swipe plus".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard, ModalityCard, OptionCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import find_home, wrong_folder
from client.data.frame_files import numbered, stacked
from client.data.joints import CENTER, centred, read_table
from client.data.picture_files import layout_of, read_picture, size_options, smaller
from client.data.recording import Recording, Signal
from client.data.request import natural
from client.data.source import Dataset, Request

GESTURES = (  # gesture_1 to gesture_14
    "grab",
    "tap",
    "expand",
    "pinch",
    "rotate clockwise",
    "rotate counter-clockwise",
    "swipe right",
    "swipe left",
    "swipe up",
    "swipe down",
    "swipe an x",
    "swipe a plus",
    "swipe a v",
    "shake",
)
FINGERS = ("with one finger", "with the whole hand")  # finger_1, finger_2
CUTS = "informations_troncage_sequences.txt"
RATE_HZ = 30.0
JOINTS = 22

CARD = DatasetCard(
    name="dhg",
    title="DHG-14/28",
    citation="Q. De Smedt, H. Wannous, J.-P. Vandeborre: Dynamic hand gesture recognition using skeleton-based features. "
    "IEEE CVPR workshops 2016.",
    terms="research use, with citation",
    published_at="http://www-rech.telecom-lille.fr/DHGdataset/",
    tree="gesture_<1 to 14>/finger_<1, 2>/subject_<1 to 20>/essai_<1 to 5>/   and there\n"
    "    skeleton_world.txt        a line per frame, 22 × (x y z)\n"
    "    skeleton_image.txt        a line per frame, 22 × (x y)\n"
    "    depth_<1>.png             16 bit\n"
    "    general_information.txt   a line per frame: time, and x y width height of the hand in the picture\n" + CUTS,
    simulated=False,
    classes=GESTURES,
    modalities={
        "skeleton": ModalityCard("skeleton", JOINTS * 3, RATE_HZ, "m", (JOINTS, 3)),
        "skeleton_image": ModalityCard("skeleton", JOINTS * 2, RATE_HZ, "pixel", (JOINTS, 2)),
        "depth": ModalityCard("depth", 768, RATE_HZ, "mm", (24, 32, 1)),
    },
    options={
        "classes": OptionCard(
            "14", ("14", "28"), "the gestures, or each of them with one finger and with the whole hand"
        ),
        "cut": OptionCard("gesture", ("gesture", "whole"), "from the gesture's first frame to its last, or all frames"),
        "center": CENTER,
        "region": OptionCard("picture", ("picture", "hand"), "the depth picture, or the box the hand stays within"),
        **size_options(24, 32),
    },
)


@dataclass(frozen=True)
class Trial:
    """One essai folder, and where its gesture lies if that is told."""

    subject: str
    gesture: int
    finger: int
    essai: int
    place: Path

    @property
    def key(self) -> tuple[int, ...]:
        return self.gesture, self.finger, int(self.subject), self.essai


class Dhg(Dataset):
    """The loader of DHG-14/28."""

    card = CARD

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card with 14 or 28 classes and the size of the depth pictures."""
        layout = layout_of(options, 1)
        depth = replace(CARD.modalities["depth"], channels=layout[0] * layout[1], layout=layout)
        both = tuple(f"{gesture} {finger}" for gesture in GESTURES for finger in FINGERS)
        return replace(
            CARD,
            classes=both if options["classes"] == "28" else GESTURES,
            modalities={**CARD.modalities, "depth": depth},
        )

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The numbers of the subject_<n> folders."""
        return sorted({trial.subject for trial in trials_in(home_in(root))}, key=natural)

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per trial, by subject, gesture, finger and essai."""
        chosen, cards, home = asked.options, asked.card.modalities, home_in(asked.root)
        cuts = cuts_in(home, policy) if chosen["cut"] == "gesture" else {}
        for trial in trials_in(home):
            if trial.subject not in asked.subjects:
                continue
            frames = cuts.get(trial.key, slice(None))
            signals: dict[str, Signal] = {}
            for modality in asked.modalities:
                values = (
                    read_depth(trial.place, cards["depth"].layout, chosen["region"], policy)
                    if modality == "depth"
                    else read_joints(trial.place, modality, chosen["center"], cards[modality], policy)
                )
                signal = None if values is None else policy.signal(values[frames], cards[modality], trial.place)
                if signal is not None:
                    signals[modality] = signal
            if signals:
                gesture, finger = trial.gesture - 1, trial.finger - 1
                label = gesture * len(FINGERS) + finger if chosen["classes"] == "28" else gesture
                name = f"gesture {trial.gesture} finger {trial.finger} subject {trial.subject} essai {trial.essai}"
                yield Recording(trial.subject, label, signals, name)


def home_in(root: Path | None) -> Path:
    """The folder that holds gesture_1 and the others: `root`, or DHG2016/ in it."""
    return find_home(CARD, root, lambda place: any(place.glob("gesture_*/finger_*")), ("DHG2016", "DHG", "DHG14-28"))


def trials_in(home: Path) -> list[Trial]:
    """Every essai folder by its name, ordered by subject, gesture, finger and essai."""
    form = re.compile(r"gesture_(\d+)/finger_(\d+)/subject_(\d+)/essai_(\d+)")
    found = []
    for place in home.glob("gesture_*/finger_*/subject_*/essai_*"):
        match = form.fullmatch(place.relative_to(home).as_posix())
        if match and 1 <= int(match[1]) <= len(GESTURES) and 1 <= int(match[2]) <= len(FINGERS):
            found.append(Trial(str(int(match[3])), int(match[1]), int(match[2]), int(match[4]), place))
    if not found:
        raise wrong_folder(CARD, home, "there is no folder gesture_<n>/finger_<n>/subject_<n>/essai_<n>")
    return sorted(found, key=lambda trial: (natural(trial.subject), trial.key))


def cuts_in(home: Path, policy: CorruptPolicy) -> dict[tuple[int, ...], slice]:
    """(gesture, finger, subject, essai) -> the gesture's frames. Raises UserError where the file is missing.

    A trial that the file does not name, or whose frames are in no order, is taken whole; the latter is counted.
    """
    path = home / CUTS
    if not path.is_file():
        raise wrong_folder(CARD, home, f"{CUTS} is missing; without it set the option cut to whole")
    cuts = {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            *trial, first, last = (int(word) for word in words[:6])
            if len(trial) != 4 or not 0 <= first < last:
                raise ValueError
        except ValueError:
            policy.refuse(f"{path}:{number}", f"no trial with its first and last frame: {line[:60]!r}")
            continue
        cuts[tuple(trial)] = slice(first, last + 1)
    return cuts


def read_joints(
    place: Path, modality: str, center: str, card: ModalityCard, policy: CorruptPolicy
) -> NDArray[np.float64] | None:
    """(time, joint * number); in space against the wrist as asked. None where there is no file or, counted, it is broken."""
    path = place / ("skeleton_world.txt" if modality == "skeleton" else "skeleton_image.txt")
    table = read_table(path, card.channels, policy)
    return table if table is None or modality != "skeleton" else centred(table, card.layout, center)


def read_depth(place: Path, layout: tuple[int, ...], region: str, policy: CorruptPolicy) -> NDArray[np.float32] | None:
    """(time, height * width) of the pictures in the order of their numbers; one that cannot be read is a gap, counted."""
    files = numbered(place, r"depth_(\d+)\.png")
    if not files:
        return None
    box = hand_box(place, policy) if region == "hand" else (slice(None), slice(None))
    if box is None:
        return None
    return stacked(
        files.values(),
        layout[0] * layout[1],
        lambda path: smaller(read_picture(path, 1)[box], *layout[:2], unseen=True),
        policy,
    )


def hand_box(place: Path, policy: CorruptPolicy) -> tuple[slice, slice] | None:
    """Rows and columns of the picture that the hand stays within, by the boxes of all frames; None where untold."""
    names = ("general_information.txt", "general_informations.txt")  # published text and files differ in this
    path = next((place / name for name in names if (place / name).exists()), place / names[0])
    if not path.exists():
        policy.refuse(path, "the file that says where the hand is is missing")
        return None
    table = read_table(path, 5, policy)
    if table is None:
        return None
    left, top, width, height = table[:, 1:].T
    if not np.isfinite(table).all() or min((left + width).min(), (top + height).min(), width.min(), height.min()) < 1:
        policy.refuse(path, "the hand's box lies outside the picture")
        return None
    return (
        slice(max(0, int(top.min())), int(np.ceil((top + height).max()))),
        slice(max(0, int(left.min())), int(np.ceil((left + width).max()))),
    )
