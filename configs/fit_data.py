"""How data sets fit their groups, their subjects and one another."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING

from configs.data_settings import OWN_RECORDINGS, DataSettings, FurtherDataSettings
from configs.section import MOST_LETTERS

if TYPE_CHECKING:
    from configs.schema import Experiment


def data_faults(experiment: Experiment) -> list[str]:
    """What does not fit, one line each, beginning with the key path; empty where all does."""
    faults = [
        f"further_data.{name}: a data set's name has letters, digits, _ and - alone"
        for name in experiment.further_data
        if not re.fullmatch(r"[A-Za-z0-9][\w-]*", name, re.ASCII)
    ]
    faults += [
        f"groups.{name}: a group's name has letters, digits, _ and - alone, {MOST_LETTERS} at most"
        for name in experiment.groups
        if not _is_name(name)
    ]
    faults += _naming_faults("data", experiment.data)
    for name, further in experiment.further_data.items():
        faults += [*_naming_faults(f"further_data.{name}", further), *_frames_faults(experiment, name, further)]
    faults += _subject_faults(experiment)
    for name, group in experiment.groups.items():
        if group.labels_share is not None and group.labels_per_class is not None:
            faults.append(f"groups.{name}.labels_share: labels_per_class is given too; give one of the two")
        if not is_known(experiment, name):
            near = difflib.get_close_matches(str(group.data), experiment.further_data, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(experiment.further_data) or 'none'}"
            faults.append(f"groups.{name}.data: {group.data!r} is not in further_data; {hint}")
            continue
        known = set(experiment.data_of(name).modalities)
        for modality in group.modalities:
            if modality not in known:
                faults.append(
                    f"groups.{name}.modalities: {modality!r} is not in {experiment.data_path(name)}.modalities "
                    f"({', '.join(sorted(known))})"
                )
    return faults + _agreement_faults(experiment) + _synonym_faults(experiment)


def is_known(experiment: Experiment, group: str) -> bool:
    """Whether the data set that a group names is there."""
    return experiment.groups[group].data is None or experiment.groups[group].data in experiment.further_data


def _is_name(name: str) -> bool:
    """Whether files and parts of networks can bear a name."""
    return re.fullmatch(r"[\w-]+", name) is not None and len(name) <= MOST_LETTERS


def _naming_faults(path: str, data: DataSettings | FurtherDataSettings) -> list[str]:
    """Names of the experiment that lead nowhere, or two of them to one of the data set."""
    faults = [
        f"{path}.rename.{name}: not in {path}.modalities ({', '.join(sorted(data.modalities))})"
        for name in data.rename
        if name not in data.modalities
    ]
    faults += [  # it names files, and parts of networks in which a point or a + divides
        f"{path}.modalities.{name}: a modality's name has letters, digits, _ and - alone, {MOST_LETTERS} at most"
        for name in data.modalities
        if not _is_name(name)
    ]
    for what, pairs in (
        ("rename", [(name, data.rename.get(name, name)) for name in data.modalities]),
        ("classes", [(here, there) for here, words in (data.classes or {}).items() for there in words]),
    ):
        first: dict[str, str] = {}
        for here, there in pairs:
            if first.setdefault(there, here) != here:
                faults.append(f"{path}.{what}: {there!r} of the data set is both {first[there]} and {here}")
    faults += [f"{path}.classes.{here}: no word of the data set" for here, w in (data.classes or {}).items() if not w]
    return faults


def _frames_faults(experiment: Experiment, name: str, further: FurtherDataSettings) -> list[str]:
    """Modalities that would have other windows in one data set than in another."""
    faults = []
    for modality, own in further.modalities.items():
        told = experiment.frames.get(modality)
        if own is not None and told is not None and own != told:
            faults.append(
                f"further_data.{name}.modalities.{modality}: {own.frames} frames, and {told.frames} elsewhere; they are "
                "alike in every data set"
            )
    return faults


def _people(experiment: Experiment, group: str) -> str:
    """Whose recordings a group reads: a published set's people are the same wherever it lies, a folder's are its own."""
    if group not in experiment.groups or not is_known(experiment, group):
        return ""
    data = experiment.data_of(group)
    if data.name != OWN_RECORDINGS:
        return data.name
    folder = os.path.abspath(os.path.expanduser(data.root)) if data.root else experiment.data_path(group)
    return f"{data.name} {folder}"


def _subject_faults(experiment: Experiment) -> list[str]:
    """Subjects of one data set that play two parts; of different data sets, equal names are different people."""
    faults: list[str] = []
    owner: dict[tuple[str, str], str] = {}
    for name, subjects in experiment.split.items():
        people = _people(experiment, name)
        for subject in subjects:
            if (people, subject) in owner:
                other = owner[people, subject]
                paths = sorted({experiment.data_path(each) for each in (name, other) if each in experiment.groups})
                why = f" ({' and '.join(paths)} hold the same people)" if len(paths) > 1 else ""
                faults.append(f"split.{name}: subject {subject} is already in split.{other}; subjects never mix{why}")
            owner[people, subject] = name
    return faults


def _agreement_faults(experiment: Experiment) -> list[str]:
    """Modalities that test nodes hold and nobody who trains on the same data set does."""
    groups = experiment.groups
    if not {"finetune", "test"} <= set(groups) or not all(is_known(experiment, name) for name in groups):
        return []
    if experiment.data_path("test") == experiment.data_path("finetune"):
        return []
    path, data = experiment.data_path("test"), experiment.data_of("test")
    if data.normalise != "federated":
        return []
    trained = {
        modality
        for name, group in groups.items()
        if name != "test" and experiment.data_path(name) == path
        for modality in group.modalities
    }
    lacking = [m for m in groups["test"].modalities if m not in trained]
    if not lacking:
        return []
    return [
        f"groups.test.data: no group that trains on {path} holds {', '.join(lacking)}, so nobody agrees on its "
        f"normalisation; use {path}.normalise=per_subject, per_node or none"
    ]


def _synonym_faults(experiment: Experiment) -> list[str]:
    """Words that stand for a word that stands for another."""
    same = experiment.evaluation.synonyms
    return [
        f"evaluation.synonyms.{word}: {other} stands for {same[other]} itself; name that one"
        for word, other in same.items()
        if other in same
    ]
