"""Runs a study of fusion: every job once, where it stopped, and the table after each person left out."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from configs.errors import UserError
from configs.fusion_study import FusionStudy
from configs.yaml_text import read_yaml
from server.frozen import encoder_file, encoder_of
from server.tracking import without_nan, without_private_paths, write_atomically
from simulation.fusion.bev import encode_with, encoders_of
from simulation.fusion.features import Features, features_of, picture_form
from simulation.fusion.folds import Fold, folds_of
from simulation.fusion.job import run_job
from simulation.fusion.material import Material, material_of
from simulation.fusion.report import job_file, write
from simulation.fusion.table import Line

Tell = Callable[[str], None]
FREE = ("title", "explains", "seeds", "folds", "methods", "regimes")  # what an earlier run may have had otherwise


@dataclass(frozen=True)
class FusionOutcome:
    """A study's folder, its table, and its figures for machines."""

    folder: Path
    table: list[Line]
    figures: dict[str, Any]
    failed: tuple[str, ...] = ()


def run_fusion(study: FusionStudy, name: str, overrides: Sequence[str], out: Path, tell: Tell) -> FusionOutcome:
    """All jobs, group by group and seed by seed; a job that lies in the folder is not run again.

    name  as the user called the study, for the command on its page
    Raises UserError for what is wrong with the data, and where the folder holds a study of other settings or people.
    """
    _same_settings(study, out)
    content = encoder_file(study.unified.weights)
    threads = torch.get_num_threads()
    torch.set_num_threads(study.threads)
    try:
        material = material_of(study)
        for each in material.skipped:
            tell(f"left out: {each.where}: {each.reason}")
        folds = folds_of(material.subjects, study.folds, study.bev.fold_groups)
        _start(study, material, out)
        maker = _Maker(study, material, content, out, tell)
        shown = ["data.root=FOLDER" if each.startswith("data.root=") else each for each in overrides]
        command = without_private_paths(shlex.join(["fedbind", "study", name, *shown]))
        for group in sorted({fold.group for fold in folds}):
            for seed in study.seeds:
                for fold in (each for each in folds if each.group == group):
                    for method in study.methods:
                        _run_missing(study, maker, out, fold, method, seed, tell)
                write(study, material, folds, out, command)
        table, figures = write(study, material, folds, out, command)
        return FusionOutcome(out, table, figures)
    finally:
        torch.set_num_threads(threads)


class _Maker:
    """Makes a method's features when they are first asked for, and keeps those of one group and seed at a time."""

    def __init__(self, study: FusionStudy, material: Material, content: bytes, out: Path, tell: Tell) -> None:
        self.study, self.material, self.content, self.out, self.tell = study, material, content, out, tell
        self.form = picture_form(study.picture)
        self._kept: dict[str, tuple[str, Features]] = {}  # method -> which, and what

    def features(self, method: str, fold: Fold, seed: int) -> Features:
        """The frozen features that a job learns from."""
        drawn = seed if self.study.bev.every_seed else 0
        which = "" if method == "unified" else f"seed{drawn}-group{fold.group}"
        if self._kept.get(method, (None,))[0] != which:
            self._kept.pop(method, None)
            self._kept[method] = (which, self._unified() if method == "unified" else self._bev(which, fold, drawn))
        return self._kept[method][1]

    def _unified(self) -> Features:
        model, name = encoder_of(self.content)

        def encode(modality: str, pictures: Tensor) -> Tensor:
            return (
                model.latents(pictures)
                if self.study.unified.latents == "continuous"
                else model.code(pictures).quantised
            )

        return features_of(self.material, self.form, encode, self.out / "latents" / name[:16], self.tell)

    def _bev(self, which: str, fold: Fold, seed: int) -> Features:
        home = self.out / "bev" / which
        encoders = encoders_of(
            self.material, fold.encoders, self.study.bev, self.form, seed, home / "encoders", self.tell
        )
        for other in (self.out / "bev").glob("*/features"):  # a gigabyte each; made again from the encoders if need be
            if other.parent != home:
                shutil.rmtree(other)
        return features_of(self.material, self.form, encode_with(encoders), home / "features", self.tell)


def _run_missing(study: FusionStudy, maker: _Maker, out: Path, fold: Fold, method: str, seed: int, tell: Tell) -> None:
    for regime in study.regimes:
        path = job_file(out, method, regime, seed, fold.held_out)
        if not path.is_file():
            features = maker.features(method, fold, seed)
            told = {"method": method, **run_job(study, features, len(maker.material.classes), fold, regime, seed)}
            write_atomically(path, json.dumps(without_nan(told), indent=1) + "\n")
            accuracy = ", ".join(f"{100 * each['accuracy']:.0f}" for each in told["sets"].values())
            tell(f"{method}, {regime}, seed {seed}, without {fold.held_out}: {accuracy} % ({told['seconds']:.0f} s)")


def _told(study: FusionStudy) -> dict[str, Any]:
    """The study as it lies in its folder: not where the recordings lie."""
    tree = study.model_dump(mode="json")
    tree["data"]["root"] = None
    return tree


def _same_settings(study: FusionStudy, out: Path) -> None:
    """Raises UserError where the folder holds a study under other settings."""
    path = out / "study.yaml"
    if path.is_file():
        earlier = FusionStudy.model_validate(read_yaml(path, "the study's settings")).model_dump(mode="json")
        now = _told(study)
        differ = sorted(key for key in now if key not in FREE and earlier[key] != now[key])
        if differ:
            raise UserError(
                f"an earlier run of this study has other settings: {', '.join(differ)}", where=str(out),
                todo="give the same overrides again, or another --out",
            )  # fmt: skip


def _start(study: FusionStudy, material: Material, out: Path) -> None:
    """Writes the settings and what the recordings came to; raises UserError where they came to something else before."""
    sequences = material.sequences
    told = {
        who: [int((sequences.label[sequences.subject == who] == label).sum()) for label in range(len(material.classes))]
        for who in material.subjects
    }
    path = out / "samples.json"
    if path.is_file() and (earlier := json.loads(path.read_text())["samples"]) != told:
        differ = sorted(who for who in {*told, *earlier} if told.get(who) != earlier.get(who))
        raise UserError(
            f"the recordings give other samples than those that lie here: {', '.join(differ)}", where=str(out),
            todo="name the same folder of recordings again, or another --out",
        )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({"classes": list(material.classes), "samples": told}, indent=1) + "\n")
    write_atomically(out / "study.yaml", yaml.safe_dump(_told(study), sort_keys=False, allow_unicode=True))
