"""Processes that this program starts and must end: in a group of their own, with everything they start in turn."""

import atexit
import contextlib
import http.client
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

POLL_S = 0.1
END_WITHIN_S = 8.0  # what a process gets between being asked to end and being killed

_running: list[subprocess.Popen[bytes]] = []  # started here and not ended yet


def free_port() -> int:
    """A port on loopback that nothing listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that Ctrl-C reaches only us; both its streams are added to `log`.

    What `end` was not called for is ended when this program ends.
    """
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _running.append(process)
    return process


def answers(port: int) -> bool:
    """Whether a server on loopback says that it is healthy (GET /health)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_healthy(process: subprocess.Popen[bytes], port: int, within_s: float) -> bool:
    """Wait for the server of `process` on `port`; False where it ended, or where `within_s` seconds were not enough."""
    deadline = time.monotonic() + within_s
    while process.poll() is None and time.monotonic() < deadline:
        if answers(port):
            return True
        time.sleep(POLL_S)
    return False


def end(processes: Sequence[subprocess.Popen[bytes]], within_s: float = END_WITHIN_S) -> None:
    """End these processes and all their descendants, at first by asking, and no others.

    Descendants are listed before the first signal goes out, since a child whose parent has ended is nobody's child;
    psutil knows a process by its id and its time of birth, so a reused id is never hit.
    """
    doomed = [member for process in processes for member in _family(process)]
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    _wait(processes, doomed, within_s)
    for member in list(doomed):  # and what they started meanwhile
        with contextlib.suppress(psutil.NoSuchProcess):
            doomed += [child for child in member.children(recursive=True) if child not in doomed]
    for member in doomed:
        if _alive(member):
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    _wait(processes, doomed, within_s)
    for process in processes:
        with contextlib.suppress(ValueError):
            _running.remove(process)


@atexit.register
def _end_what_is_left() -> None:
    end(list(_running), within_s=END_WITHIN_S / 4)


def _family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _wait(processes: Sequence[subprocess.Popen[bytes]], doomed: Sequence[psutil.Process], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        for process in processes:
            process.poll()  # reaps ours
        if not any(_alive(member) for member in doomed):
            return
        time.sleep(POLL_S)
