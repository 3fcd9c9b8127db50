"""MotionSense (Malekzadeh et al., IoTDI 2019): device motion of a phone in the trouser pocket, 24 subjects, 50 Hz.

Core Motion splits acceleration in gravity and what the user adds, both in g; `accelerometer` is their sum, what the
sensor felt. There is no magnetometer. Some copies lack trials, so split by subject, never by trial.
The folder is read as it lies or from the published zip, without unpacking it.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import error as zlib_error

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard, ModalityCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import existing, wrong_folder
from client.data.recording import Recording
from client.data.request import natural
from client.data.source import Dataset, Request
from configs.errors import UserError

FOLDER = "A_DeviceMotion_data"
ACTIVITIES = {
    "dws": "walking downstairs",
    "ups": "walking upstairs",
    "wlk": "walking",
    "jog": "jogging",
    "std": "standing",
    "sit": "sitting",
}
FILE_NAME = re.compile(r"(?:.*/)?([a-z]+)_(\d+)/sub_(\d+)\.csv")
AXES = ("x", "y", "z")
COLUMNS = {  # modality -> the columns of each group that is added up
    "gyroscope": [[f"rotationRate.{axis}" for axis in AXES]],
    "attitude": [["attitude.roll", "attitude.pitch", "attitude.yaw"]],
    "gravity": [[f"gravity.{axis}" for axis in AXES]],
    "user_acceleration": [[f"userAcceleration.{axis}" for axis in AXES]],
    "accelerometer": [[f"gravity.{axis}" for axis in AXES], [f"userAcceleration.{axis}" for axis in AXES]],
}

CARD = DatasetCard(
    name="motionsense",
    title="MotionSense",
    citation="M. Malekzadeh, R. G. Clegg, A. Cavallaro, H. Haddadi: Mobile sensor data anonymization. "
    "ACM/IEEE IoTDI 2019.",
    terms="Open Database License (ODbL), with citation",
    published_at="https://github.com/mmalekzadeh/motion-sense",
    tree="A_DeviceMotion_data/<activity>_<trial>/sub_<subject>.csv\n"
    "or A_DeviceMotion_data.zip with the same inside; activities " + ", ".join(ACTIVITIES),
    simulated=False,
    classes=tuple(ACTIVITIES.values()),
    modalities={
        "accelerometer": ModalityCard("inertial", 3, 50.0, "g"),
        "gyroscope": ModalityCard("inertial", 3, 50.0, "rad/s"),
        "attitude": ModalityCard("inertial", 3, 50.0, "rad"),
        "gravity": ModalityCard("inertial", 3, 50.0, "g"),
        "user_acceleration": ModalityCard("inertial", 3, 50.0, "g"),
    },
)


@dataclass(frozen=True)
class TrialFile:
    """One subject's file of one trial, in a folder or in a zip."""

    subject: str
    activity: str
    trial: int
    name: str
    read: Callable[[], bytes]


class MotionSense(Dataset):
    """The loader of MotionSense."""

    card = CARD

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The numbers of the sub_<n>.csv files."""
        return sorted({file.subject for file in files_in(root)}, key=natural)

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per activity, trial and subject."""
        for file in files_in(asked.root):
            if file.subject not in asked.subjects:
                continue
            if file.activity not in ACTIVITIES:
                policy.refuse(file.name, f"there is no activity {file.activity}", expected=", ".join(ACTIVITIES))
                continue
            columns = read_columns(file, policy)
            signals = {}
            for modality in asked.modalities if columns is not None else ():
                assert columns is not None
                values = sum_of_columns(columns, COLUMNS[modality])
                if values is None:
                    policy.refuse(file.name, f"columns of {modality} are missing", expected=str(COLUMNS[modality]))
                    continue
                signal = policy.signal(values, CARD.modalities[modality], file.name)
                if signal is None:
                    break  # no rows: the same for every modality, told once
                signals[modality] = signal
            if signals:
                label = list(ACTIVITIES).index(file.activity)
                yield Recording(file.subject, label, signals, f"{file.activity}_{file.trial}/sub_{file.subject}")


def files_in(root: Path | None) -> list[TrialFile]:
    """Every trial's file under the folder, or in the zip, ordered by subject, activity and trial; reads none."""
    root = existing(CARD, root)
    places = [root / FOLDER, root, root / f"{FOLDER}.zip", *sorted(root.glob("*.zip"))] if root.is_dir() else [root]
    for place in places:
        found = files_of_folder(place) if place.is_dir() else files_of_zip(place) if place.is_file() else []
        if found:
            order = list(ACTIVITIES)
            return sorted(
                found,
                key=lambda file: (
                    natural(file.subject),
                    order.index(file.activity) if file.activity in order else len(order),
                    file.trial,
                ),
            )
    raise wrong_folder(CARD, root, f"this is not the folder of {CARD.title}")


def files_of_folder(home: Path) -> list[TrialFile]:
    """The files of <activity>_<trial>/sub_<n>.csv below `home`."""
    return [
        TrialFile(str(int(match[3])), match[1], int(match[2]), str(path), path.read_bytes)
        for path in home.glob("*_*/sub_*.csv")
        if (match := FILE_NAME.fullmatch(path.relative_to(home).as_posix()))
    ]


def files_of_zip(path: Path) -> list[TrialFile]:
    """The same files inside a zip; empty for a zip that holds something else. Raises UserError for a broken one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"the file cannot be read as a zip ({error})", str(path), todo="get it again") from error

    def reader(name: str) -> Callable[[], bytes]:
        def read() -> bytes:
            with zipfile.ZipFile(path) as archive:
                return archive.read(name)

        return read

    return [
        TrialFile(str(int(match[3])), match[1], int(match[2]), f"{path}:{name}", reader(name))
        for name in names
        if not name.startswith("__MACOSX/") and (match := FILE_NAME.fullmatch(name))
    ]


def read_columns(file: TrialFile, policy: CorruptPolicy) -> dict[str, NDArray[np.float64]] | None:
    """Column name -> (time,); None, and counted, where the file cannot be read. An empty cell is a gap."""
    try:
        header, _, body = file.read().decode("utf-8-sig").partition("\n")
        names = [name.strip() for name in header.strip().split(",")]
        table = read_table(body) if body.strip() else np.zeros((0, len(names)))
    except (ValueError, OSError, zipfile.BadZipFile, zlib_error) as error:
        policy.refuse(file.name, f"the file cannot be read as .csv ({error})")
        return None
    if table.shape[1] != len(names):
        policy.refuse(file.name, f"{table.shape[1]} columns under {len(names)} names")
        return None
    return dict(zip(names, table.T, strict=True))


def read_table(body: str) -> NDArray[np.float64]:
    """Numbers separated by commas, (time, column); ValueError for anything else."""
    try:
        return np.loadtxt(io.StringIO(body), delimiter=",", ndmin=2, comments=None)
    except ValueError:  # the slow way knows empty cells
        return np.loadtxt(
            io.StringIO(body),
            delimiter=",",
            ndmin=2,
            comments=None,
            converters=lambda cell: float(cell) if cell.strip() else np.nan,
        )


def sum_of_columns(
    columns: Mapping[str, NDArray[np.float64]], groups: Sequence[Sequence[str]]
) -> NDArray[np.float64] | None:
    """The groups' columns (time, channel) added up; None where a column is missing."""
    if any(name not in columns for group in groups for name in group):
        return None
    parts = [np.stack([columns[name] for name in group], axis=-1) for group in groups]  # each (time, channel)
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)
