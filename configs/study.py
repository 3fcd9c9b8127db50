"""A study: one experiment over a grid of settings, and how its table is read."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from configs.errors import UserError, unknown_name
from configs.faults import faults_of
from configs.fusion_study import FusionStudy
from configs.load import SHIPPED, STUDIES, load, overridden
from configs.schema import Experiment, MethodName
from configs.section import Section
from configs.yaml_text import is_file, read_yaml

MEASURES = {
    "accuracy": "accuracy at the end: of the chosen epoch, or after self-training",
    "macro_f1": "macro-F1 at the end",
    "accuracy_fine_tuned": "accuracy at the chosen epoch, before self-training",
    "macro_f1_fine_tuned": "macro-F1 at the chosen epoch, before self-training",
    "accuracy_epochs_81_200": "accuracy, mean of fine-tuning epochs 81 to 200",
    "pairing_accuracy": "share of pairs within one class",
    "recall_at_1": "recall@1 of the same recording by another sensor",
    "mean_average_precision": "mean average precision of the same recording by another sensor",
    "knn_accuracy": "accuracy of 5 nearest neighbours, before fine-tuning",
    "linear_probe_accuracy": "accuracy of a linear probe, before fine-tuning",
    "alignment": "alignment: mean squared distance of two sensors' embeddings",
    "uniformity": "uniformity: log mean potential of a sensor's embeddings",
    "node_guess": "how well an embedding tells its node",
}
NO_SHARES = ("alignment", "uniformity")  # told as they are; the others are shares, told in per cent
BY_SUBSET = ("accuracy", "macro_f1")  # what is told of every subset of the test modalities
AT_HAND = "modalities at hand"


class Value(Section):
    """One setting on an axis: its name in the table, and the overrides it stands for."""

    name: str
    overrides: list[str] = Field(default_factory=list)
    x: float | None = None  # its place in a picture of lines


class Axis(Section):
    """What is varied. An axis that is taken `over` gives no rows of its own: figures are means over it and the seeds.

    Values named in `alone` get rows of their own beside those that are means over all.
    """

    name: str
    values: list[Value] = Field(min_length=1)
    over: bool = False
    alone: list[str] = Field(default_factory=list)

    @property
    def shown(self) -> bool:
        """Whether the table has a column for it."""
        return not self.over or bool(self.alone)

    def rows_of(self, value: str) -> list[str]:
        """What the table calls the rows that a job with this value counts in; "" where it has no column."""
        if not self.over:
            return [value]
        everything = f"all {len(self.values)}" if self.alone else ""
        return [*([value] if value in self.alone else []), everything]


class Study(Section):
    """A grid of settings over one experiment."""

    kind: Literal["grid"] = "grid"
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str
    explains: str  # what is compared and how to read it, in plain words
    base: str  # the experiment: a YAML file, or the name of a shipped one
    overrides: list[str] = Field(default_factory=list)  # of every cell
    axes: list[Axis] = Field(default_factory=list)
    of: MethodName = "fedbind"  # the method whose difference to each other one is told
    measure: Literal[
        "accuracy", "macro_f1", "accuracy_fine_tuned", "macro_f1_fine_tuned", "accuracy_epochs_81_200",
        "pairing_accuracy", "recall_at_1", "mean_average_precision",
        "knn_accuracy", "linear_probe_accuracy", "alignment", "uniformity", "node_guess",
    ] = "accuracy"  # fmt: skip
    subsets: bool = False  # a line for each subset of the test group's modalities, in place of one for all of them
    costs: bool = False  # tell CPU-seconds and bytes too
    picture: Literal["bars", "lines", "curves"] = "bars"  # curves: test accuracy over fine-tuning epochs

    @property
    def columns(self) -> list[str]:
        """What tells the table's lines apart beside the method."""
        return [*(axis.name for axis in self.axes if axis.shown), *([AT_HAND] if self.subsets else [])]

    @property
    def scale(self) -> float:
        """What a figure is multiplied by where people read it: 100 for shares."""
        return 1.0 if self.measure in NO_SHARES else 100.0

    @property
    def measured(self) -> str:
        """The measure in words, with its unit."""
        return MEASURES[self.measure] + ("" if self.measure in NO_SHARES else ", %")

    @model_validator(mode="after")
    def _fits(self) -> Study:
        if self.subsets and (self.measure not in BY_SUBSET or self.picture != "bars"):
            raise ValueError(f"a study of subsets is a picture of bars and measures one of {', '.join(BY_SUBSET)}")
        for names in ([axis.name for axis in self.axes], *([v.name for v in axis.values] for axis in self.axes)):
            if len(names) != len(set(names)):
                raise ValueError(f"names must differ: {', '.join(names)}")
        for axis in self.axes:
            if strangers := set(axis.alone) - {value.name for value in axis.values}:
                raise ValueError(f"axis {axis.name}: alone names no value of it: {', '.join(sorted(strangers))}")
            if axis.alone and not axis.over:
                raise ValueError(f"axis {axis.name}: every value has rows of its own; alone is for an axis taken over")
        rows = [axis for axis in self.axes if axis.shown]
        if self.picture == "lines" and (
            len(rows) != 1 or rows[0].over or any(value.x is None for value in rows[0].values)
        ):
            raise ValueError("a picture of lines needs one axis that is not taken over, with x for every value")
        return self


