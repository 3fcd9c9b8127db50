"""A node's own state: in memory, on disk, across a crash; that of old runs goes away."""

import errno
import os
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import client.store
from client.store import DiskStore, MemoryStore, release, store_of

DAY = 86_400


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else DiskStore(tmp_path / "node")


def test_what_was_put_is_got_until_it_is_dropped(store):
    assert store.get("moments") is None
    store.put("moments", b"one")
    store.put("other", b"")
    store.put("moments", b"two")
    assert (store.get("moments"), store.get("other")) == (b"two", b"")
    store.drop("moments")
    store.drop("moments")
    assert store.get("moments") is None and store.get("other") == b""


@given(st.dictionaries(st.text(max_size=30), st.binary(max_size=50), max_size=5))
def test_any_name_keeps_its_own_value_on_disk(parts):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        store = DiskStore(Path(folder) / "node")
        for name, value in parts.items():
            store.put(name, value)
        assert {name: DiskStore(Path(folder) / "node").get(name) for name in parts} == parts


def test_names_with_slashes_and_dots_stay_in_the_folder(tmp_path):
    store = DiskStore(tmp_path / "node")
    store.put("../../out", b"x")
    assert [path.parent for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "node"]


def test_only_the_owner_may_read(tmp_path):
    store = DiskStore(tmp_path / "node")
    store.put("key", b"secret")
    (file,) = store.folder.iterdir()
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700 and stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("step", ["replace", "fdopen"])
def test_a_crash_between_writing_and_renaming_leaves_the_old_value(tmp_path, monkeypatch, step):
    store = DiskStore(tmp_path / "node")
    store.put("moments", b"old")

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(client.store.os, step, dies)
        with pytest.raises(KeyboardInterrupt):
            store.put("moments", b"new and much longer")
    again = DiskStore(tmp_path / "node")
    assert again.get("moments") == b"old"
    again.put("moments", b"new")
    assert again.get("moments") == b"new"


def test_resident_state_is_one_node_s_in_one_run_until_the_run_is_released():
    memory = {"store": "memory"}
    try:
        store_of(1, 7, memory).put("a", b"1")
        store_of(1, 8, memory).put("a", b"2")
        store_of(2, 7, memory).put("a", b"3")
        assert [store_of(run, node, memory).get("a") for run, node in ((1, 7), (1, 8), (2, 7))] == [b"1", b"2", b"3"]
        release(1)
        assert [store_of(run, node, memory).get("a") for run, node in ((1, 7), (1, 8), (2, 7))] == [None, None, b"3"]
    finally:
        release(1)
        release(2)


def test_state_on_disk_is_there_for_the_next_process_and_apart_by_run_and_node(tmp_path):
    config = {"state-dir": str(tmp_path)}
    store_of(1, 7, config).put("a", b"1")
    assert store_of(1, 7, dict(config)).get("a") == b"1"
    assert store_of(1, 8, config).get("a") is None and store_of(2, 7, config).get("a") is None


def test_the_folder_is_the_node_config_s_then_the_environment_s_then_the_home_s(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FEDBIND_STATE", raising=False)
    assert store_of(1, 7, {}).folder.parents[1] == tmp_path / "home" / ".fedbind"
    monkeypatch.setenv("FEDBIND_STATE", str(tmp_path / "environment"))
    assert store_of(1, 7, {}).folder.parents[1] == tmp_path / "environment"
    assert store_of(1, 7, {"state-dir": str(tmp_path / "own")}).folder.parents[1] == tmp_path / "own"


def aged(path, days):
    for each in [*path.rglob("*"), path]:
        os.utime(each, (time.time() - days * DAY,) * 2)


def test_state_of_runs_not_touched_for_a_week_is_removed_when_another_run_begins(tmp_path):
    config = {"state-dir": str(tmp_path)}
    for run, days in ((1, 8), (2, 6)):
        store_of(run, 7, config).put("a", b"kept")
        aged(tmp_path / f"run-{run}", days)
    store_of(3, 7, config)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-2", "run-3"]
    assert store_of(2, 7, config).get("a") == b"kept"


def test_a_long_run_that_still_writes_keeps_its_state(tmp_path):
    """Its own folder is as old as the run; what tells that it lives is the state that its nodes put in."""
    config = {"state-dir": str(tmp_path)}
    store = store_of(1, 7, config)
    store.put("handle-key", b"key")
    aged(tmp_path / "run-1", 9)
    store.put("moments", b"of today")
    store_of(2, 7, config)
    assert store_of(1, 7, config).get("handle-key") == b"key"


def test_what_could_not_be_written_leaves_the_old_value_and_nothing_beside(tmp_path, monkeypatch):
    store = DiskStore(tmp_path / "node")
    store.put("moments", b"one")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("client.store.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        store.put("moments", b"two")
    assert store.get("moments") == b"one" and len(list((tmp_path / "node").iterdir())) == 1
