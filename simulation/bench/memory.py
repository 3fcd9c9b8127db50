"""How much more memory a piece of work takes than was there before."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def extra_bytes(work: Callable[[], T]) -> tuple[T, int | None]:
    """What the work returns, and by how much this process's resident memory rose at most; None where Linux is not asked."""
    gc.collect()
    try:
        _FORGET.write_text("5", encoding="ascii")  # the peak is what is resident now
    except OSError:
        return work(), None
    before = _kilobytes("VmRSS")
    result = work()
    return result, max(0, _kilobytes("VmHWM") - before) * 1024


def _kilobytes(name: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0
