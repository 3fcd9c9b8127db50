"""A node's own state between messages: optimiser moments, the key of its handles, cached work.

Where an engine keeps the node resident, a dictionary serves. Where every message starts a new process (Flower's
deployed SuperNodes, its Ray simulation), the state lies in a folder on the node's disk. Nothing here travels.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

_DAYS_KEPT = 7


class NodeStore(Protocol):
    """Bytes under names."""

    def get(self, name: str) -> bytes | None:
        """What was put under this name, or None."""

    def put(self, name: str, value: bytes) -> None:
        """Keeps `value`; a crash leaves the old value or the new one, never half."""

    def drop(self, name: str) -> None:
        """Forgets what was put under this name, if anything was."""


class MemoryStore(dict[str, bytes]):
    """State that lives as long as the process. `unpacked` spares large things the way through bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.unpacked: dict[str, Any] = {}

    def put(self, name: str, value: bytes) -> None:
        """Keeps `value` under `name`."""
        self[name] = value

    def drop(self, name: str) -> None:
        """Forgets `name`."""
        self.pop(name, None)


class DiskStore:
    """State in a folder that only its owner may read."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _path(self, name: str) -> Path:
        return self.folder / hashlib.sha256(name.encode()).hexdigest()[:32]

    def get(self, name: str) -> bytes | None:
        """What was put under this name, or None."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, value: bytes) -> None:
        """Writes beside and renames."""
        handle, path = tempfile.mkstemp(dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(value)
            os.replace(path, self._path(name))
        except BaseException:  # a full disk would be filled by what was begun
            Path(path).unlink(missing_ok=True)
            raise

    def drop(self, name: str) -> None:
        """Removes the file, if there is one."""
        self._path(name).unlink(missing_ok=True)


_resident: dict[tuple[int, int], MemoryStore] = {}


def store_of(run_id: int, node_id: int, node_config: Mapping[str, Any]) -> NodeStore:
    """The store of one node in one run: resident if its node-config says `store = memory`, else on disk.

    The folder is node-config `state-dir`, or the environment's FEDBIND_STATE, or `.fedbind` in the user's home;
    state of runs not touched for a week is removed.
    """
    if node_config.get("store") == "memory":
        return _resident.setdefault((run_id, node_id), MemoryStore())
    base = Path(str(node_config.get("state-dir") or os.environ.get("FEDBIND_STATE") or Path.home() / ".fedbind"))
    folder = base / f"run-{run_id}" / f"node-{node_id}"
    if not folder.exists():
        _remove_old(base)
    return DiskStore(folder)


def release(run_id: int) -> None:
    """Forgets what resident nodes of a run kept."""
    for key in [key for key in _resident if key[0] == run_id]:
        del _resident[key]


def _remove_old(base: Path) -> None:
    for run in base.glob("run-*"):
        touched = max(
            folder.stat().st_mtime for folder in (run, *run.iterdir())
        )  # a put renames within a node's folder
        if time.time() - touched > _DAYS_KEPT * 86_400:
            shutil.rmtree(run, ignore_errors=True)
