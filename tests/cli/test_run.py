"""`fedbind run` from end to end: its last line, Ctrl-C in the middle, and going on from there."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.app import call
from server.report.summary import summary_without_times
from tests.simulation.smallest import SMALLEST

REPOSITORY = Path(__file__).parents[2]


def fedbind(*arguments):
    """The command in a process group of its own, as a terminal starts it."""
    return subprocess.Popen(
        [sys.executable, "-c", "from cli.app import main; main()", *map(str, arguments)],
        cwd=REPOSITORY, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )  # fmt: skip


def until(condition, process, within_s=180):
    """Polls until the condition holds; fails where the process ends or the time is over before."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing came in time"
        time.sleep(0.05)


def test_the_last_line_with_json_is_the_summary(tmp_path, capsys):
    folder = tmp_path / "run"
    code = call(["run", "demo", *SMALLEST, "methods=[fedbind]", "--json", "--out", str(folder)])
    out, err = capsys.readouterr()
    assert code == 0 and "Traceback" not in err
    summary = json.loads(out.splitlines()[-1])
    assert summary == json.loads((folder / "summary.json").read_text())
    assert {"run", "data", "seeds", "methods", "pairing_accuracy", "bytes", "seconds", "nodes"} <= set(summary)
    assert summary["data"] == {"name": "wearable_sim", "simulated": True}
    assert 0 <= summary["methods"]["fedbind"]["accuracy"]["mean"] <= 1
    assert json.loads((folder / "progress.json").read_text())["status"] == "finished"
    assert (folder / "report.html").stat().st_size > 1000


@pytest.mark.slow
def test_ctrl_c_says_how_far_it_came_and_resume_goes_on_without_repeating(tmp_path):
    folder = tmp_path / "run"
    wanted = ["run", "demo", *SMALLEST, "methods=[lower_bound, fedbind]", "run.workers=1", "rounds.contrast=40"]
    process = fedbind(*wanted, "--out", folder)
    first, second = folder / "jobs/lower_bound-seed0/result.json", folder / "jobs/fedbind-seed0/metrics.jsonl"
    try:
        until(lambda: first.is_file() and second.is_file() and second.read_text().count('"round"') >= 3, process)
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does: to the command and to its workers
        _, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert "stopped by hand" in err and "--resume" in err and "Traceback" not in err
    progress = json.loads((folder / "progress.json").read_text())
    assert (progress["status"], progress["jobs_done"], progress["jobs"]) == ("interrupted", 1, 2)
    assert json.loads((folder / "summary.json").read_text())["incomplete"] == [["fedbind", 0]]
    assert (folder / "report.html").is_file() and not (folder / "jobs/fedbind-seed0/result.json").exists()

    before = first.read_bytes(), first.stat().st_mtime_ns
    assert call(["run", "--resume", str(folder), "--quiet"]) == 0
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before  # what was finished is not run again
    assert json.loads((folder / "progress.json").read_text())["status"] == "finished"
    resumed = json.loads((folder / "summary.json").read_text())
    assert "incomplete" not in resumed and set(resumed["methods"]) == {"lower_bound", "fedbind"}
    assert summary_without_times(resumed)["methods"]["lower_bound"]["accuracy"]["mean"] is not None


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked for in /proc")
def test_workers_end_with_a_command_that_was_killed(tmp_path):
    folder = tmp_path / "run"
    wanted = ["run", "demo", *SMALLEST, "methods=[lower_bound, fedbind]", "run.workers=2", "rounds.contrast=100000"]
    process = fedbind(*wanted, "--out", folder)
    try:
        until(lambda: (folder / "jobs/fedbind-seed0/metrics.jsonl").is_file(), process)
        others = [pid for pid in in_group(process.pid) if pid != process.pid]
        assert others
        process.kill()
        process.wait()
        deadline = time.monotonic() + 60
        while in_group(process.pid):
            assert time.monotonic() < deadline, "a worker goes on without its parent"
            time.sleep(0.05)
    finally:
        if in_group(process.pid):
            os.killpg(process.pid, signal.SIGKILL)


def in_group(group):
    """Processes of the group that are not over yet, by /proc."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = each.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of) == group and state != "Z":
            found.append(int(each.parent.name))
    return found
