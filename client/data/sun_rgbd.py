"""SUN RGB-D (Song et al., CVPR 2015): single pictures of rooms with depth, from four kinds of camera.

The task is to name the room; of the 45 kinds of room the 19 with more than 80 pictures are the usual classes, others
are left out. A recording is one picture: one frame. Who a "subject" is, is an option, since a study may want a camera,
a collection or a place to be a node. Pictures of one place must not fall on both sides of a split: in `part`, ten parts
of every camera's pictures, those of one place (Sun3D) or one session (Kinect 2) stay together; of the other collections
nothing is known that would tell two pictures of one room.

depth         metres; stored with its bits turned by three (the low ones come first), 0 where nothing was seen
segmentation  is no part of what is published: MMBind made such pictures with a segmentation model. One that lies in
              segmentation/ beside image/ is read like a colour picture
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard, ModalityCard, OptionCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import find_home
from client.data.picture_files import layout_of, read_picture, size_options, smaller
from client.data.recording import Recording, Signal
from client.data.request import natural
from client.data.source import Dataset, Request

SCENES = (
    "bathroom", "bedroom", "classroom", "computer_room", "conference_room", "corridor", "dining_area", "dining_room",
    "discussion_area", "furniture_store", "home_office", "kitchen", "lab", "lecture_theatre", "library", "living_room",
    "office", "rest_space", "study_space",
)  # fmt: skip
SENSORS = ("kv1", "kv2", "realsense", "xtion")
FARTHEST_M = 8.0  # what lies beyond is cut off, as the data set's own tools do
PARTS = 10
RATE_HZ = 1.0  # a picture has none; the number only serves those who ask for a duration

CARD = DatasetCard(
    name="sun_rgbd",
    title="SUN RGB-D",
    citation="S. Song, S. P. Lichtenberg, J. Xiao: SUN RGB-D: a RGB-D scene understanding benchmark suite. CVPR 2015. "
    "With NYU depth v2 (Silberman et al. 2012), B3DO (Janoch et al. 2011) and SUN3D (Xiao et al. 2013).",
    terms="research use, with citation of all four",
    published_at="https://rgbd.cs.princeton.edu/",
    tree="<kv1, kv2, realsense, xtion>/<collection>/<scene folder>/   (sun3ddata: <place>/<walk>/<scene folder>)   and there\n"
    "    scene.txt         the kind of room\n"
    "    image/*.jpg       colour\n"
    "    depth_bfx/*.png   depth with holes filled; depth/*.png as recorded",
    simulated=False,
    classes=tuple(scene.replace("_", " ") for scene in SCENES),
    modalities={
        "rgb": ModalityCard("image", 9216, RATE_HZ, "1", (48, 64, 3)),
        "depth": ModalityCard("depth", 3072, RATE_HZ, "m", (48, 64, 1)),
        "segmentation": ModalityCard("image", 9216, RATE_HZ, "1", (48, 64, 3)),
    },
    options={
        "subject": OptionCard(
            "part",
            ("part", "sensor", "collection", "place"),
            "what counts as a subject: kv1-3, kv1, kv1/NYUdata, a place",
        ),
        "depth": OptionCard("filled", ("filled", "recorded"), "depth_bfx or depth"),
        **size_options(48, 64),
    },
)


@dataclass(frozen=True)
class Scene:
    """One scene folder by its path below the data set's own."""

    at: PurePosixPath
    place: Path

    @property
    def group(self) -> str:
        """What must stay together: a place, a session, or the picture alone."""
        parts = self.at.parts
        if len(parts) > 3:
            return "/".join(parts[:3])
        session = re.fullmatch(r"\d+_(.+)_rgbf\d+.*", parts[-1])
        return "/".join((*parts[:2], session[1])) if session else str(self.at)

    def subject(self, by: str) -> str:
        """The subject's name by one of the option's choices."""
        parts = self.at.parts
        if by == "part":
            return f"{parts[0]}-{crc32(self.group.encode()) % PARTS + 1}"
        if by == "place":
            return "/".join(parts[:3] if len(parts) > 3 else parts[:2])
        return "/".join(parts[: 1 if by == "sensor" else 2])


