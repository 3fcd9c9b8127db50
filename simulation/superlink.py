"""A SuperLink of our own on loopback: started, given an app to run, and ended with everything that it started.

`flwr run` can start a SuperLink by itself, but that one listens on a fixed port, outlives the command, and keeps the
environment it was first started with. One per run, on a free port, has none of these faults.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import tomli_w

from configs.errors import UserError
from simulation import processes

HEALTHY_WITHIN_S = 60.0
START_ATTEMPTS = 3  # another program may take the free port before the SuperLink does
TAIL_LINES = 25

RunConfig = dict[str, str | int | float | bool]


@dataclass(frozen=True)
class Outcome:
    """How a run ended, in Flower's words: "finished:completed" is success, `details` says why it is not."""

    status: str
    details: str

    @property
    def completed(self) -> bool:
        return self.status == "finished:completed"


def flower_environment(home: Path) -> dict[str, str]:
    """The environment of Flower's processes: its own home, no telemetry, no update check, nothing installed by itself.

    Flower starts its further commands by name, so those of this interpreter come first on the path; and proxies,
    where some are set, must not be asked for loopback.
    """
    own_commands = str(Path(sys.executable).parent)
    environment = dict(os.environ)
    no_proxy = ",".join(filter(None, [environment.get("NO_PROXY", ""), "127.0.0.1", "localhost"]))
    environment.update(
        FLWR_HOME=str(home),
        FLWR_TELEMETRY_ENABLED="0",
        FLWR_DISABLE_UPDATE_CHECK="1",
        FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION="1",
        FLWR_SUPEREXEC_TASK_POLL_INTERVAL="0.2",  # seconds until a waiting task gets its process; Flower's own is 1
        RAY_USAGE_STATS_ENABLED="0",
        RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",  # else a warning per worker
        PATH=os.pathsep.join([own_commands, environment.get("PATH", os.defpath)]),
        NO_PROXY=no_proxy,
        no_proxy=no_proxy,
    )
    return environment


class SuperLink:
    """A running SuperLink, as a context manager.

    `home` becomes Flower's home (an existing folder, emptied of nothing), `cwd` the working folder of every ServerApp
    and, in the simulation, of every ClientApp. Its own output goes to `home`/superlink.log.
    """

    def __init__(self, home: Path, cwd: Path, *, simulation: bool = False) -> None:
        self.home, self.cwd, self.simulation = home, cwd, simulation
        self.environment = flower_environment(home)
        self.log = home / "superlink.log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> "SuperLink":
        for _ in range(START_ATTEMPTS):
            self.port = processes.free_port()
            command = ["flower-superlink", "--insecure", "--host", "127.0.0.1", "--port", str(self.port)]
            command += ["--simulation"] if self.simulation else []
            command[0] = self._path_of(command[0])
            self._process = processes.start(command, cwd=self.cwd, environment=self.environment, log=self.log)
            try:
                healthy = processes.wait_until_healthy(self._process, self.port, HEALTHY_WITHIN_S)
            except BaseException:
                processes.end([self._process])
                raise
            if healthy:
                self._write_connection()
                return self
            processes.end([self._process])
        raise UserError(
            what=f"Flower's SuperLink did not start on loopback, {START_ATTEMPTS} times",
            where=str(self.log),
            expected=f"an answer at /health within {HEALTHY_WITHIN_S:.0f} s",
            todo="its last lines are:\n" + tail(self.log),
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            processes.end([self._process])

    def run(
        self,
        app_folder: Path,
        run_config: RunConfig,
        *,
        log: Path,
        federation_config: str = "",
        timeout_s: float | None = None,
        stop: threading.Event | None = None,
    ) -> Outcome:
        """Bundle `app_folder`, run it here, and wait for its end; what it logs is added to `log` as it comes.

        Returns the outcome, also where the run failed: `flwr run` itself leaves with 0 then. Raises UserError where
        the run could not be submitted, took longer than `timeout_s`, or `stop` was set.
        """
        overrides = self.home / "run-config.toml"  # a file: Flower's key=value form cannot carry quotes
        overrides.write_text(tomli_w.dumps(run_config), encoding="utf-8")
        command = [self._path_of("flwr"), "run", str(app_folder), "own", "--stream", "--run-config", str(overrides)]
        command += ["--federation-config", federation_config] if federation_config else []
        log.touch()
        already_logged = log.stat().st_size
        submission = processes.start(command, cwd=self.home, environment=self.environment, log=log)
        try:
            self._wait(submission, timeout_s, stop, log)
        finally:
            processes.end([submission])
        with log.open("rb") as stream:
            stream.seek(already_logged)
            started = re.search(r"Successfully started run (\d+)", stream.read().decode(errors="replace"))
        if started is None or submission.returncode != 0:
            raise UserError(
                what="Flower did not take the run",
                where=str(log),
                todo="its last lines are:\n" + tail(log),
            )
        return self._outcome(started.group(1))

    def _wait(
        self, submission: subprocess.Popen[bytes], timeout_s: float | None, stop: threading.Event | None, log: Path
    ) -> None:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while submission.poll() is None:
            if self._process is None or self._process.poll() is not None:
                raise UserError(
                    what="Flower's SuperLink ended during the run",
                    where=str(self.log),
                    todo="its last lines are:\n" + tail(self.log),
                )
            if stop is not None and stop.is_set():
                raise UserError(what="the run was stopped by hand", where=str(log))
            if deadline is not None and time.monotonic() > deadline:
                raise UserError(
                    what=f"the run did not finish within {timeout_s:g} s",
                    where=str(log),
                    todo="allow more time, or read its last lines:\n" + tail(log),
                )
            time.sleep(processes.POLL_S)

    def _outcome(self, run_id: str) -> Outcome:
        answer = subprocess.run(
            [self._path_of("flwr"), "list", "own", "--run-id", run_id, "--format", "json"],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            run = json.loads(answer.stdout)["runs"][0]
            return Outcome(status=str(run["status"]), details=str(run["status-details"]))
        except (ValueError, KeyError, IndexError):
            return Outcome(status="unknown", details=(answer.stdout + answer.stderr).strip())

    def _write_connection(self) -> None:
        connections = {"superlink": {"default": "own", "own": {"address": self.address, "insecure": True}}}
        (self.home / "config.toml").write_text(tomli_w.dumps(connections), encoding="utf-8")

    def _path_of(self, command: str) -> str:
        beside_python = Path(sys.executable).parent / command
        return str(beside_python) if beside_python.exists() else command


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, without terminal colours."""
    if not log.exists():
        return ""
    text = log.read_text(encoding="utf-8", errors="replace")
    return "\n".join(re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip().splitlines()[-lines:])
