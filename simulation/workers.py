"""Processes that run jobs beside one another, and end with the process that started them, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """So many fresh processes. One whose parent was killed, and so could not tell it to stop, stops by itself."""
    return ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_the_parent
    )


def stop(pool: ProcessPoolExecutor) -> None:
    """Ends the workers at once; what they wrote stays whole."""
    for process in list((pool._processes or {}).values()):
        process.terminate()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, name="ends with the parent", daemon=True).start()
