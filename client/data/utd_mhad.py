"""UTD-MHAD (Chen, Jafari and Kehtarnavaz, ICIP 2015): 27 actions, 8 subjects, 4 trials; one body sensor and a Kinect.

The published set has 861 of the 864 trials; a trial that is not there is no fault. The two sensors of one trial were
not cut to the same moments (their lengths have a ratio of about 2.6, not 50/30): use whole windows, each resampled by
itself. Depth pictures are made small while loading; a pixel of 0 is one that the Kinect saw nothing of.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard, ModalityCard, OptionCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import find_home, wrong_folder
from client.data.picture_files import layout_of, size_options, smaller
from client.data.recording import Recording, Signal
from client.data.request import natural
from client.data.source import Dataset, Request

ACTIONS = (  # a1 to a27, after the data set's own list
    "swipe left",
    "swipe right",
    "wave",
    "clap in front of the body",
    "throw",
    "cross arms on the chest",
    "basketball shoot",
    "draw a cross in the air",
    "draw a circle clockwise",
    "draw a circle counter-clockwise",
    "draw a triangle",
    "bowling",
    "boxing",
    "baseball swing",
    "tennis forehand swing",
    "arm curl",
    "tennis serve",
    "push with two hands",
    "knock on a door",
    "catch an object",
    "pick up and throw",
    "jogging in place",
    "walking in place",
    "sit to stand",
    "stand to sit",
    "forward lunge",
    "squat",
)
HIP_CENTER = 3  # of the 20 joints, counted from 0, after Skeleton_joint_order.txt
FILE_NAME = re.compile(r"a(\d+)_s(\d+)_t(\d+)_(inertial|skeleton|depth)\.mat")
FOLDERS = ("Inertial", "Skeleton", "Depth")
INERTIAL_COLUMNS = {"accelerometer": slice(0, 3), "gyroscope": slice(3, 6)}

CARD = DatasetCard(
    name="utd_mhad",
    title="UTD-MHAD",
    citation="C. Chen, R. Jafari, N. Kehtarnavaz: UTD-MHAD: a multimodal dataset for human action recognition "
    "utilizing a depth camera and a wearable inertial sensor. IEEE ICIP 2015.",
    terms="free for research, with citation",
    published_at="https://personal.utdallas.edu/~kehtar/UTD-MHAD.html",
    tree="Inertial/a<action>_s<subject>_t<trial>_inertial.mat   d_iner (time, 6)\n"
    "Skeleton/a<action>_s<subject>_t<trial>_skeleton.mat   d_skel (20, 3, time)\n"
    "Depth/a<action>_s<subject>_t<trial>_depth.mat   d_depth (240, 320, time)",
    simulated=False,
    classes=ACTIONS,
    modalities={
        "accelerometer": ModalityCard("inertial", 3, 50.0, "g"),
        "gyroscope": ModalityCard("inertial", 3, 50.0, "deg/s"),
        "skeleton": ModalityCard("skeleton", 60, 30.0, "m", (20, 3)),
        "depth": ModalityCard("depth", 768, 30.0, "mm", (24, 32, 1)),
    },
    options={
        **size_options(24, 32),
        "center": OptionCard(
            "hip",
            ("hip", "first", "none"),
            "the hip centre that every joint is taken against: each frame's, or the first's",
        ),
    },
)


class UtdMhad(Dataset):
    """The loader of UTD-MHAD."""

    card = CARD

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card with the size that depth pictures are made small to."""
        layout = layout_of(options, 1)
        depth = replace(CARD.modalities["depth"], channels=layout[0] * layout[1], layout=layout)
        return replace(CARD, modalities={**CARD.modalities, "depth": depth})

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The numbers behind _s in the file names."""
        return sorted({subject for subject, _, _ in trials_in(home_in(root))}, key=natural)

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per trial, by subject, action and trial."""
        home = home_in(asked.root)
        for subject, action, trial in trials_in(home):
            if subject not in asked.subjects:
                continue
            stem = f"a{action}_s{subject}_t{trial}"
            if not 1 <= action <= len(ACTIONS):
                policy.refuse(home / stem, f"there is no action {action}", expected=f"1 to {len(ACTIONS)}")
                continue
            signals: dict[str, Signal] = {}
            if any(modality in INERTIAL_COLUMNS for modality in asked.modalities):
                signals |= inertial_signals(home / "Inertial" / f"{stem}_inertial.mat", asked.modalities, policy)
            if "skeleton" in asked.modalities:
                center = str(asked.options["center"])
                signals |= skeleton_signal(home / "Skeleton" / f"{stem}_skeleton.mat", center, policy)
            if "depth" in asked.modalities:
                card = asked.card.modalities["depth"]
                signals |= depth_signal(home / "Depth" / f"{stem}_depth.mat", card, policy)
            if signals:
                in_order = {modality: signals[modality] for modality in asked.modalities if modality in signals}
                yield Recording(subject, action - 1, in_order, stem)