class SunRgbd(Dataset):
    """The loader of SUN RGB-D."""

    card = CARD

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card with the pictures' size."""
        modalities = {}
        for name, card in CARD.modalities.items():
            layout = layout_of(options, card.layout[2])
            modalities[name] = replace(card, channels=int(np.prod(layout)), layout=layout)
        return replace(CARD, modalities=modalities)

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """Parts, cameras, collections or places that hold a scene folder, whatever its room."""
        return sorted({scene.subject(str(options["subject"])) for scene in scenes_in(root)}, key=natural)

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording of one frame per scene folder, by subject and path."""
        scenes = [(scene.subject(str(asked.options["subject"])), scene) for scene in scenes_in(asked.root)]
        folders = {
            "rgb": "image",
            "segmentation": "segmentation",
            "depth": "depth_bfx" if asked.options["depth"] == "filled" else "depth",
        }
        for subject, scene in sorted(scenes, key=lambda each: (natural(each[0]), str(each[1].at))):
            if subject not in asked.subjects:
                continue
            label = label_of(scene.place / "scene.txt", policy)
            if label is None:
                continue
            signals = {
                modality: signal
                for modality in asked.modalities
                if (signal := picture_signal(scene.place / folders[modality], asked.card.modalities[modality], policy))
                is not None
            }
            if signals:
                yield Recording(subject, label, signals, str(scene.at))


def scenes_in(root: Path | None) -> list[Scene]:
    """Every folder with a scene.txt below a camera's. `root` is SUNRGBD or the folder that holds it."""
    home = find_home(CARD, root, lambda place: any((place / each).is_dir() for each in SENSORS), ("SUNRGBD",))
    places = sorted(
        path.parent
        for sensor in SENSORS
        for deep in ("*/*", "*/*/*/*")
        for path in home.glob(f"{sensor}/{deep}/scene.txt")
    )
    return [Scene(PurePosixPath(place.relative_to(home).as_posix()), place) for place in places]


def label_of(path: Path, policy: CorruptPolicy) -> int | None:
    """The room's class; None for a room that is no class, and, counted, where the file says nothing."""
    try:
        scene = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        policy.refuse(path, f"the file cannot be read ({error})")
        return None
    if not scene:
        policy.refuse(path, "the file does not name a room")
    return SCENES.index(scene) if scene in SCENES else None


def picture_signal(folder: Path, card: ModalityCard, policy: CorruptPolicy) -> Signal | None:
    """The folder's picture as one frame, (1, channel); None where there is none or, counted, it is broken."""
    endings = (".png",) if card.kind == "depth" else (".jpg", ".jpeg", ".png")
    files = sorted(each for each in folder.glob("*") if each.suffix.lower() in endings) if folder.is_dir() else []
    if not files:
        return None
    try:
        frame = depth_of(files[0], card.layout) if card.kind == "depth" else colours_of(files[0], card.layout)
    except Exception as error:  # a broken file makes its reader raise whatever its bytes lead it to
        policy.refuse(files[0], f"the picture cannot be read ({type(error).__name__}: {error})")
        return None
    return policy.signal(frame.reshape(1, -1), card, files[0])


def colours_of(path: Path, layout: tuple[int, ...]) -> NDArray[np.float32]:
    """(height, width, 3) from 0 to 1."""
    bands = read_picture(path, 3).transpose(2, 0, 1)  # (3, height, width)
    return smaller(bands, *layout[:2]).transpose(1, 2, 0) / np.float32(255)


def depth_of(path: Path, layout: tuple[int, ...]) -> NDArray[np.float32]:
    """(height, width) in metres."""
    stored = read_picture(path, 1).astype(np.uint16)
    turned = ((stored >> 3) | (stored << 13)).astype(np.float32) / 1000  # as the data set's read3dPoints decodes it
    return smaller(np.minimum(turned, FARTHEST_M), *layout[:2], unseen=True)
