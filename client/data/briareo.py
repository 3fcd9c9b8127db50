"""Briareo (Manganaro et al., ICIAP 2019): 12 hand gestures in a car's tunnel console, 40 people, 3 repetitions each.

Three cameras: a time-of-flight one (depth), a stereo infrared one that also gives the hand's joints, and a colour one.
A subject is named with the published part it lies in (train-000), since nothing tells whether numbers repeat there.
A thirteenth folder, g12_test, holds long videos of all gestures and is left out.

What could be confirmed from public code that reads the data set: persons, g00 to g12_test and repetitions as folders,
L/raw/000_rl.png and R/raw/000_rr.png of the infrared camera below leap_motion/train, colour as .png one folder below
the repetition's, depth as .npz with arr_0, and the keys of the joints' JSON up to the finger tips. Not confirmed: the
names of the files of depth, colour and joints, and the keys of the bones. So these files are looked for by their ending
anywhere below a repetition's folder and ordered by the number that their names begin with, and the bones are read only
where the option `hand` asks for them. Frame rates differ by camera and are not told in the files: use whole windows.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard, ModalityCard, OptionCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import find_home
from client.data.frame_files import stacked
from client.data.picture_files import layout_of, read_picture, size_options, smaller
from client.data.recording import Recording, Signal
from client.data.request import natural
from client.data.source import Dataset, Request

GESTURES = (  # g00 to g11
    "fist",
    "pinch",
    "flip over",
    "telephone call",
    "right swipe",
    "left swipe",
    "top-down swipe",
    "bottom-up swipe",
    "thumb up",
    "point",
    "clockwise rotation",
    "counter-clockwise rotation",
)
RATE_HZ = 30.0  # nominal, not told
FINGERS = 5
HANDS = {"tips": 2 + FINGERS, "bones": 1 + 4 * FINGERS}  # option -> joints
FOLDERS = {"joints": ("leap_motion",), "infrared": ("leap_motion",), "depth": ("tof", "depth"), "rgb": ("rgb",)}
FILES = {  # modality -> the form of a file's path below the repetition's folder, the frame's number its first group
    "joints": re.compile(r"(?:.*/)?(\d+)[^/]*\.json"),
    "infrared": re.compile(r"(?:.*/)?L/raw/(\d+)_rl\.png"),
    "depth": re.compile(r"(?:.*/)?(\d+)[^/]*\.npz"),
    "rgb": re.compile(r"(?:.*/)?(\d+)[^/]*\.(?:png|jpg)"),
}

CARD = DatasetCard(
    name="briareo",
    title="Briareo",
    citation="F. Manganaro, S. Pini, G. Borghi, R. Vezzani, R. Cucchiara: Hand gestures for the human-car interaction: "
    "the Briareo dataset. ICIAP 2019.",
    terms="research use, with citation; see the project page",
    published_at="https://aimagelab.ing.unimore.it/imagelab/page.asp?IdPage=31",
    tree="<folder>/<train, test>/<000>/<g00 to g11>/<00>/   person, gesture, repetition; and there, by folder\n"
    "    leap_motion/   L/raw/<000>_rl.png, and R/ likewise; <000>*.json anywhere below: joints\n"
    "    tof/           <000>*.npz anywhere below: depth, arr_0 (171, 224)\n"
    "    rgb/           <000>*.png anywhere below: colour",
    simulated=False,
    classes=GESTURES,
    modalities={
        "joints": ModalityCard("skeleton", 21, RATE_HZ, "mm", (7, 3)),
        "infrared": ModalityCard("infrared", 768, RATE_HZ, "1", (24, 32, 1)),
        "depth": ModalityCard("depth", 768, RATE_HZ, "as stored", (24, 32, 1)),
        "rgb": ModalityCard("image", 2304, RATE_HZ, "1", (24, 32, 3)),
    },
    options={
        "hand": OptionCard("tips", tuple(HANDS), "wrist, palm and finger tips; or the wrist and four joints a finger"),
        **size_options(24, 32),
    },
)


@dataclass(frozen=True, order=True)
class Trial:
    """One repetition of a gesture, below every modality's folder."""

    part: str
    person: str
    gesture: int
    repetition: str

    @property
    def subject(self) -> str:
        return f"{self.part}-{self.person}"

    @property
    def path(self) -> Path:
        return Path(self.part, self.person, f"g{self.gesture:02d}", self.repetition)