def home_in(root: Path | None) -> Path:
    """The folder that holds Inertial/, Skeleton/ or Depth/: `root`, or UTD-MHAD/ in it."""
    return find_home(CARD, root, lambda place: any((place / each).is_dir() for each in FOLDERS), ("UTD-MHAD",))


def trials_in(home: Path) -> list[tuple[str, int, int]]:
    """(subject, action, trial) of every file by its name, ordered by subject, action and trial."""
    found = {
        (str(int(match[2])), int(match[1]), int(match[3]))
        for folder in FOLDERS
        if (home / folder).is_dir()
        for path in (home / folder).iterdir()
        if (match := FILE_NAME.fullmatch(path.name))
    }
    if not found:
        raise wrong_folder(CARD, home, "Inertial/, Skeleton/ and Depth/ hold no file by a published name")
    return sorted(found, key=lambda trial: (natural(trial[0]), trial[1], trial[2]))


def read_variable(path: Path, variable: str, policy: CorruptPolicy) -> NDArray[np.float64] | None:
    """The named array of a .mat file; None where there is no such file, or, counted, where it cannot be read."""
    from scipy.io import loadmat

    if not path.exists():
        return None
    try:
        content = loadmat(path, variable_names=[variable])
    except Exception as error:  # a broken file makes the reader raise whatever its bytes lead it to
        policy.refuse(path, f"the file cannot be read as .mat ({type(error).__name__}: {error})")
        return None
    array = content.get(variable)
    if array is None:
        policy.refuse(path, f"the file holds no {variable}")
    elif array.dtype.kind not in "fiu":
        policy.refuse(path, f"{variable} holds no real numbers")
    else:
        return np.asarray(array, dtype=np.float64)
    return None


def inertial_signals(path: Path, wanted: Sequence[str], policy: CorruptPolicy) -> dict[str, Signal]:
    """Accelerometer (g) and gyroscope (deg/s), those wanted, each (time, 3); empty where the file is none or broken."""
    values = read_variable(path, "d_iner", policy)
    if values is None:
        return {}
    if values.ndim != 2 or values.shape[1] != 6:
        policy.refuse(path, f"d_iner has shape {values.shape}", expected="(time, 6)")
        return {}
    signals = {}
    for modality, columns in INERTIAL_COLUMNS.items():
        if modality in wanted:
            signal = policy.signal(values[:, columns], CARD.modalities[modality], path)
            if signal is None:
                return {}  # both are empty: told once
            signals[modality] = signal
    return signals


def skeleton_signal(path: Path, center: str, policy: CorruptPolicy) -> dict[str, Signal]:
    """The skeleton (time, 60), joint by joint x, y, z in metres; empty where the file is none or broken."""
    joints = read_variable(path, "d_skel", policy)
    if joints is None:
        return {}
    if joints.ndim == 2:
        joints = joints[:, :, None]  # a single frame loses its last axis in .mat
    if joints.ndim != 3 or joints.shape[:2] != (20, 3):
        policy.refuse(path, f"d_skel has shape {joints.shape}", expected="(20, 3, time)")
        return {}
    if center != "none":
        joints = joints - (joints[HIP_CENTER] if center == "hip" else joints[HIP_CENTER][:, :1])  # (3, time) or (3, 1)
    frames = joints.transpose(2, 0, 1).reshape(joints.shape[2], 60)  # (time, joint * axis)
    signal = policy.signal(frames, CARD.modalities["skeleton"], path)
    return {} if signal is None else {"skeleton": signal}


def depth_signal(path: Path, card: ModalityCard, policy: CorruptPolicy) -> dict[str, Signal]:
    """Depth pictures (time, height * width) of the card's size, row by row; empty where the file is none or broken."""
    pictures = read_variable(path, "d_depth", policy)
    if pictures is None:
        return {}
    if pictures.ndim == 2:
        pictures = pictures[:, :, None]  # a single frame loses its last axis in .mat
    if pictures.ndim != 3 or not pictures.size:
        policy.refuse(path, f"d_depth has shape {pictures.shape}", expected="(240, 320, time)")
        return {}
    small = smaller(pictures.transpose(2, 0, 1), *card.layout[:2], unseen=True)  # (time, height, width)
    signal = policy.signal(small.reshape(len(small), -1), card, path)
    return {} if signal is None else {"depth": signal}
