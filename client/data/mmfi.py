"""MM-Fi (Yang et al., NeurIPS 2023): 27 activities of 40 people seen by camera, lidar, radar and Wi-Fi, 297 frames each.

Four environments of ten people each: a subject is named with its environment, E01-S01 to E04-S40, so that a study can
put a node, or a whole group, into one room. Frames come one file each, at 10 Hz, and are placed by the number in their
name: a number that is missing, an empty file and a file that cannot be read are gaps in time. From the cameras only 17
body joints per picture are published, no picture.

radar    x, y, z, Doppler speed, intensity of each detection; the strongest are kept, the rest of the slots are NaN
lidar    x, y, z; as many as asked for, evenly spaced in the file's order
wifi_csi amplitudes; where a packet has values that are no numbers, as published files do, the packet's mean stands
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard, ModalityCard, OptionCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import find_home
from client.data.frame_files import numbered, stacked
from client.data.picture_files import layout_of, read_picture, size_options, smaller
from client.data.recording import Recording, Signal
from client.data.request import natural
from client.data.source import Dataset, Request

ACTIVITIES = (  # A01 to A27, after the data set's own list
    "stretching and relaxing",
    "horizontal chest expansion",
    "vertical chest expansion",
    "twisting to the left",
    "twisting to the right",
    "marking time",
    "limb extension on the left",
    "limb extension on the right",
    "lunge toward the left front",
    "lunge toward the right front",
    "limb extension on both sides",
    "squat",
    "raising the left hand",
    "raising the right hand",
    "lunge toward the left side",
    "lunge toward the right side",
    "waving the left hand",
    "waving the right hand",
    "picking up things",
    "throwing toward the left side",
    "throwing toward the right side",
    "kicking toward the left side",
    "kicking toward the right side",
    "body extension on the left",
    "body extension on the right",
    "jumping up",
    "bowing",
)
DAILY = (2, 3, 4, 5, 13, 14, 17, 18, 19, 20, 21, 22, 23, 27)  # the published protocol 1; the others are protocol 2
RATE_HZ = 10.0
JOINTS = 17

CARD = DatasetCard(
    name="mmfi",
    title="MM-Fi",
    citation="J. Yang, H. Huang, Y. Zhou, X. Chen, Y. Xu, S. Yuan, H. Zou, C. X. Lu, L. Xie: MM-Fi: multi-modal "
    "non-intrusive 4D human dataset for versatile wireless sensing. NeurIPS 2023, datasets and benchmarks.",
    terms="research and other non-commercial use, with citation; see the project page",
    published_at="https://ntu-aiot-lab.github.io/mm-fi",
    tree="E<environment>/S<subject>/A<activity>/   E01 to E04, S01 to S40, A01 to A27, and there\n"
    "    ground_truth.npy          (297, 17, 3) joints\n"
    "    depth/frame<001>.png      16 bit, millimetres\n"
    "    infra1/, infra2/, rgb/    frame<001>.npy, 17 joints in the picture\n"
    "    lidar/frame<001>.bin      float64, x y z\n"
    "    mmwave/frame<001>.bin     float64, x y z speed intensity\n"
    "    wifi-csi/frame<001>.mat   CSIamp (3, 114, 10)",
    simulated=False,
    classes=ACTIVITIES,
    modalities={
        "skeleton": ModalityCard("skeleton", JOINTS * 3, RATE_HZ, "m", (JOINTS, 3)),
        "depth": ModalityCard("depth", 768, RATE_HZ, "m", (24, 32, 1)),
        "lidar": ModalityCard("points", 192, RATE_HZ, "m", (64, 3)),
        "radar": ModalityCard("points", 160, RATE_HZ, "m", (32, 5)),
        "wifi_csi": ModalityCard("csi", 3420, RATE_HZ, "1", (3, 114, 10)),
        "rgb_joints": ModalityCard("skeleton", JOINTS * 2, RATE_HZ, "pixel", (JOINTS, 2)),
        "infra1_joints": ModalityCard("skeleton", JOINTS * 2, RATE_HZ, "pixel", (JOINTS, 2)),
        "infra2_joints": ModalityCard("skeleton", JOINTS * 2, RATE_HZ, "pixel", (JOINTS, 2)),
    },
    options={
        "activities": OptionCard("all", ("all", "daily", "rehabilitation"), "which activities are the classes"),
        "every": OptionCard(1, (), "reads each n-th frame alone, at 10/n Hz: CSI needs 14 kB of memory a frame"),
        "radar_points": OptionCard(32, (), "slots for radar detections in a frame"),
        "lidar_points": OptionCard(64, (), "slots for lidar points in a frame"),
        **size_options(24, 32),
    },
)


class MmFi(Dataset):
    """The loader of MM-Fi."""

    card = CARD

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card with the chosen activities, frame rate, picture size and slots for points."""
        layouts = {
            "depth": layout_of(options, 1),
            "lidar": (int(options["lidar_points"]), 3),
            "radar": (int(options["radar_points"]), 5),
        }
        modalities = {}
        for name, card in CARD.modalities.items():
            layout = layouts.get(name, card.layout)
            channels = int(np.prod(layout))
            modalities[name] = replace(card, channels=channels, layout=layout, rate_hz=RATE_HZ / options["every"])
        classes = tuple(ACTIVITIES[number - 1] for number in activities_of(options["activities"]))
        return replace(CARD, classes=classes, modalities=modalities)

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The folders E<environment>/S<subject>, as E01-S01."""
        return list(folders_in(root))

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per subject and activity."""
        folders, every = folders_in(asked.root), int(asked.options["every"])
        for subject in asked.subjects:
            for label, number in enumerate(activities_of(asked.options["activities"])):
                place = folders[subject] / f"A{number:02d}"
                signals = {
                    modality: signal
                    for modality in asked.modalities
                    if (signal := read_signal(place, modality, asked.card.modalities[modality], every, policy))
                    is not None
                }
                if signals:
                    yield Recording(subject, label, signals, f"{subject} A{number:02d}")


