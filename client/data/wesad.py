"""WESAD (Schmidt et al., ICMI 2018): chest strap and wristband of 15 subjects under stress, amusement and rest.

One recording per stretch of time with one label. The pickled labels (700 Hz): 0 transient, 1 baseline, 2 stress,
3 amusement, 4 meditation, 5 to 7 to be ignored. With `conditions: stai` the label is instead what the person said
after the condition (`wesad_stai`), read from SX_quest.csv beside the pickle. Accelerations are given in g: the
wristband's file counts 1/64 g. The files come from strangers and are read by `restricted_pickle` alone. A file may lack
the chest or the wrist.
"""

import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from client.data.cards import DatasetCard, ModalityCard, OptionCard
from client.data.corrupt import CorruptPolicy
from client.data.folder import find_home
from client.data.recording import Recording, Signal
from client.data.request import natural
from client.data.restricted_pickle import RefusedPickle, read_plain_pickle
from client.data.source import Dataset, Request
from client.data.stretches import between, runs
from client.data.wesad_stai import score_of_each, scores_in

LABEL_RATE_HZ = 700.0
BASELINE, STRESS, AMUSEMENT, MEDITATION = 1, 2, 3, 4
CONDITIONS: dict[str, dict[str, tuple[int, ...]]] = {  # option -> class -> label codes
    "stress_vs_rest": {"rest": (BASELINE, AMUSEMENT), "stress": (STRESS,)},
    "three": {"baseline": (BASELINE,), "stress": (STRESS,), "amusement": (AMUSEMENT,)},
    "four": {"baseline": (BASELINE,), "stress": (STRESS,), "amusement": (AMUSEMENT,), "meditation": (MEDITATION,)},
}
STAI = "stai"
SOURCES = {  # modality -> device, key in the file, factor to the unit on the card
    "chest_acc": ("chest", "ACC", 1.0),
    "chest_ecg": ("chest", "ECG", 1.0),
    "chest_emg": ("chest", "EMG", 1.0),
    "chest_eda": ("chest", "EDA", 1.0),
    "chest_temp": ("chest", "Temp", 1.0),
    "chest_resp": ("chest", "Resp", 1.0),
    "wrist_acc": ("wrist", "ACC", 1 / 64),
    "wrist_bvp": ("wrist", "BVP", 1.0),
    "wrist_eda": ("wrist", "EDA", 1.0),
    "wrist_temp": ("wrist", "TEMP", 1.0),
}

CARD = DatasetCard(
    name="wesad",
    title="WESAD",
    citation="P. Schmidt, A. Reiss, R. Duerichen, C. Marberger, K. Van Laerhoven: Introducing WESAD, a multimodal "
    "dataset for wearable stress and affect detection. ACM ICMI 2018.",
    terms="scientific, non-commercial use, with citation",
    published_at="https://archive.ics.uci.edu/dataset/465/wesad",
    tree="S2/S2.pkl\nS3/S3.pkl\n... one folder per subject, S2 to S17 without S12",
    simulated=False,
    classes=tuple(CONDITIONS["stress_vs_rest"]),
    modalities={
        "chest_acc": ModalityCard("inertial", 3, 700.0, "g"),
        "chest_ecg": ModalityCard("physiological", 1, 700.0, "mV"),
        "chest_emg": ModalityCard("physiological", 1, 700.0, "mV"),
        "chest_eda": ModalityCard("physiological", 1, 700.0, "µS"),
        "chest_temp": ModalityCard("physiological", 1, 700.0, "°C"),
        "chest_resp": ModalityCard("physiological", 1, 700.0, "%"),
        "wrist_acc": ModalityCard("inertial", 3, 32.0, "g"),
        "wrist_bvp": ModalityCard("physiological", 1, 64.0, "1"),
        "wrist_eda": ModalityCard("physiological", 1, 4.0, "µS"),
        "wrist_temp": ModalityCard("physiological", 1, 4.0, "°C"),
    },
    options={
        "conditions": OptionCard(
            "stress_vs_rest",
            (*CONDITIONS, STAI),
            "which conditions are the classes; stai: what the person said after each",
        ),
        "stai_threshold": OptionCard(14, (), "stai: a score of so much or more (6 to 24) is stress"),
        "meditation": OptionCard("exclude", ("exclude", "rest"), "in stress_vs_rest: leave meditation out, or as rest"),
    },
)


class Wesad(Dataset):
    """The loader of WESAD."""

    card = CARD

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card with the classes of the chosen conditions."""
        return replace(CARD, classes=tuple(classes_of(options)))

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """The folders SX that hold SX.pkl."""
        return list(files_in(root))

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per labelled stretch, in time order."""
        files, classes = files_in(asked.root), classes_of(asked.options)
        by_score = asked.options["stai_threshold"] if asked.options["conditions"] == STAI else None
        for subject in asked.subjects:
            yield from stretches(subject, files[subject], asked.modalities, classes, policy, by_score)


