import io
import json

import pytest

from server.progress import ProgressView, duration, follow, seconds_left_of_job, size
from server.tracking import JobLog, RunFolder

PLAN = {"event": "plan", "phases": [{"phase": "embed", "rounds": 1}, {"phase": "contrast", "rounds": 20}]}


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def events_of_job(method="fedbind", seed=0, rounds=20, seconds=2.0, whole=True):
    """A job whose embed takes 5 s and whose rounds take `seconds` each."""
    start, t = {"event": "phase", "status": "start"}, 5.0
    events = [{**PLAN, "t": 0.0}, {**start, "phase": "embed", "t": 0.0}]
    events.append({"event": "phase", "phase": "embed", "status": "end", "seconds": 5.0, "t": 5.0})
    events.append({**start, "phase": "contrast", "t": 5.0})
    for i in range(1, rounds + 1):
        t += seconds
        events.append({
            "event": "round", "phase": "contrast", "round": i, "rounds": 20,
            "nodes": {"ok": 3, "late": 1, "skipped": 0},
            "loss": 1 / i, "bytes_up": 1000, "bytes_down": 2000, "seconds": seconds, "t": t,
        })  # fmt: skip
    if whole:
        events.append({"event": "phase", "phase": "contrast", "status": "end", "seconds": t - 5, "t": t})
    return [{"method": method, "seed": seed, **event} for event in events]


def shown(events, kind="plain", clock=None, **options):
    stream = io.StringIO()
    view = ProgressView(stream, kind, clock=clock or Clock(), **options)
    for event in events:
        view.update(event)
    return view, stream


def test_plain_lines_are_one_per_phase_and_one_per_ten_rounds():
    _, stream = shown(events_of_job())
    lines = stream.getvalue().splitlines()
    assert lines == [
        "fedbind seed 0 embed done in 5 s; up 0 B, down 0 B; left ? (run ?)",
        "fedbind seed 0 contrast round 10/20, nodes 3/1/0, loss 0.1000; up 10.0 kB, down 20.0 kB; left 20 s (run 20 s)",
        "fedbind seed 0 contrast round 20/20, nodes 3/1/0, loss 0.0500; up 20.0 kB, down 40.0 kB; left 0 s (run 0 s)",
        "fedbind seed 0 contrast done in 40 s, loss 0.0500; up 20.0 kB, down 40.0 kB; left 0 s (run 0 s)",
    ]


def test_slow_rounds_get_a_line_every_five_seconds():
    clock, stream = Clock(), io.StringIO()
    view = ProgressView(stream, "plain", clock=clock)
    for event in events_of_job(rounds=4, whole=False):
        clock.now = event["t"]  # a round every 2 s
        view.update(event)
    assert next(line for line in stream.getvalue().splitlines() if "round" in line).startswith(
        "fedbind seed 0 contrast round 3/20"
    )
    assert stream.getvalue().count(" round ") == 1


def test_a_round_run_again_after_a_kill_counts_its_bytes_once():
    events = events_of_job(rounds=3, whole=False)
    view, _ = shown([*events, events[-1]])
    assert view.states["fedbind", 0].bytes_up == 3000


def test_time_left_is_unknown_until_something_tells_it():
    clock = Clock()
    begun, _ = shown(events_of_job(rounds=0, whole=False), clock=clock)
    state = begun.states["fedbind", 0]
    assert seconds_left_of_job(state, []) is None
    known, _ = shown(events_of_job(rounds=5, whole=False))
    assert seconds_left_of_job(known.states["fedbind", 0], []) == pytest.approx(15 * 2.0)
    # A second job that is only at its start takes the first one's seconds per round.
    assert seconds_left_of_job(state, [known.states["fedbind", 0]]) == pytest.approx(20 * 2.0)


def test_time_left_of_the_run_counts_the_jobs_that_wait():
    clock = Clock()
    finished = events_of_job(seed=0)  # took 45 s
    running = events_of_job(seed=1, rounds=5, whole=False)  # 30 s left
    view, _ = shown(finished + running, clock=clock, jobs=4)
    assert view._left() == pytest.approx(30 + 2 * 45)
    clock.now = 10.0  # nothing heard for ten seconds
    assert view._left() == pytest.approx(20 + 2 * 45)
    unknown, _ = shown(running, jobs=4)
    assert unknown._left() is None  # no job has finished yet
    last, _ = shown(running, jobs=1)
    assert last._left() == pytest.approx(30)


def test_notes_are_said_once_and_skips_are_counted_after_the_third():
    note = {"event": "note", "method": "fedbind", "text": "A sentence encoder."}
    skip = {"event": "skip", "method": "fedbind", "seed": 0, "phase": "contrast", "round": 2, "node": 1}
    skips = [{**skip, "reason": f"bad \x1b[2J {i}"} for i in range(5)]
    _, stream = shown([{**note, "seed": 0}, {**note, "seed": 1}, *skips])
    lines = stream.getvalue().splitlines()
    assert lines[0] == "fedbind seed 0: A sentence encoder."
    assert len(lines) == 4 and "only counted" in lines[3]
    assert "\x1b" not in stream.getvalue()


