"""PAMAP2 (Reiss and Stricker, ISWC 2012): three inertial units and a heart-rate strap, 9 subjects, 18 activities.

One recording per unbroken stretch of one activity; activity 0 is what happens in between and is left out. A file is one
session, 100 rows a second, 54 columns without a header: time in s, activity, heart rate, and 17 columns each for the
units on the hand (wrist of the dominant arm), the chest and the ankle. A record that a unit lost on its way is NaN.

What to know: the accelerometer of ±6 g saturates when running and is not calibrated with the one of ±16 g, which the
authors recommend (`*_accelerometer`; the other is `*_accelerometer_6g`). The four orientation columns are invalid in
this collection and are not offered. Heart rate comes about 9 times a second, with NaN in the rows between; it is given
at 9 Hz here, each moment with the last value of the second before it. Subject 109 did little of the protocol.
"""

from __future__ import annotations

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
from client.data.recording import Recording
from client.data.request import natural
from client.data.source import Dataset, Request
from client.data.stretches import runs

PROTOCOL = {  # activity -> name; the numbers have gaps
    1: "lying",
    2: "sitting",
    3: "standing",
    4: "walking",
    5: "running",
    6: "cycling",
    7: "Nordic walking",
    12: "ascending stairs",
    13: "descending stairs",
    16: "vacuum cleaning",
    17: "ironing",
    24: "rope jumping",
}
OPTIONAL = {
    9: "watching TV",
    10: "computer work",
    11: "car driving",
    18: "folding laundry",
    19: "house cleaning",
    20: "playing soccer",
}
TRANSIENT = 0
SESSIONS: dict[str, tuple[tuple[str, ...], dict[int, str]]] = {  # option -> folders, classes
    "protocol": (("Protocol",), PROTOCOL),
    "optional": (("Optional",), OPTIONAL),
    "both": (("Protocol", "Optional"), PROTOCOL | OPTIONAL),
}
WIDTH, RATE_HZ, HEART_RATE_HZ = 54, 100.0, 9.0
TIME, ACTIVITY, HEART_RATE = 0, 1, 2
FIRST = {"hand": 3, "chest": 20, "ankle": 37}  # the first of a unit's 17 columns, counted from 0
WITHIN = {  # sensor -> its columns within a unit
    "accelerometer": (1, 2, 3),
    "accelerometer_6g": (4, 5, 6),
    "gyroscope": (7, 8, 9),
    "magnetometer": (10, 11, 12),
    "temperature": (0,),
}
CARDS = {
    "accelerometer": ModalityCard("inertial", 3, RATE_HZ, "m/s²"),
    "accelerometer_6g": ModalityCard("inertial", 3, RATE_HZ, "m/s²"),
    "gyroscope": ModalityCard("inertial", 3, RATE_HZ, "rad/s"),
    "magnetometer": ModalityCard("inertial", 3, RATE_HZ, "µT"),
    "temperature": ModalityCard("physiological", 1, RATE_HZ, "°C"),
}
COLUMNS = {f"{unit}_{sensor}": tuple(FIRST[unit] + at for at in WITHIN[sensor]) for unit in FIRST for sensor in WITHIN}
LEAP_S = 0.5  # a step in time longer than this, or back, ends a stretch
HOLD_S = 1.0  # a heart rate stands for so long
FILE_NAME = re.compile(r"subject(\d+)\.dat")

CARD = DatasetCard(
    name="pamap2",
    title="PAMAP2",
    citation="A. Reiss, D. Stricker: Introducing a new benchmarked dataset for activity monitoring. IEEE ISWC 2012.",
    terms="see where it is published; with citation",
    published_at="https://archive.ics.uci.edu/dataset/231/pamap2+physical+activity+monitoring",
    tree="Protocol/subject101.dat to subject109.dat\nOptional/subject101.dat ... (of some subjects)",
    simulated=False,
    classes=tuple(PROTOCOL.values()),
    modalities={
        **{f"{unit}_{sensor}": CARDS[sensor] for unit in FIRST for sensor in WITHIN},
        "heart_rate": ModalityCard("physiological", 1, HEART_RATE_HZ, "1/min"),
    },
    options={"sessions": OptionCard("protocol", tuple(SESSIONS), "which sessions are read; they make the classes")},
)


