"""Small recordings that lie as published, one folder for each data set that a shipped study reads."""

import numpy as np
from scipy.io import savemat

from benchmarks.own_folder import DESCRIPTION, WORDS
from client.data.motionsense import ACTIVITIES
from tests.client.data import test_motionsense, test_shoaib, test_utd_mhad, test_wesad


def write_utd_mhad(root):
    """Eight people, two actions of two trials each."""
    for name in ("Inertial", "Skeleton"):
        (root / name).mkdir(parents=True)
    for subject in range(1, 9):
        for action in (1, 2):
            for trial in (1, 2):
                test_utd_mhad.write_trial(root, action, subject, trial)


def write_motionsense(root, frames=8):
    """24 people, one trial of each activity."""
    text = f"{test_motionsense.HEADER}\n{test_motionsense.rows(frames)}\n"
    for subject in range(1, 25):
        for activity in ACTIVITIES:
            test_motionsense.write(root / "A_DeviceMotion_data", f"{activity}_1", subject, text)


def write_own(root, people, frames=8):
    """A folder as benchmarks/own_folder.py writes them: two trials of each activity."""
    names = [f"{group}_{axis}" for group in ("pull", "turn", "move") for axis in "xyz"]
    rng = np.random.default_rng(0)
    for person in people:
        (root / str(person)).mkdir(parents=True)
        for word, _ in WORDS.values():
            for trial in (1, 2):
                path = root / str(person) / f"{word}-{trial}.csv"
                np.savetxt(path, rng.normal(size=(frames, 9)), "%.3f", ",", header=",".join(names), comments="")
    classes = ", ".join(f"{word}: {meaning}" for word, meaning in WORDS.values())
    text = DESCRIPTION.format(citation="none", terms="none", classes=classes)
    (root / "dataset.yaml").write_text(text, encoding="utf-8")


def write_shoaib(root):
    """Ten people, two stretches of each of two activities."""
    (root / "DataSet").mkdir(parents=True)
    text = test_shoaib.text((["walking"] * 4 + ["sitting"] * 4) * 2)
    for person in range(1, 11):
        (root / "DataSet" / f"Participant_{person}.csv").write_text(text)


def write_mmfi(root):
    """40 people, ten in each room, two daily activities of two frames: joints, radar and Wi-Fi."""
    rng = np.random.default_rng(0)
    for person in range(1, 41):
        for activity in (2, 3):
            place = root / f"E{(person - 1) // 10 + 1:02d}" / f"S{person:02d}" / f"A{activity:02d}"
            for folder in ("mmwave", "wifi-csi"):
                (place / folder).mkdir(parents=True)
            np.save(place / "ground_truth.npy", rng.normal(size=(4, 17, 3)))
            for frame in (1, 3):  # every second one is read
                (place / "mmwave" / f"frame{frame:03d}.bin").write_bytes(rng.normal(size=(3, 5)).tobytes())
                savemat(place / "wifi-csi" / f"frame{frame:03d}.mat", {"CSIamp": rng.normal(40, 2, (3, 114, 10))})


def write_wesad(root):
    """Its 15 people, wrist alone, a few seconds of each condition."""
    for number in (*range(2, 12), *range(13, 18)):
        test_wesad.write(root, f"S{number}", {**test_wesad.subject(), "subject": f"S{number}"})
