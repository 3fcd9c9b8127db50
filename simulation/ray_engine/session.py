"""Ray for the length of a run: started here and ended again, or somebody's cluster that goes on without us."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from configs.errors import UserError
from configs.schema import RunSettings
from simulation.allocator import keep_freed_memory

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("configs", "protocol", "models", "strategies", "client", "server", "simulation")
_LONGEST_FOLDER = 38  # Ray's sockets lie below it, and a socket's path may have 107 characters


@contextmanager
def session(settings: RunSettings, actors: int) -> Iterator[None]:
    """Ray is up inside; what was started here is ended on the way out, whatever happened.

    Where `settings.address` names a cluster, this code goes to it by itself; torch and Flower must be there already.
    Where this process is connected to Ray already, that is used and left as it is.
    Raises UserError where Ray does not start, or nothing answers at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    keep_freed_memory()
    if ray.is_initialized():
        yield
        return
    folder = None
    if settings.address is None:
        folder = Path(tempfile.mkdtemp(prefix="fb-ray-"))
    try:
        _start(ray, settings, actors, folder)
        yield
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _start(ray: Any, settings: RunSettings, actors: int, folder: Path | None) -> None:
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    try:
        if folder is None:
            shipped = {"py_modules": [str(ROOT / package) for package in PACKAGES]}
            ray.init(address=settings.address, runtime_env=shipped, **common)
            return
        path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([path] if path else [])])  # Ray's workers inherit it
        try:
            with _few_processes():
                ray.init(
                    num_cpus=max(1, -(-int(actors * settings.cpus_per_actor * 1000) // 1000)),
                    num_gpus=None if settings.gpus_per_actor else 0,
                    include_dashboard=False,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=str(folder) if len(str(folder)) <= _LONGEST_FOLDER else None,
                    **common,
                )
        finally:
            if path is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = path
    except Exception as error:  # where it waited in vain for its own processes Ray raises nothing more special
        raise UserError(
            "Ray does not start" if settings.address is None else "no Ray cluster answers",
            where="run.address" if settings.address else "",
            expected=str(error).splitlines()[0] if str(error) else type(error).__name__,
            todo="start one with `ray start --head`, or leave run.address out" if settings.address else "",
        ) from error


@contextmanager
def _few_processes() -> Iterator[None]:
    """While Ray starts, leaves out its dashboard's server, its autoscaler and its log monitor.

    No run needs them, and together they take longer to start than all the rest. Ray 2.55 has no setting for it; where
    another version names these steps differently, they are simply taken.
    """
    from ray._private.node import Node

    left_out = [name for name in ("start_api_server", "start_monitor", "start_log_monitor") if hasattr(Node, name)]
    before = {name: getattr(Node, name) for name in left_out}
    try:
        for name in left_out:
            setattr(Node, name, lambda self, *given, **named: None)
        yield
    finally:
        for name, step in before.items():
            setattr(Node, name, step)
