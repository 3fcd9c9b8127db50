"""How much memory a process takes, and how much more a piece of work takes than was there before."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_FORGET = Path("/proc/self/clear_refs")


def extra_bytes(work: Callable[[], T]) -> tuple[T, int | None]:
    """What the work returns, and by how much this process's resident memory rose at most; None where Linux is not asked."""
    gc.collect()
    try:
        _FORGET.write_text("5", encoding="ascii")  # the peak is what is resident now
    except OSError:
        return work(), None
    before = _bytes_of("VmRSS")
    result = work()
    return result, max(0, _bytes_of("VmHWM") - before)


def peak_bytes(process: int | None = None) -> int:
    """The most memory that a process (None: this one) ever had resident, pages that it shares with others included.

    0 where Linux is not asked, or the process has ended.
    """
    try:
        return _bytes_of("VmHWM", process)
    except OSError:
        return 0


def _bytes_of(name: str, process: int | None = None) -> int:
    for line in Path(f"/proc/{process or 'self'}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
