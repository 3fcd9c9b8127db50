"""The data sections of an experiment: which recordings, from which folder, under which names, read how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from configs.section import Positive, Section, Size

OWN_RECORDINGS = "folder"  # the data set whose people are those of a folder; another's are the same wherever it lies

Normalise = Literal["federated", "per_node", "per_subject", "none"]


def one_word(value: Any) -> Any:
    """A word as a list of it."""
    return [value] if isinstance(value, str) else value


def texts(value: Any) -> Any:
    """A list of texts, also of a single one and of numbers."""
    items = value if isinstance(value, list | tuple) else [value]
    return [str(item) for item in items]


def _words(value: Any) -> Any:
    """{word here: [words there]}; a list is of words that are the same here and there."""
    if isinstance(value, list | tuple):
        if len({str(each) for each in value}) != len(value):
            raise ValueError(f"{list(value)}: each class is named once")
        return {str(each): [str(each)] for each in value}
    if isinstance(value, dict):
        return {str(here): texts(here if there is None else there) for here, there in value.items()}
    return value


def _names(value: Any) -> Any:
    """{name: None} of a list of names."""
    return dict.fromkeys(value) if isinstance(value, list) and all(isinstance(name, str) for name in value) else value


class ModalitySettings(Section):
    """One sensor's share of a sample: how many frames a window of it is resampled to."""

    frames: Size = 128  # 1: a picture alone; other sensors need two or more


class WindowSettings(Section):
    """How a recording becomes samples: taken whole, or cut into windows."""

    kind: Literal["whole", "sliding"] = "whole"
    seconds: Positive = 8.0
    stride_s: Positive = 4.0


class _Source(Section):
    """Which recordings, from which folder, and what the experiment calls what is in them."""

    name: str
    root: str | None = None  # a node of its own may name another folder: node-config data-root
    on_corrupt: Literal["skip", "fail"] = "skip"
    options: dict[str, Any] = Field(default_factory=dict)  # the data set's own, listed by `fedbind data list`
    rename: dict[str, str] = Field(default_factory=dict)  # modality of the experiment: its name in the data set
    # Classes that are kept, in this order: words of the data set, or {word of the experiment: word or words there}.
    classes: Annotated[dict[str, list[str]] | None, BeforeValidator(_words)] = None  # None: all, as they are called


class DataSettings(_Source):
    """The data set that groups read unless they name another, and how it is read."""

    modalities: dict[str, ModalitySettings]
    window: WindowSettings = WindowSettings()
    normalise: Normalise = "federated"  # agreed on by the nodes of one data set, never across data sets


class FurtherDataSettings(_Source):
    """Another data set for some groups; what is left out is as in `data`."""

    # Those that are read from it, as a list; frames where `data` has no such modality: they are alike everywhere.
    modalities: Annotated[dict[str, ModalitySettings | None], BeforeValidator(_names)]
    window: WindowSettings | None = None
    normalise: Normalise | None = None

    def beside(self, data: DataSettings, frames: Mapping[str, ModalitySettings]) -> DataSettings:
        """The same with nothing left out; `frames` are the experiment's."""
        shared = self.root is None and self.name == data.name != OWN_RECORDINGS  # one copy serves both
        told = {name: own or frames.get(name, ModalitySettings()) for name, own in self.modalities.items()}
        return DataSettings(
            name=self.name,
            root=data.root if shared else self.root,
            on_corrupt=self.on_corrupt,
            options=self.options,
            rename=self.rename,
            classes=self.classes,
            modalities=told,
            window=self.window or data.window,
            normalise=self.normalise or data.normalise,
        )
