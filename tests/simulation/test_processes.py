import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from simulation import processes

# A parent that ends when asked, and a child that will not: the child must not be left behind.
FAMILY = """
import subprocess, sys, time
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
started = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE)
started.stdout.readline()
print(started.pid, flush=True)
time.sleep(60)
"""


def test_ending_a_process_ends_its_stubborn_child(tmp_path: Path) -> None:
    log = tmp_path / "family.log"
    parent = processes.start([sys.executable, "-c", FAMILY], cwd=tmp_path, environment=os.environ, log=log)
    deadline = time.monotonic() + 30
    while not log.read_text().strip() and time.monotonic() < deadline:
        time.sleep(0.02)
    child = psutil.Process(int(log.read_text()))
    processes.end([parent], within_s=0.5)
    assert parent.poll() is not None
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_ending_what_has_ended_is_quiet(tmp_path: Path) -> None:
    done = processes.start([sys.executable, "-c", ""], cwd=tmp_path, environment=os.environ, log=tmp_path / "log")
    done.wait(timeout=30)
    processes.end([done])


def test_a_process_that_ends_early_is_never_healthy(tmp_path: Path) -> None:
    done = processes.start([sys.executable, "-c", ""], cwd=tmp_path, environment=os.environ, log=tmp_path / "log")
    assert not processes.wait_until_healthy(done, processes.free_port(), within_s=30)


LEAVES_WITHOUT_ENDING = """
import os, sys
from pathlib import Path
from simulation import processes
sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
started = processes.start(sleeper, cwd=Path("."), environment=os.environ, log=Path("log"))
print(started.pid)
"""


def test_a_program_that_leaves_takes_its_processes_along(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    told = subprocess.run(
        [sys.executable, "-c", LEAVES_WITHOUT_ENDING], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    pid = int(told.stdout)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
