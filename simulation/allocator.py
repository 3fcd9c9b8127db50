"""Memory that a process frees and takes again every few milliseconds, kept rather than given back to the system."""

from __future__ import annotations

import ctypes
import sys

_TRIM, _MMAP = -1, -3  # glibc's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD
KEPT = 256 * 2**20  # bytes free at the heap's end that stay with the process
LARGE = 32 * 2**20  # from here on (glibc's own most) memory comes from the system and goes back


def keep_freed_memory() -> bool:
    """Whether glibc was told: arrays of a model's size then come from the heap, whose pages need no zeroing again.

    A round makes and drops hundreds of such arrays; a fresh page costs as much as the copy that fills it.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
        return bool(libc.mallopt(_TRIM, KEPT) and libc.mallopt(_MMAP, LARGE))
    except (OSError, AttributeError):
        return False