class Briareo(Dataset):
    """The loader of Briareo."""

    card = CARD

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card with the pictures' size and the number of joints."""
        modalities = {}
        for name, card in CARD.modalities.items():
            layout = (HANDS[options["hand"]], 3) if name == "joints" else layout_of(options, card.layout[2])
            modalities[name] = replace(card, channels=int(np.prod(layout)), layout=layout)
        return replace(CARD, modalities=modalities)

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The persons' folders, each with the part it lies in."""
        return sorted({trial.subject for trial in trials_in(home_in(root))}, key=natural)

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per person, gesture and repetition."""
        home, hand = home_in(asked.root), str(asked.options["hand"])
        for trial in trials_in(home):
            if trial.subject not in asked.subjects:
                continue
            signals: dict[str, Signal] = {}
            for modality in asked.modalities:
                files = frames_of(home, trial, modality)
                card = asked.card.modalities[modality]
                values = stacked(files, card.channels, partial(read_frame, card=card, hand=hand), policy)
                signal = None if values is None else policy.signal(values, card, files[0])
                if signal is not None:
                    signals[modality] = signal
            if signals:
                yield Recording(trial.subject, trial.gesture, signals, str(trial.path))


def home_in(root: Path | None) -> Path:
    """The folder that holds leap_motion/, tof/ or rgb/: `root`, or Briareo/ in it."""
    names = sorted({name for folders in FOLDERS.values() for name in folders})
    return find_home(CARD, root, lambda place: any(any(place.glob(f"{name}/t*/*/g*")) for name in names), ("Briareo",))


def trials_in(home: Path) -> list[Trial]:
    """Every repetition's folder of any modality, by part, person, gesture and repetition; reads none."""
    form = re.compile(r"[^/]+/(train|test)/(\d+)/g(\d+)/(\d+)")
    matches = [form.fullmatch(place.relative_to(home).as_posix()) for place in home.glob("*/*/*/g*/*")]
    return sorted({Trial(m[1], m[2], int(m[3]), m[4]) for m in matches if m and int(m[3]) < len(GESTURES)})


def frames_of(home: Path, trial: Trial, modality: str) -> list[Path]:
    """The modality's files of one repetition in the order of their numbers; empty where it has none."""
    for folder in FOLDERS[modality]:
        place = home / folder / trial.path
        below = {path.relative_to(place).as_posix(): path for path in place.rglob("*.*")} if place.is_dir() else {}
        found = {(int(m[1]), name): path for name, path in below.items() if (m := FILES[modality].fullmatch(name))}
        if found:
            return [found[key] for key in sorted(found)]
    return []


def read_frame(path: Path, card: ModalityCard, hand: str) -> NDArray[Any]:
    """One file as an array of the card's layout; NaN throughout where the camera saw no hand."""
    if card.kind == "skeleton":
        return joints_of(json.loads(path.read_text()), hand)
    if card.kind == "depth":
        with np.load(path, allow_pickle=False) as content:
            picture = np.asarray(content["arr_0"])
        if picture.ndim != 2:
            raise ValueError(f"a depth picture of shape {picture.shape}")
        return smaller(picture, *card.layout[:2], unseen=True)
    picture = read_picture(path, card.layout[2])
    full = 65535.0 if picture.dtype.itemsize > 1 else 255.0
    bands = picture.transpose(2, 0, 1) if picture.ndim == 3 else picture[None]
    return smaller(bands, *card.layout[:2]).transpose(1, 2, 0) / full


def joints_of(content: Mapping[str, Any], hand: str) -> NDArray[np.float64]:
    """(joint, 3) in mm: wrist, palm and tips, or wrist and the far end of each finger's four bones.

    Every place is given as x y z, followed by the same in the camera's own box, which is left out.
    """
    if content["frame"] == "invalid":
        return np.full((HANDS[hand], 3), np.nan)
    found = content["frame"]["right_hand"]
    fingers = [found["pointables"][f"p_{finger}"] for finger in range(FINGERS)]
    if hand == "tips":
        places = [found["wrist_position"], found["palm_position"], *(finger["tip_position"] for finger in fingers)]
    else:
        bones = [finger["bones"][name] for finger in fingers for name in sorted(finger["bones"])]
        places = [found["wrist_position"], *(bone["next_joint"] for bone in bones)]
    return np.array([place[:3] for place in places], dtype=np.float64)
