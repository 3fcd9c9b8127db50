"""A real deployment on loopback, for tests: one flower-superlink and some flower-supernode, each its own process."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from simulation import processes
from simulation.superlink import Outcome, SuperLink, flower_environment, tail

NodeConfig = Mapping[str, str | int | float | bool]

ONLINE_WITHIN_S = 90.0
START_ATTEMPTS = 3


class Deployment:
    """A SuperLink and `num_nodes` SuperNodes, as a context manager; all are ended on leaving, whatever happened.

    `node_configs` has one mapping per node, added to `partition-id` and `num-partitions`. Each process has its own
    working folder and its own Flower home below `tmp_path`, as machines of their own would: what one of them writes,
    no other finds by accident. A SuperNode starts a new process for each message.
    """

    def __init__(self, num_nodes: int, node_configs: Sequence[NodeConfig], tmp_path: Path) -> None:
        if len(node_configs) != num_nodes:
            raise ValueError(f"{num_nodes} nodes, but {len(node_configs)} node configurations")
        self.node_configs = [
            {"partition-id": number, "num-partitions": num_nodes, **given} for number, given in enumerate(node_configs)
        ]
        self.folder = tmp_path
        server = _made(tmp_path / "server")
        self.superlink = SuperLink(home=_made(server / "flower"), cwd=server)
        self.log = tmp_path / "run.log"
        self._nodes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Deployment":
        self.superlink.__enter__()
        try:
            self._start_nodes()
            self._wait_until_online()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            processes.end(self._nodes)
        finally:
            self.superlink.__exit__(kind, error, trace)

    def run(self, run_config: dict[str, str | int | float | bool], timeout_s: float, app: Path) -> Outcome:
        """Submit the app in folder `app`, wait for its end, and return how it ended."""
        return self.superlink.run(app, run_config, log=self.log, timeout_s=timeout_s)

    def logs(self) -> str:
        """The ends of all logs, to show beside a failure."""
        files = [self.log, self.superlink.log, *(self._log_of(number) for number in range(len(self.node_configs)))]
        return "\n".join(f"--- {file.name}\n{tail(file, 60)}" for file in files)

    def _log_of(self, number: int) -> Path:
        return self.folder / f"node-{number}.log"

    def _start_nodes(self) -> None:
        ports = []
        for number in range(len(self.node_configs)):  # all at once: starting one takes seconds, most of it imports
            port, process = self._start_node(number)
            ports.append(port)
            self._nodes.append(process)
        for number, port in enumerate(ports):
            for _ in range(START_ATTEMPTS):
                if processes.wait_until_healthy(self._nodes[number], port, ONLINE_WITHIN_S):
                    break
                processes.end([self._nodes[number]])  # another program may have taken the port
                port, self._nodes[number] = self._start_node(number)
            else:
                raise RuntimeError(f"SuperNode {number} did not start\n{self.logs()}")

    def _start_node(self, number: int) -> tuple[int, subprocess.Popen[bytes]]:
        port, cwd = processes.free_port(), _made(self.folder / f"node-{number}")
        command = [str(Path(sys.executable).parent / "flower-supernode"), "--insecure"]
        command += ["--superlink", self.superlink.address, "--port", str(port)]
        command += ["--node-config", node_config_text(self.node_configs[number])]
        environment = flower_environment(_made(cwd / "flower")) | {"OMP_NUM_THREADS": "1"}
        return port, processes.start(command, cwd=cwd, environment=environment, log=self._log_of(number))

    def _wait_until_online(self) -> None:
        deadline = time.monotonic() + ONLINE_WITHIN_S
        while time.monotonic() < deadline:
            if self._online() == len(self._nodes):
                return
            time.sleep(processes.POLL_S)
        raise RuntimeError(f"not all SuperNodes came online within {ONLINE_WITHIN_S:.0f} s\n{self.logs()}")

    def _online(self) -> int:
        answer = subprocess.run(
            [str(Path(sys.executable).parent / "flwr"), "supernode", "list", "own", "--format", "json"],
            cwd=self.superlink.home,
            env=self.superlink.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            return sum(node["status"] == "online" for node in json.loads(answer.stdout)["nodes"])
        except (ValueError, KeyError):
            return 0


def node_config_text(config: NodeConfig) -> str:
    """A node configuration as `flower-supernode` reads it: key=value, texts in quotes, separated by spaces."""
    parts = []
    for key, value in config.items():
        if isinstance(value, str):
            if '"' in value or "\n" in value or "\\" in value:
                raise ValueError(f"Flower's node configuration cannot carry {value!r} under {key}")
            parts.append(f'{key}="{value}"')
        else:
            parts.append(f"{key}={str(value).lower()}")
    return " ".join(parts)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
