import json
import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import UserError
from server import tracking
from server.tracking import (
    EventTail,
    JobLog,
    RunFolder,
    environment,
    printable,
    read_events,
    without_nan,
    without_private_paths,
)


def counting_clock(start=100.0, step=1.0):
    now = [start - step]

    def clock():
        now[0] += step
        return now[0]

    return clock


def test_events_carry_time_method_and_seed(tmp_path):
    with JobLog(tmp_path, "fedbind", 3, clock=counting_clock()) as log:
        log.append({"event": "note", "text": "hello"})
        log.append({"event": "round", "phase": "contrast", "round": 1, "loss": math.nan})
    assert read_events(tmp_path / "metrics.jsonl") == [
        {"event": "note", "t": 1.0, "method": "fedbind", "seed": 3, "text": "hello"},
        {"event": "round", "t": 2.0, "method": "fedbind", "seed": 3, "phase": "contrast", "round": 1, "loss": None},
    ]


def test_an_event_is_on_disk_before_append_returns(tmp_path):
    with JobLog(tmp_path, "fedbind", 0) as log:
        written = log.append({"event": "note", "text": "now"})
        assert read_events(tmp_path / "metrics.jsonl") == [written]


def test_a_half_written_last_line_is_ignored_and_cut_off_on_resume(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"event": "note", "t": 7.5, "text": "whole"}\n{"event": "ro')
    assert [event["text"] for event in read_events(path)] == ["whole"]
    with JobLog(tmp_path, "fedbind", 0, clock=counting_clock()) as log:
        log.append({"event": "note", "text": "after"})
    events = read_events(path)
    assert [event["text"] for event in events] == ["whole", "after"]
    assert events[1]["t"] == 8.5  # the seconds run on


def test_a_damaged_line_in_the_middle_becomes_a_note_that_says_so(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"event": "note", "text": "a"}\n\x00\xff\n[1]\n{"event": "note", "text": "b"}\n')
    texts = [event["text"] for event in read_events(path)]
    assert (texts[0], texts[3]) == ("a", "b")
    assert "Line 2 of metrics.jsonl" in texts[1] and "Line 3 of metrics.jsonl" in texts[2]


@given(st.lists(st.text(max_size=5), min_size=1, max_size=6), st.data())
def test_a_tail_reads_each_event_once_wherever_the_writer_was_interrupted(tmp_path_factory, texts, data):
    path = tmp_path_factory.mktemp("tail") / "metrics.jsonl"
    content = "".join(json.dumps({"event": "note", "text": text}) + "\n" for text in texts).encode()
    cut = data.draw(st.integers(0, len(content)))
    tail = EventTail(path)
    assert tail.read() == []
    path.write_bytes(content[:cut])
    first = tail.read()
    path.write_bytes(content)
    assert [event["text"] for event in first + tail.read()] == texts
    assert tail.read() == []


def test_files_are_replaced_whole_and_leave_nothing_beside_them(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.write_json("a.json", {"x": np.float32(0.5), "y": np.array([1.0, math.inf]), "z": (math.nan, 2)})
    folder.write_yaml("config.yaml", {"b": 1, "a": Path("data")})
    folder.write_text("sub/b.txt", "é\n")
    folder.write_progress("running", 1, 15, now={"method": "fedbind", "seed": 0, "phase": "bind", "round": None})
    assert folder.read_json("a.json") == {"x": 0.5, "y": [1.0, None], "z": [None, 2]}
    assert list(yaml.safe_load((folder.path / "config.yaml").read_text())) == ["b", "a"]
    assert (folder.path / "sub/b.txt").read_bytes() == "é\n".encode()
    progress = folder.read_json("progress.json")
    assert (progress["status"], progress["jobs_done"], progress["jobs"], progress["error"]) == ("running", 1, 15, None)
    assert sorted(p.name for p in folder.path.iterdir()) == ["a.json", "config.yaml", "jobs", "progress.json", "sub"]


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    folder = RunFolder.create(tmp_path)
    folder.write_text("a.txt", "old")

    def fails(*_):
        raise OSError("disk")

    monkeypatch.setattr(tracking.os, "replace", fails)
    with pytest.raises(OSError, match="disk"):
        folder.write_text("a.txt", "new")
    assert [p.name for p in tmp_path.glob("*a.txt*")] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_run_is_never_begun_over_another_and_opened_only_where_it_is(tmp_path):
    with pytest.raises(UserError, match="No run lies here"):
        RunFolder.open(tmp_path)
    folder = RunFolder.create(tmp_path)
    folder.write_yaml("config.yaml", {})
    assert RunFolder.open(tmp_path).path == tmp_path
    with pytest.raises(UserError, match="already holds a run"):
        RunFolder.create(tmp_path)
    with pytest.raises(UserError, match="is a file"):
        RunFolder.create(tmp_path / "config.yaml")


def test_jobs_are_listed_by_method_and_seed(tmp_path):
    folder = RunFolder.create(tmp_path)
    for method, seed in (("upper_bound", 2), ("upper_bound", 10), ("a-seed1", 0)):
        folder.job(method, seed)
    (tmp_path / "jobs" / "notes").mkdir()
    assert [(method, seed) for method, seed, _ in folder.jobs()] == [
        ("a-seed1", 0),
        ("upper_bound", 2),
        ("upper_bound", 10),
    ]
    with pytest.raises(ValueError, match="cannot name a folder"):
        folder.job("../x", 0)


def test_a_damaged_json_file_is_named(tmp_path):
    folder = RunFolder.create(tmp_path)
    assert folder.read_json("nothing.json") is None
    folder.write_text("a.json", "{")
    with pytest.raises(UserError, match=r"a\.json"):
        folder.read_json("a.json")


def test_the_environment_names_no_person_host_or_home(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/srv/people/alice"))
    monkeypatch.setattr(tracking.getpass, "getuser", lambda: "alice")
    monkeypatch.setattr(tracking.platform, "release", lambda: "6.1.0-alices-laptop")
    found = environment(
        ["/srv/people/alice/bin/fedbind", "run", "/srv/people/alice/x.yaml", "--out=/home/bob/o", "/data/alice/y"]
    )
    assert found["command"] == "fedbind run ~/x.yaml --out=~/o /data/user/y"
    assert "alice" not in json.dumps(found) and "bob" not in json.dumps(found)
    assert found["platform"].split()[1] == "6.1.0"
    assert found["cores"] >= 1 and found["packages"]["numpy"] == np.__version__
    assert set(found) == {"python", "platform", "cpu", "cores", "memory_bytes", "packages", "command", "started"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/bob/a.mat: short", "~/a.mat: short"),
        (r"C:\Users\bob\a.mat", r"~\a.mat"),
        ("'/Users/bob'", "'~'"),
        ("/scratch/home.txt", "/scratch/home.txt"),
        ("https://example.org/homes/a", "https://example.org/homes/a"),
    ],
)
def test_home_folders_are_written_as_a_tilde(text, shown):
    assert without_private_paths(text) == shown


def test_control_and_direction_characters_are_shown_as_such():
    assert printable("a\x1b[2Jb\u202ec\ud800 d\u00a0é") == "a\ufffd[2Jb\ufffdc\ufffd d\u00a0é"


@settings(max_examples=30)
@given(st.recursive(st.floats() | st.integers() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_without_nan_is_always_strict_json(value):
    plain = without_nan(value)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