class Pamap2(Dataset):
    """The loader of PAMAP2."""

    card = CARD

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card with the classes of the chosen sessions."""
        _, classes = SESSIONS[options["sessions"]]
        return replace(CARD, classes=tuple(classes.values()))

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The numbers of the subject<n>.dat files."""
        folders, _ = SESSIONS[options["sessions"]]
        return list(files_in(root, folders))

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per stretch of one activity, in time order."""
        folders, classes = SESSIONS[asked.options["sessions"]]
        files = files_in(asked.root, folders)
        for subject in asked.subjects:
            for path in files[subject]:
                yield from stretches(subject, path, asked.modalities, list(classes), policy)


def files_in(root: Path | None, folders: Sequence[str]) -> dict[str, list[Path]]:
    """Subject -> its files in these folders, subjects in natural order. `root` may hold PAMAP2_Dataset/."""
    home = find_home(
        CARD, root, lambda place: any((place / each).is_dir() for each in ("Protocol", "Optional")), ("PAMAP2_Dataset",)
    )
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for path in sorted((home / folder).glob("subject*.dat")):
            if match := FILE_NAME.fullmatch(path.name):
                found.setdefault(match[1], []).append(path)
    if not found:
        raise wrong_folder(CARD, home, f"{' and '.join(folders)} hold no subject<n>.dat")
    return {subject: found[subject] for subject in sorted(found, key=natural)}


def stretches(
    subject: str, path: Path, wanted: Sequence[str], codes: Sequence[int], policy: CorruptPolicy
) -> list[Recording]:
    """The recordings of one file; `codes` are the activities that are classes, in the classes' order."""
    columns = [column for modality in wanted for column in COLUMNS.get(modality, ())]
    table = read_rows(path, [TIME, ACTIVITY, HEART_RATE, *columns], policy)
    if table is None:
        return []
    time_s, activity = table[:, 0], np.nan_to_num(table[:, 1]).astype(np.int64)
    unknown = sorted(set(np.unique(activity).tolist()) - set(PROTOCOL) - set(OPTIONAL) - {TRANSIENT})
    if unknown:
        policy.refuse(path, f"there is no activity {', '.join(map(str, unknown))}", expected="1 to 24, with gaps")
    step_s = np.diff(time_s)
    ends = (activity[1:] != activity[:-1]) | (step_s > LEAP_S) | (step_s < 0)
    recordings = []
    for start, stop in runs(np.concatenate([[0], np.cumsum(ends)])):
        if int(activity[start]) not in codes:
            continue
        signals, at = {}, 3
        for modality in wanted:
            card = CARD.modalities[modality]
            if modality == "heart_rate":
                values = held(time_s[start:stop], table[start:stop, 2], HEART_RATE_HZ)[:, None]
            else:
                values = table[start:stop, at : at + card.channels]
                at += card.channels
            signal = policy.signal(values, card, f"{path} {modality}")
            if signal is not None:
                signals[modality] = signal
        name = f"{path.parent.name}/{path.name} {time_s[start]:.0f} to {time_s[stop - 1]:.0f} s"
        recordings.append(Recording(subject, codes.index(int(activity[start])), signals, name))
    if not recordings:
        policy.refuse(path, "no stretch of an activity that is a class", expected=f"some of {codes}")
    return recordings


def read_rows(path: Path, columns: Sequence[int], policy: CorruptPolicy) -> NDArray[np.float64] | None:
    """These columns and the last, (time, column); None, and counted, where the file cannot be read."""
    try:
        with path.open(encoding="ascii") as lines:
            first = lines.readline().split()
            if len(first) != WIDTH:
                policy.refuse(path, f"{len(first)} columns", expected=f"{WIDTH}")
                return None
            lines.seek(0)
            return np.loadtxt(lines, usecols=[*columns, WIDTH - 1], ndmin=2, comments=None)  # a row cut short fails
    except (ValueError, OSError) as error:
        policy.refuse(path, f"the file cannot be read as .dat ({error})")
        return None


def held(time_s: NDArray[np.float64], values: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """The last known of values (time,) at every 1 / rate from the first moment on; NaN HOLD_S after it."""
    moments = time_s[0] + np.arange(int((time_s[-1] - time_s[0]) * rate_hz + 1e-6) + 1) / rate_hz
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.full(len(moments), np.nan)
    last = np.searchsorted(time_s[known], moments + 1e-6, side="right") - 1
    value, since = values[known][last], moments - time_s[known][last]
    return np.where((last >= 0) & (since <= HOLD_S + 1e-6), value, np.nan)
