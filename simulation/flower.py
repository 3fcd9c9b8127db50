"""The engine `flower`: the same apps, started by `flwr run` on Flower's own Ray simulation.

It costs about 20 s to start and 20 to 45 CPU-ms a message, so it pays where the work per message is long, and it shows
that nothing here leans on the in-process engine.
"""

import importlib.metadata
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import tomli_w

from configs.errors import UserError
from simulation.superlink import Outcome, RunConfig, SuperLink, tail

PACKAGES = ("configs", "protocol", "models", "strategies", "client", "server", "simulation", "cli")

# What [tool.flwr.app] of pyproject.toml says, for packages that were installed without it (a test holds them together).
APP: dict[str, Any] = {
    "publisher": "fedbind",
    "fab-include": ["configs/**/*.yaml", "models/**/*.json", *(f"{package}/**/*.py" for package in PACKAGES)],
    "components": {"serverapp": "server.app:app", "clientapp": "client.app:app"},
    "config": {"config": "configs/demo.yaml", "set": "", "json": "", "out": ""},
}

LONGEST_RAY_FOLDER = 38  # Ray's sockets lie below it, and a socket's path may have 107 characters


def run_with_flower(
    project_root: Path | None,
    run_config: RunConfig,
    num_nodes: int,
    log: Path,
    timeout_s: float | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Run the project's apps once on Flower's simulation with `num_nodes` SuperNodes, and wait for the end.

    `project_root` is the folder that is bundled; None stands for the code that is running, a checkout or an installed
    package. `run_config` overrides [tool.flwr.app.config]; its paths must be absolute, since both apps work in the
    bundled folder. What the apps print is added to `log`. Everything that was started is ended before this returns.

    Raises UserError with the end of the log where the run fails, or does not finish within `timeout_s` seconds. Another
    thread ends the run by setting `stop`, and should then wait for this one.
    """
    log = log.resolve()
    log.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="fedbind-"))
    try:
        app = app_folder(scratch / "app") if project_root is None else project_root.resolve()
        if not (app / "pyproject.toml").is_file():
            raise UserError(what="Flower has no app to bundle", where=str(app), expected="a folder with pyproject.toml")
        home = scratch / "flower"
        home.mkdir()
        with _RaySimulation(home, cwd=app) as superlink:
            outcome = superlink.run(
                app,
                run_config,
                log=log,
                federation_config=federation_config(num_nodes),
                timeout_s=timeout_s,
                stop=stop,
            )
        _raise_unless_completed(outcome, log)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def federation_config(num_nodes: int, cores: int | None = None) -> str:
    """Flower's options for `num_nodes` SuperNodes, one core for each at work, no more workers than nodes."""
    workers = max(1, min(num_nodes, cores if cores is not None else os.cpu_count() or 1))
    return f"num-supernodes={num_nodes} client-resources-num-cpus=1 init-args-num-cpus={workers}"


def app_folder(into: Path) -> Path:
    """The folder that Flower bundles: this checkout; or, where there is none, a copy of the packages made at `into`."""
    here = Path(__file__).resolve().parents[1]
    if (here / "pyproject.toml").is_file():
        return here
    for package in PACKAGES:
        shutil.copytree(here / package, into / package, ignore=shutil.ignore_patterns("__pycache__"))
    project = {"name": "fedbind", "version": importlib.metadata.version("fedbind"), "description": "", "license": ""}
    bundle = {"project": project, "tool": {"flwr": {"app": APP}}}
    (into / "pyproject.toml").write_text(tomli_w.dumps(bundle), encoding="utf-8")
    return into


class _RaySimulation(SuperLink):
    """A SuperLink that simulates its nodes; Ray's session and the nodes' own state lie in the folder that goes away."""

    def __init__(self, home: Path, cwd: Path) -> None:
        super().__init__(home, cwd, simulation=True)
        self.environment["FEDBIND_STATE"] = str(home.parent / "state")
        if len(str(home.parent)) <= LONGEST_RAY_FOLDER:
            self.environment["RAY_TMPDIR"] = str(home.parent)


def _raise_unless_completed(outcome: Outcome, log: Path) -> None:
    if outcome.completed:
        return
    raise UserError(
        what=f"the run failed on Flower's simulation ({outcome.status}): {outcome.details}",
        where=str(log),
        todo="its last lines are:\n" + tail(log),
    )
