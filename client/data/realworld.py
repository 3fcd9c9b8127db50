"""RealWorld (Sztyler and Stuckenschmidt, PerCom 2016): phones and a watch on seven places of 15 people, 8 activities.

One recording per activity and part of a person. `probandN/data/` holds a zip per sensor and activity, and each of those
a table per place: `acc_walking_chest.csv`, `Gyroscope_walking_chest.csv`, `MagneticField_walking_chest.csv` with the
columns id, attr_time (ms), attr_x, attr_y, attr_z. Zips are read as they lie; what is unpacked, beside them or in
folders of their names, is read as well and goes before.

What to know:
- Some people did an activity in parts. Climbing of persons 4, 7 and 14 lies in zips within the zip (`..._1_csv.zip` to
  `..._3_csv.zip`); elsewhere a name has a number although there is one part (`acc_walking_2_chest.csv`). The number in
  the table's name tells the part, else that in the name of the zip within the zip. Person 2's forearm while climbing up
  and person 6's thigh while jumping are missing.
- The nominal 50 Hz are irregular and every sensor has its own stamps. Each signal is brought onto a regular grid by its
  stamps, with gaps where records are missing; all of a recording begin at the first stamp of any. A signal whose stamps
  lie beside those of the others is left out, and counted.
- Position, light, sound and the videos are not read.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import error as zlib_error

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard, ModalityCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import find_home
from client.data.recording import Recording, Signal
from client.data.regular import on_grid, one_clock
from client.data.request import natural
from client.data.source import Dataset, Request
from client.data.text_table import TextTable, Unreadable

RATE_HZ = 50.0
POSITIONS = ("chest", "forearm", "head", "shin", "thigh", "upperarm", "waist")
SENSORS = {"acc": "accelerometer", "gyr": "gyroscope", "mag": "magnetometer"}  # by the zips' names
UNITS = {"accelerometer": "m/s²", "gyroscope": "rad/s", "magnetometer": "µT"}
ACTIVITIES = {
    "climbingdown": "climbing down stairs",
    "climbingup": "climbing up stairs",
    "jumping": "jumping",
    "lying": "lying",
    "running": "running",
    "sitting": "sitting",
    "standing": "standing",
    "walking": "walking",
}
COLUMNS = ("attr_time", "attr_x", "attr_y", "attr_z")
TABLE_NAME = re.compile(r"(?i)(acc|gyr|mag)[a-z]*_([a-z]+?)(?:_(\d+))?_([a-z]+)\.csv")
ARCHIVE_NAME = re.compile(r"(?i)(acc|gyr|mag)[a-z]*_.*csv\.zip")
BROKEN = (OSError, zipfile.BadZipFile, zlib_error, NotImplementedError, RuntimeError, EOFError)

CARD = DatasetCard(
    name="realworld",
    title="RealWorld (HAR)",
    citation="T. Sztyler, H. Stuckenschmidt: On-body localization of wearable devices: an investigation of "
    "position-aware activity recognition. IEEE PerCom 2016.",
    terms="see where it is published; with citation",
    published_at="https://www.uni-mannheim.de/dws/research/projects/activity-recognition/dataset/dataset-realworld/",
    tree="proband1/data/acc_<activity>_csv.zip, gyr_<activity>_csv.zip, mag_<activity>_csv.zip\n"
    "... to proband15; activities " + ", ".join(ACTIVITIES),
    simulated=False,
    classes=tuple(ACTIVITIES.values()),
    modalities={
        f"{position}_{sensor}": ModalityCard("inertial", 3, RATE_HZ, UNITS[sensor])
        for position in POSITIONS
        for sensor in SENSORS.values()
    },
)


@dataclass(frozen=True)
class TableFile:
    """One sensor at one place during one part of an activity, in a folder or a zip."""

    activity: str
    part: int
    modality: str
    where: str
    read: Callable[[], bytes]


class RealWorld(Dataset):
    """The loader of RealWorld."""

    card = CARD

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The numbers of the proband<n> folders that hold data/."""
        return list(people_in(root))

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per activity and part, in the activities' order."""
        people, wanted = people_in(asked.root), asked.modalities
        for subject in asked.subjects:
            parts: dict[tuple[int, int], dict[str, TableFile]] = {}
            for file in tables_in(people[subject], {wish.rpartition("_")[2] for wish in wanted}, policy):
                if file.activity not in ACTIVITIES or file.modality not in CARD.modalities:
                    policy.refuse(file.where, "this is no activity or place of RealWorld", ", ".join(ACTIVITIES))
                elif file.modality in wanted:
                    key = list(ACTIVITIES).index(file.activity), file.part
                    parts.setdefault(key, {}).setdefault(file.modality, file)
            for (label, part), files in sorted(parts.items(), key=lambda item: item[0]):
                signals = signals_of({wish: files[wish] for wish in wanted if wish in files}, policy)
                if signals:
                    yield Recording(subject, label, signals, f"proband{subject} {list(ACTIVITIES)[label]} {part}")