def activities_of(which: str) -> tuple[int, ...]:
    """The numbers of the activities of one of the option's choices, in rising order."""
    everything = range(1, len(ACTIVITIES) + 1)
    return tuple(n for n in everything if which == "all" or (n in DAILY) == (which == "daily"))


def folders_in(root: Path | None) -> dict[str, Path]:
    """Subject with its environment -> folder, in natural order. `root` holds E01 to E04, or is one folder above."""

    def found(place: Path) -> dict[str, Path]:
        folders = {
            f"{room.name}-{person.name}": person
            for room in place.glob("E*")
            for person in room.glob("S*")
            if re.fullmatch(r"E\d+", room.name) and re.fullmatch(r"S\d+", person.name) and person.is_dir()
        }
        return {name: folders[name] for name in sorted(folders, key=natural)}

    return found(find_home(CARD, root, lambda place: bool(found(place)), ("MMFi_Dataset", "MMFi", "MM-Fi")))


@dataclass(frozen=True)
class FrameFiles:
    """Where one modality's frames lie, and how one becomes numbers: (path, layout) -> an array of the layout's shape."""

    folder: str
    ending: str
    read: Callable[[Path, tuple[int, ...]], NDArray[Any]]


def read_signal(place: Path, modality: str, card: ModalityCard, every: int, policy: CorruptPolicy) -> Signal | None:
    """One activity's signal of a modality, (time, channel); None where there is none, or, counted, none can be read."""
    if modality == "skeleton":
        return read_ground_truth(place / "ground_truth.npy", card, every, policy)
    source = SOURCES[modality]
    files = numbered(place / source.folder, rf"frame(\d+)\.{source.ending}")
    if not files:
        return None
    frames = [files.get(number) for number in range(1, max(files) + 1, every)]
    values = stacked(frames, card.channels, lambda path: source.read(path, card.layout), policy)
    return None if values is None else policy.signal(values, card, place / source.folder)


def read_ground_truth(path: Path, card: ModalityCard, every: int, policy: CorruptPolicy) -> Signal | None:
    """The joints in space, (time, 51); None where the file is none or, counted, broken."""
    if not path.exists():
        return None
    try:
        joints = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        policy.refuse(path, f"the file cannot be read as .npy ({error})")
        return None
    if joints.ndim != 3 or joints.shape[1:] != card.layout:
        policy.refuse(path, f"the joints have shape {joints.shape}", expected=f"(time, {JOINTS}, 3)")
        return None
    return policy.signal(joints[::every].reshape(len(joints[::every]), -1), card, path)


def depth_frame(path: Path, layout: tuple[int, ...]) -> NDArray[Any]:
    """(height, width) in metres, 0 where nothing was seen."""
    return smaller(read_picture(path, 1), *layout[:2], unseen=True) / 1000.0


def joints_frame(path: Path, layout: tuple[int, ...]) -> NDArray[Any]:
    """17 joints' places in the picture, (17, 2); further numbers of a joint are left out."""
    joints = np.load(path, allow_pickle=False)
    if joints.ndim != 2 or len(joints) != layout[0] or joints.shape[1] < 2:
        raise ValueError(f"joints of shape {joints.shape}, not {layout}")
    return np.asarray(joints[:, :2])


def points_frame(path: Path, layout: tuple[int, ...]) -> NDArray[Any]:
    """(slots, numbers), absent points NaN. Too many: radar's strongest, lidar's evenly spaced."""
    slots, numbers = layout
    points = np.frombuffer(path.read_bytes(), dtype=np.float64).reshape(-1, numbers)
    if len(points) > slots and numbers == 5:
        points = points[np.sort(np.argsort(-points[:, 4], kind="stable")[:slots])]
    elif len(points) > slots:
        points = points[np.linspace(0, len(points) - 1, slots).round().astype(int)]
    cloud = np.full(layout, np.nan)
    cloud[: len(points)] = points
    return cloud


def csi_frame(path: Path, layout: tuple[int, ...]) -> NDArray[Any]:
    """(antennas, subcarriers, packets); NaN throughout where no value of the frame is a number."""
    from scipy.io import loadmat

    amplitude = np.array(loadmat(path, variable_names=["CSIamp"])["CSIamp"], dtype=np.float64)
    if amplitude.shape != layout:
        raise ValueError(f"CSIamp has shape {amplitude.shape}, not {layout}")
    known = np.isfinite(amplitude)
    if not known.any():
        return np.full(layout, np.nan)
    count = known.sum((0, 1))  # (packet,)
    total = np.where(known, amplitude, 0.0).sum((0, 1))
    mean = np.where(count, total / np.maximum(count, 1), total.sum() / count.sum())
    return np.where(known, amplitude, mean)


SOURCES = {
    "depth": FrameFiles("depth", "png", depth_frame),
    "lidar": FrameFiles("lidar", "bin", points_frame),
    "radar": FrameFiles("mmwave", "bin", points_frame),
    "wifi_csi": FrameFiles("wifi-csi", "mat", csi_frame),
    "rgb_joints": FrameFiles("rgb", "npy", joints_frame),
    "infra1_joints": FrameFiles("infra1", "npy", joints_frame),
    "infra2_joints": FrameFiles("infra2", "npy", joints_frame),
}