@dataclass(frozen=True)
class Cell:
    """One point of the grid: the value's name on each axis, and the experiment there."""

    place: tuple[str, ...]
    experiment: Experiment

    @property
    def folder(self) -> str:
        """A folder name for it."""
        text = "-".join(self.place) or "all"
        return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)


KINDS: dict[str, type[Study] | type[FusionStudy]] = {"grid": Study, "fusion": FusionStudy}


def load_study(path: str | Path, overrides: Iterable[str] = ()) -> Study | FusionStudy:
    """A study of a YAML file, or a shipped one by name; of the kind that its `kind` names, a grid unless it does.

    overrides  of a study of fusion, key.path=value; those of a grid are its cells' (`cells`), and are left to them
    Raises UserError that lists all faults.
    """
    found = next((p for p in (Path(path), STUDIES / Path(path).name, STUDIES / f"{path}.yaml") if is_file(p)), None)
    if found is None:
        raise _no_such_study(Path(path))
    tree = read_yaml(found, "the study")
    if not isinstance(tree, dict):
        raise UserError("the study is empty or not a mapping", where=str(found), expected="key: value lines")
    kind = tree.get("kind", "grid")
    if kind not in KINDS:
        raise unknown_name("kind of study", kind, KINDS, where=str(found))
    if kind == "fusion":
        tree = overridden(tree, overrides)
    lines = faults_of(KINDS[kind], tree)
    if lines:
        raise UserError("faults in the study" + "".join(f"\n  - {line}" for line in lines), where=str(found))
    return KINDS[kind].model_validate(tree)


def _no_such_study(given: Path) -> UserError:
    shipped = sorted(file.stem for file in STUDIES.glob("*.yaml"))
    near = difflib.get_close_matches(given.stem, shipped, 1)
    hint = f"did you mean {near[0]}?" if near else f"shipped: {', '.join(shipped)}"
    if is_file(SHIPPED / f"{given.stem}.yaml"):
        hint = f"{given.stem} is an experiment: `fedbind run {given.stem}`"
    return UserError("no such study", where=str(given)[:200], expected="a YAML file", todo=hint)


def grids() -> list[str]:
    """Names of the shipped studies that are grids of experiments."""
    return [path.stem for path in sorted(STUDIES.glob("*.yaml")) if isinstance(load_study(path), Study)]


def cells(study: Study, overrides: Iterable[str] = ()) -> list[Cell]:
    """Every cell of the grid with its experiment; `overrides` come last. Raises UserError for the first faulty cell."""
    further: Sequence[str] = list(overrides)
    found = []
    for values in itertools.product(*(axis.values for axis in study.axes)):
        asked = [*study.overrides, *(each for value in values for each in value.overrides), *further]
        place = tuple(value.name for value in values)
        try:
            found.append(Cell(place, load(study.base, asked)))
        except UserError as error:
            raise UserError(f"{error.what}", f"study {study.name}, {', '.join(place) or 'its one cell'}: {error.where}",
                            error.expected, error.todo) from error  # fmt: skip
    folders = [cell.folder for cell in found]
    if len(folders) != len(set(folders)):
        raise UserError("two cells would share a folder", where=f"study {study.name}", expected="names that differ")
    return found