def people_in(root: Path | None) -> dict[str, Path]:
    """Person -> the folder data/, in natural order. `root` may hold realworld2016_dataset/."""

    def found(place: Path) -> dict[str, Path]:
        folders = {match[1]: each / "data" for each in place.iterdir() if (match := _person(each.name))}
        return {person: folders[person] for person in sorted(folders, key=natural) if folders[person].is_dir()}

    return found(find_home(CARD, root, lambda place: bool(found(place)), ("realworld2016_dataset",)))


def _person(name: str) -> re.Match[str] | None:
    return re.fullmatch(r"proband(\d+)", name)


def tables_in(home: Path, sensors: set[str], policy: CorruptPolicy) -> Iterator[TableFile]:
    """The tables of these sensors under data/: unpacked ones, then those in zips; reads the zips' lists alone."""
    for path in sorted(home.rglob("*.csv")):
        if file := _table(path.name, str(path), path.read_bytes, sensors):
            yield file
    for path in sorted(home.rglob("*.zip")):
        if (match := ARCHIVE_NAME.fullmatch(path.name)) and SENSORS[match[1].lower()] in sensors:
            yield from tables_in_zip(path, str(path), sensors, policy)


def tables_in_zip(
    source: Path | bytes, where: str, sensors: set[str], policy: CorruptPolicy, part: int = 1
) -> Iterator[TableFile]:
    """The tables in a zip and in the zips within it; none, and counted, where it is broken.

    part  of the tables whose names have no number
    """
    try:
        with _opened(source) as archive:
            names = sorted(name for name in archive.namelist() if not name.startswith("__MACOSX/"))
            inner = {name: archive.read(name) for name in names if name.lower().endswith(".zip")}
    except BROKEN as error:
        policy.refuse(where, f"the file cannot be read as a zip ({error})")
        return
    for name in names:
        if name in inner and not isinstance(source, bytes):  # one zip within a zip, no more
            numbered = re.search(r"_(\d+)_csv\.zip$", name, re.IGNORECASE)
            within = int(numbered[1]) if numbered else 1
            yield from tables_in_zip(inner[name], f"{where}:{name}", sensors, policy, within)
        elif file := _table(name.rpartition("/")[2], f"{where}:{name}", _reader(source, name), sensors, part):
            yield file


def _table(name: str, where: str, read: Callable[[], bytes], sensors: set[str], part: int = 1) -> TableFile | None:
    match = TABLE_NAME.fullmatch(name)
    if match is None or SENSORS[match[1].lower()] not in sensors:
        return None
    modality = f"{match[4].lower()}_{SENSORS[match[1].lower()]}"
    return TableFile(match[2].lower(), int(match[3] or part), modality, where, read)


def _opened(source: Path | bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(source if isinstance(source, Path) else io.BytesIO(source))


def _reader(source: Path | bytes, name: str) -> Callable[[], bytes]:
    def read() -> bytes:
        with _opened(source) as archive:
            return archive.read(name)

    return read


def signals_of(files: Mapping[str, TableFile], policy: CorruptPolicy) -> dict[str, Signal]:
    """The signals of one recording on one regular grid; those that cannot be read are counted."""
    records: dict[str, tuple[NDArray[np.float64], NDArray[np.float32]]] = {}
    for modality, file in files.items():
        try:
            table = TextTable.of(file.read().decode("utf-8-sig")).numbers(COLUMNS)
        except (*BROKEN, UnicodeDecodeError, Unreadable) as error:
            policy.refuse(file.where, f"the file cannot be read as .csv ({error})")
            continue
        signal = policy.signal(table[:, 1:], CARD.modalities[modality], file.where)
        time_s = np.where(np.isfinite(table[:, 0]), table[:, 0] / 1000, np.nan)
        if signal is not None and np.isnan(time_s).all():
            policy.refuse(file.where, "no record has a time")
        elif signal is not None:
            records[modality] = time_s, signal.values
    spans = {each: (float(np.nanmin(time_s)), float(np.nanmax(time_s))) for each, (time_s, _) in records.items()}
    start_s, off = one_clock(spans)
    signals = {}
    for modality, (time_s, values) in records.items():
        try:
            if modality in off:
                raise ValueError("its time stamps lie beside those of the recording's other signals")
            gridded = on_grid(time_s, values.astype(np.float64), RATE_HZ, start_s, spans[modality][1])
        except ValueError as error:
            policy.refuse(files[modality].where, str(error))
        else:
            signals[modality] = Signal(gridded, RATE_HZ)
    return signals
