"""Sensors Activity Dataset (Shoaib et al., Sensors 2014): five phones on one body, 10 participants, 7 activities, 50 Hz.

One recording per unbroken stretch of one activity. A participant's file has two header rows (the positions; the names
of the columns) and 70 columns: for each position a time stamp and the three axes of accelerometer, linear acceleration,
gyroscope and magnetometer, then an empty column, in place of which the last position has the activity.

What to know: the time stamps went through a spreadsheet (1.39E+12) and tell nothing, so records are taken as evenly
spaced; the phones of one row are one moment. In some files "upstairs" is spelt "upsatirs". MMBind takes the positions
right pocket, left pocket and wrist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from client.data.cards import DatasetCard, ModalityCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import find_home
from client.data.recording import Recording, Signal
from client.data.request import natural
from client.data.source import Dataset, Request
from client.data.stretches import runs
from client.data.text_table import TextTable, Unreadable

RATE_HZ = 50.0
POSITIONS = ("left_pocket", "right_pocket", "wrist", "upper_arm", "belt")  # in the order of the columns
SENSORS = {"accelerometer": "A", "linear_acceleration": "L", "gyroscope": "G", "magnetometer": "M"}
UNITS = {"accelerometer": "m/s²", "linear_acceleration": "m/s²", "gyroscope": "rad/s", "magnetometer": "µT"}
BLOCK = 14  # columns from one position to the next
WIDTH = BLOCK * len(POSITIONS)
HEADER = [f"{letter}{axis}" for letter in SENSORS.values() for axis in "xyz"]  # after the time stamp
ACTIVITIES = {
    "walking": "walking",
    "standing": "standing",
    "jogging": "jogging",
    "sitting": "sitting",
    "biking": "biking",
    "upstairs": "walking upstairs",
    "downstairs": "walking downstairs",
}
MISSPELT = {"upsatirs": "upstairs"}
COLUMNS = {  # modality -> its columns, counted from 0
    f"{position}_{sensor}": [BLOCK * place + 1 + 3 * number + axis for axis in range(3)]
    for place, position in enumerate(POSITIONS)
    for number, sensor in enumerate(SENSORS)
}
FILE_NAME = re.compile(r"Participant_(\d+)\.csv")

CARD = DatasetCard(
    name="shoaib",
    title="Sensors Activity Dataset",
    citation="M. Shoaib, S. Bosch, O. D. Incel, H. Scholten, P. J. M. Havinga: Fusion of smartphone motion sensors for "
    "physical activity recognition. Sensors 14(6), 2014.",
    terms="see where it is published; with citation",
    published_at="https://www.utwente.nl/en/eemcs/ps/research/dataset/",
    tree="DataSet/Participant_1.csv\n... to Participant_10.csv",
    simulated=False,
    classes=tuple(ACTIVITIES.values()),
    modalities={
        modality: ModalityCard("inertial", 3, RATE_HZ, next(UNITS[each] for each in SENSORS if modality.endswith(each)))
        for modality in COLUMNS
    },
)


class Shoaib(Dataset):
    """The loader of the Sensors Activity Dataset."""

    card = CARD

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The numbers of the Participant_<n>.csv files."""
        return list(files_in(root))

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per stretch of one activity, in time order."""
        files = files_in(asked.root)
        for subject in asked.subjects:
            yield from stretches(subject, files[subject], asked.modalities, policy)


def files_in(root: Path | None) -> dict[str, Path]:
    """Participant -> file, in natural order. `root` may hold DataSet/."""

    def found(place: Path) -> dict[str, Path]:
        return {match[1]: path for path in place.iterdir() if (match := FILE_NAME.fullmatch(path.name))}

    files = found(find_home(CARD, root, lambda place: bool(found(place)), ("DataSet",)))
    return {subject: files[subject] for subject in sorted(files, key=natural)}


def stretches(subject: str, path: Path, wanted: Sequence[str], policy: CorruptPolicy) -> list[Recording]:
    """The recordings of one participant's file; empty, and counted, where it cannot be read."""
    try:
        table = read_rows(path)
        values = table.numbers([column for modality in wanted for column in COLUMNS[modality]])
        words = table.values(WIDTH - 1)
    except Unreadable as error:
        policy.refuse(path, str(error))
        return []
    signals = {}
    for number, modality in enumerate(wanted):
        signal = policy.signal(values[:, 3 * number : 3 * number + 3], CARD.modalities[modality], f"{path} {modality}")
        if signal is None:
            return []  # no rows: the same for every modality, told once
        signals[modality] = signal
    recordings: list[Recording] = []
    refused: set[str] = set()
    for start, stop in runs(words):
        word = str(words[start]).lower()
        activity = MISSPELT.get(word, word)
        if activity in ACTIVITIES:
            cut = {modality: Signal(each.values[start:stop].copy(), RATE_HZ) for modality, each in signals.items()}
            name = f"{path.name} {start / RATE_HZ:.0f} to {stop / RATE_HZ:.0f} s"
            recordings.append(Recording(subject, list(ACTIVITIES).index(activity), cut, name))
        elif word not in refused:
            refused.add(word)
            policy.refuse(path, f"there is no activity {word!r}", expected=", ".join(ACTIVITIES))
    return recordings


def read_rows(path: Path) -> TextTable:
    """The rows below both headers. Raises Unreadable for a file of another layout."""
    try:
        _, names, body = [*path.read_text(encoding="utf-8-sig").split("\n", 2), "", ""][:3]
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"the file cannot be read as .csv ({error})") from error
    header = [name.strip() for name in names.split(",")]
    for place, position in enumerate(POSITIONS):
        there = header[BLOCK * place + 1 : BLOCK * place + 1 + len(HEADER)]
        if [name.lower() for name in there] != [name.lower() for name in HEADER]:
            raise Unreadable(f"the columns of {position} are {', '.join(there) or 'missing'}, not {', '.join(HEADER)}")
    return TextTable([], ",", body, WIDTH)
