"""What nodes hold, kept for the next message while the process lives; a fresh process reads again."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from client.data.holdings import Holdings, holdings_of
from configs.nodes import NodePlace
from configs.schema import Experiment

_LEAST = int(os.environ.get("FEDBIND_RESIDENT_NODES", "64"))


class _Same:
    """An experiment by identity: its whole text, thousands of people long, is not compared at every message."""

    def __init__(self, experiment: Experiment):
        self.experiment = experiment

    def __hash__(self) -> int:
        return id(self.experiment)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.experiment is other.experiment


def _read(
    same: _Same, place: NodePlace, modalities: tuple[str, ...], seed: int, root: Path | None, complete: bool
) -> Holdings:
    return holdings_of(same.experiment, place, list(modalities), seed, root, complete)


_kept = lru_cache(maxsize=_LEAST)(_read)
_most = _LEAST


def resident_holdings(
    experiment: Experiment, place: NodePlace, modalities: tuple[str, ...], seed: int, root: Path | None, complete: bool
) -> Holdings:
    """As `holdings_of`; the `Experiment` that asks again is to be the same object."""
    return _kept(_Same(experiment), place, modalities, seed, root, complete)


def keep_nodes(count: int) -> None:
    """From now on the recordings of so many nodes at least are kept; what was kept is read again where that is more."""
    global _kept, _most
    if count > _most:
        _kept, _most = lru_cache(maxsize=count)(_read), count


def forget_holdings() -> None:
    """What is asked next is read again."""
    _kept.cache_clear()
