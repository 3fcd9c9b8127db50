"""Writes people of MotionSense as a folder of one's own: CSV files under other names, in other units, and a dataset.yaml.

    python -m benchmarks.own_folder MOTIONSENSE OUT PERSON [PERSON …]

They are MotionSense's people in another form, and no further recordings: figures from such a folder beside MotionSense
show that several data sets can be read as one, and nothing about data that somebody else recorded. People keep their
numbers, so that it can be seen that nobody is in both. MOTIONSENSE is the folder of the published layout.

With configs/motionsense_own.yaml:

    python -m benchmarks.own_folder /data/motionsense own/b 9 10 11 12 13 14 15 16
    python -m benchmarks.own_folder /data/motionsense own/c 17 18 19 20 21 22 23 24
    fedbind run motionsense_own data.root=/data/motionsense further_data.mine.root=own/b further_data.target.root=own/c
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from client.data.motionsense import CARD, MotionSense
from client.data.recording import Recording

G = 9.80665  # m/s²
COLUMNS = {  # modality -> columns of the folder, and what one of MotionSense's units is there
    "gravity": (("pull_x", "pull_y", "pull_z"), G),
    "gyroscope": (("turn_x", "turn_y", "turn_z"), 180 / np.pi),
    "user_acceleration": (("move_x", "move_y", "move_z"), G),
}
WORDS = {  # MotionSense's class -> the word in the folder's paths, and what it means there
    "walking downstairs": ("down", "going downstairs"),
    "walking upstairs": ("up", "going upstairs"),
    "walking": ("walk", "on a walk"),
    "jogging": ("run", "running"),
    "standing": ("stand", "standing still"),
    "sitting": ("sit", "on a chair"),
}
DESCRIPTION = """\
title: MotionSense's people in another form
citation: {citation}
terms: {terms}
files: "{{subject}}/{{doing}}-{{trial}}.csv"
rate_hz: 50
modalities:
  pull: {{kind: inertial, columns: [pull_x, pull_y, pull_z], unit: m/s²}}
  turning: {{kind: inertial, columns: [turn_x, turn_y, turn_z], unit: deg/s}}
  motion: {{kind: inertial, columns: [move_x, move_y, move_z], unit: m/s²}}
label: doing
classes: {{{classes}}}
"""


def write_folder(source: Path, out: Path, people: list[str]) -> int:
    """The folder with its dataset.yaml; returns how many recordings it holds. Raises UserError as the loader does."""
    loaded = MotionSense().load(
        source, subjects=people, modalities=list(COLUMNS), on_corrupt="skip", options={}, seed=0
    )
    for recording in loaded.recordings:
        write_recording(out, recording)
    classes = ", ".join(f"{word}: {meaning}" for word, meaning in WORDS.values())
    text = DESCRIPTION.format(citation=repr(CARD.citation), terms=repr(CARD.terms), classes=classes)
    (out / "dataset.yaml").write_text(text, encoding="utf-8")
    return len(loaded.recordings)


def write_recording(out: Path, recording: Recording) -> None:
    """One CSV file, as <person>/<doing>-<trial>.csv."""
    word, _ = WORDS[CARD.classes[recording.label]]
    trial = recording.name.partition("/")[0].rpartition("_")[2]
    path = out / recording.subject / f"{word}-{trial}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [name for columns, _ in COLUMNS.values() for name in columns]
    values = [recording.signals[modality].values * unit for modality, (_, unit) in COLUMNS.items()]
    np.savetxt(path, np.concatenate(values, axis=1), "%.5g", ",", header=",".join(names), comments="")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    print(f"{write_folder(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])} recordings in {sys.argv[2]}")