def classes_of(options: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Class name -> the label codes that belong to it, by the options; with `stai` any condition may be of either."""
    if options["conditions"] == STAI:
        every = (BASELINE, STRESS, AMUSEMENT, MEDITATION)
        return {"calm": every, "stressed": every}
    classes = dict(CONDITIONS[options["conditions"]])
    if options["conditions"] == "stress_vs_rest" and options["meditation"] == "rest":
        classes["rest"] = (*classes["rest"], MEDITATION)
    return classes


def files_in(root: Path | None) -> dict[str, Path]:
    """Subject -> file, in natural order. `root` is the WESAD folder or the one that holds it."""

    def found(place: Path) -> dict[str, Path]:
        folders = sorted((each for each in place.iterdir() if re.fullmatch(r"S\d+", each.name)), key=_by_name)
        return {each.name: each / f"{each.name}.pkl" for each in folders if (each / f"{each.name}.pkl").is_file()}

    return found(find_home(CARD, root, lambda place: bool(found(place)), ("WESAD",)))


def _by_name(path: Path) -> tuple[Any, ...]:
    return natural(path.name)


def stretches(
    subject: str,
    path: Path,
    wanted: Sequence[str],
    classes: Mapping[str, tuple[int, ...]],
    policy: CorruptPolicy,
    by_score: float | None = None,
) -> list[Recording]:
    """The recordings of one subject's file; empty, and counted, where it cannot be read or has none.

    by_score  None: classes by label codes; else of two classes the second from this score on
    """
    content = read_subject(path, policy)
    if content is None:
        return []
    signals = wanted_signals(content["signal"], wanted, path, policy)
    if not signals:
        return []
    codes = content["label"]
    label_of = {code: label for label, codes_of in enumerate(classes.values()) for code in codes_of}
    found = [(start, stop) for start, stop in runs(codes) if int(codes[start]) in label_of]
    labels: Sequence[int] | None = [label_of[int(codes[start])] for start, _ in found]
    if by_score is not None:
        labels = _labels_by_score(path, [int(codes[start]) for start, _ in found], by_score, policy)
    recordings = []
    for (start, stop), label in zip(found, labels or (), strict=labels is not None):
        cut = {
            modality: part
            for modality, signal in signals.items()
            if len((part := between(signal, start / LABEL_RATE_HZ, stop / LABEL_RATE_HZ)).values)
        }
        if cut:
            name = f"{subject} {start / LABEL_RATE_HZ:.0f} to {stop / LABEL_RATE_HZ:.0f} s"
            recordings.append(Recording(subject, label, cut, name))
    if not recordings and labels is not None:
        there = ", ".join(str(int(code)) for code in np.unique(codes))
        needed = ", ".join(str(code) for code in sorted(label_of))
        policy.refuse(path, f"no labelled stretch: the labels are {there}", expected=f"some of {needed}")
    return recordings


def _labels_by_score(path: Path, codes: Sequence[int], threshold: float, policy: CorruptPolicy) -> list[int] | None:
    """1 for each stretch after whose condition the person's score reached the threshold; None, and counted, otherwise."""
    quest = path.with_name(f"{path.stem}_quest.csv")
    if not quest.is_file():
        policy.refuse(quest, "no questionnaire lies beside the pickle", expected=f"{quest.name}, as published")
        return None
    scores = scores_in(quest, policy)
    if scores is None:
        return None
    found = score_of_each(codes, scores)
    if found is None:
        order = ", ".join(str(code) for code, _ in scores)
        policy.refuse(quest, f"its conditions ({order}) are not those of the labels ({', '.join(map(str, codes))})")
        return None
    return [int(score >= threshold) for score in found]


def read_subject(path: Path, policy: CorruptPolicy) -> dict[str, Any] | None:
    """The file's dictionary, checked to hold `signal` and a `label` per record; None, and counted, otherwise."""
    try:
        content = read_plain_pickle(path)
    except RefusedPickle as error:
        policy.refuse(path, f"the file is not plain data and was not loaded: it asks for {error}")
        return None
    except (pickle.UnpicklingError, OSError) as error:
        policy.refuse(path, f"the file cannot be read as a pickle ({error})")
        return None
    expected = "a dictionary with signal.chest, signal.wrist and label"
    if not isinstance(content, dict) or not isinstance(content.get("signal"), dict) or "label" not in content:
        policy.refuse(path, "this pickle is not WESAD's", expected=expected)
        return None
    try:
        label = np.asarray(content["label"])
    except ValueError:  # lists of unequal lengths
        label = np.zeros((), dtype=object)
    if label.ndim != 1 or label.dtype.kind not in "iuf":
        policy.refuse(path, f"label is {label.dtype} of shape {label.shape}", expected="one number per record")
        return None
    return {**content, "label": np.nan_to_num(label).astype(np.int64)}


def wanted_signals(
    devices: Mapping[str, Any], wanted: Sequence[str], path: Path, policy: CorruptPolicy
) -> dict[str, Signal]:
    """The whole file's signals of the wanted modalities, those that are there; a file with none of them is counted."""
    signals, there = {}, []
    for modality, (device, key, factor) in SOURCES.items():
        held = devices.get(device)
        if isinstance(held, dict) and key in held:
            there.append(modality)
            if modality in wanted:
                signal = policy.signal(held[key], CARD.modalities[modality], f"{path} signal.{device}.{key}")
                if signal is not None:
                    signals[modality] = Signal(signal.values * np.float32(factor), signal.rate_hz)
    if not any(modality in there for modality in wanted):
        policy.refuse(path, "the file holds none of " + ", ".join(wanted), expected=", ".join(there) or "any signal")
    return {modality: signals[modality] for modality in wanted if modality in signals}