def test_epochs_count_as_rounds():
    plan = {"event": "plan", "phases": [{"phase": "fine-tune", "rounds": 40}]}
    start = {"event": "phase", "phase": "fine-tune", "status": "start", "t": 0.0}
    epochs = [{"event": "epoch", "phase": "fine-tune", "epoch": e, "loss": 1.0, "t": 0.5 * e} for e in range(1, 12)]
    _, stream = shown([{"method": "lower_bound", "seed": 0, **event} for event in (plan, start, *epochs)])
    assert "lower_bound seed 0 fine-tune epoch 11/40, loss 1.0000; up 0 B, down 0 B; left 14 s" in stream.getvalue()


def test_json_lines_are_the_events_and_a_last_word():
    events = events_of_job(rounds=1)
    view, stream = shown(events, "json", jobs=2)
    view.close()
    view.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert lines[:-1] == events
    assert lines[-1] == {"event": "closed", "jobs_done": 1, "jobs": 2, "complete": False}


def test_a_terminal_gets_a_table_of_all_jobs(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "110")
    stream, clock = Terminal(), Clock()
    view = ProgressView(stream, jobs=3, clock=clock)
    assert view.kind == "rich"
    for event in events_of_job(rounds=20) + events_of_job("[red]x", seed=4, rounds=5, whole=False):
        view.update(event)
    view.update({"event": "note", "method": "fedbind", "seed": 0, "text": "[bold]kept as it is"})
    view.close()
    last = stream.getvalue().rpartition("jobs done")[2]
    assert "1 of 3" in stream.getvalue().rpartition("jobs done")[0][-10:]
    row = next(line for line in last.splitlines() if "[red]x seed 4" in line)
    assert row.split()[-10:] == ["contrast", "5/20", "3/1/0", "0.2000", "5.0", "kB", "10.0", "kB", "30", "s"]
    assert "[bold]kept as it is" in last and "1 finished" in last
    assert last.endswith("Stopped with 1 of 3 jobs finished.\n")


def test_the_table_is_not_redrawn_at_every_event(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    view = ProgressView(stream, clock=Clock())
    for event in events_of_job():
        view.update(event)
    assert stream.getvalue().count("jobs done") == 1
    view.close()


@pytest.mark.parametrize(("terminal", "term", "kind"), [(Terminal, "dumb", "plain"), (io.StringIO, "xterm", "plain")])
def test_auto_is_plain_where_there_is_no_able_terminal(monkeypatch, terminal, term, kind):
    monkeypatch.setenv("TERM", term)
    assert ProgressView(terminal()).kind == kind


def test_the_closing_lines_say_on_what_data():
    figures = {"accuracy": {"mean": 0.8234, "std": 0.011}, "macro_f1": {"mean": 0.81, "std": None}}
    summary = {
        "data": {"name": "made-up", "simulated": True},
        "seeds": [0, 1],
        "methods": {"fedbind": figures, "lower_bound": {"accuracy": None, "macro_f1": None}},
        "incomplete": [["lower_bound", 0]],
    }
    view, stream = shown([])
    view.close(summary)
    assert stream.getvalue().splitlines() == [
        "SIMULATED data (made-up), 2 seeds",
        "fedbind      accuracy 82.3 ± 1.1 %  macro-F1 0.810",
        "lower_bound  accuracy ? %  macro-F1 ?",
        "1 job did not finish.",
    ]


def test_follow_sees_jobs_as_they_appear_and_misses_nothing_written_at_the_end(tmp_path):
    folder = RunFolder.create(tmp_path)
    folder.write_progress("running", 0, 2)
    stream, steps = io.StringIO(), []

    def work(_seconds):
        """Stands in for the wait between two looks: the workers write meanwhile."""
        seed = len(steps)
        steps.append(_seconds)
        with JobLog(folder.job("fedbind", seed), "fedbind", seed) as log:
            for event in events_of_job(seed=seed):
                log.append({key: value for key, value in event.items() if key != "t"})

    follow(tmp_path, ProgressView(stream, "json"), lambda: len(steps) < 2, sleep=work)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert steps == [0.2, 0.2]
    for seed in (0, 1):
        assert [e["event"] for e in events if e["seed"] == seed] == [e["event"] for e in events_of_job()]


def test_a_job_with_a_result_is_finished_whatever_its_events_say(tmp_path):
    folder = RunFolder.create(tmp_path)
    with JobLog(folder.job("fedbind", 0), "fedbind", 0) as log:
        log.append(PLAN)
    view = ProgressView(io.StringIO(), "plain")
    follow(tmp_path, view, lambda: False)
    assert not view.states["fedbind", 0].finished
    folder.write_json("jobs/fedbind-seed0/result.json", {})
    follow(tmp_path, view, lambda: False)
    assert view.states["fedbind", 0].finished


def test_follow_waits_for_a_folder_that_is_not_there_yet(tmp_path):
    alive = iter([True, False])
    stream = io.StringIO()
    follow(tmp_path / "later", ProgressView(stream, "plain"), lambda: next(alive), sleep=lambda _: None)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (0.4, "0 s"), (59.6, "1:00"), (185, "3:05"), (7385, "2:03:05")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(980, "980 B"), (1200, "1.2 kB"), (3.4e9, "3.4 GB"), (5e12, "5000.0 GB")])
def test_sizes(count, text):
    assert size(count) == text
