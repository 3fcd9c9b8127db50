"""Whole small runs under a trace: nodes that are away are not asked, the late are dropped or used, time is counted."""

import json

import pytest

from configs.errors import UserError
from server.report.finish import start_run
from server.report.summary import summary_without_times
from simulation.jobs import run_one
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

BASE = [*TWO_NODES_A_GROUP, "methods=[fedbind]", "evaluation.audit_pairs=false", "rounds.contrast=4"]
STEADY = "".join(f"{p},0,1,1e6,1\n" for p in range(4))
TWO_SLOW = "0,0,1,1e9,1\n1,0,0.5,1e9,1\n2,0,1,1e9,1\n3,0,1,1e9,1\n"


class Asked:
    """Which nodes are asked to train, by phase and round."""

    def __init__(self):
        self.by_round = {}

    def __call__(self, question, reply):
        if question.metadata.message_type in ("train.contrast", "train.autoencoder"):
            info = json.loads(question.content["info"]["json"])
            self.by_round.setdefault((info["phase"], info["round"]), set()).add(info["partition"])
        return reply


def run(path, rows=None, *overrides, watch=None):
    traced = []
    if rows is not None:
        path.mkdir(parents=True)
        (path / "trace.csv").write_text("node,time_s,speed,bandwidth_bytes_s,online\n" + rows)
        traced = [f"strategy.trace={path / 'trace.csv'}"]
    results, summary = whole_run(smallest(*BASE, *traced, *overrides), path / "run", watch=watch)
    weights = {str(f.relative_to(path)): f.read_bytes() for f in sorted(path.rglob("*.safetensors"))}
    events = [json.loads(line) for line in next(path.rglob("metrics.jsonl")).read_text().splitlines()]
    return results["fedbind", 0], summary, weights, events


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(tmp_path_factory.mktemp("plain"))


def test_a_trace_in_which_all_are_there_changes_nothing_but_the_time(tmp_path, plain):
    result, summary, weights, events = run(tmp_path / "traced", STEADY)
    assert weights == plain[2] and "simulated_seconds" not in plain[0]
    told = result["simulated_seconds"]
    assert set(told["by_phase"]) == {"autoencoder", "contrast"} and told["total"] == sum(told["by_phase"].values())
    assert summary["methods"]["fedbind"].pop("simulated_seconds")["mean"] == told["total"]
    assert {**summary_without_times(summary), "strategy": 0} == {**summary_without_times(plain[1]), "strategy": 0}

    rounds = [event for event in events if event["event"] == "simulated" and event["phase"] == "contrast"]
    assert [each["round"] for each in rounds] == [1, 2, 3, 4] and told["total"] == rounds[-1]["now"]
    sent = result["bytes"]["by_phase"]["contrast"]
    per_node = (sent["up"] + sent["down"]) / 4 / 1e6  # four nodes of equal speed: none takes less than the mean
    assert told["by_phase"]["contrast"] >= per_node + 4 * 0.01


def test_the_same_seed_gives_the_same_times(tmp_path):
    told = [run(tmp_path / name, TWO_SLOW, "strategy.deadline_s=0.2")[0]["simulated_seconds"] for name in "ab"]
    assert told[0] == told[1]


def test_nodes_that_are_away_are_not_asked_and_come_back(tmp_path):
    """Node 3 is away for the first 0.7 s; a round of 24 examples or so takes about 0.1 s."""
    rows = TWO_SLOW.replace("3,0,1,1e9,1\n", "3,0,1,1e9,0\n3,0.3,1,1e9,1\n").replace("1,0,0.5", "1,0,1")
    asked = Asked()
    result, _, _, events = run(tmp_path / "run", rows, watch=asked)
    times = {(e["phase"], e["round"]): e["now"] - e["seconds"] for e in events if e["event"] == "simulated"}
    for at, began in times.items():
        assert (3 in asked.by_round[at]) == (began >= 0.3 - 1e-6), (at, began)
    assert any(3 in nodes for nodes in asked.by_round.values()) and not all(3 in n for n in asked.by_round.values())
    assert result["nodes"]["skipped"] == []  # who is away is no fault


def longest(events):
    """Seconds that the rounds of the contrast take the node of full speed, without a deadline."""
    return max(e["seconds"] for e in events if e["event"] == "simulated" and e["phase"] == "contrast")


def test_the_late_are_dropped_and_named(tmp_path):
    _, _, _, events = run(tmp_path / "all", TWO_SLOW)
    slow = longest(events)
    result, _, _, events = run(tmp_path / "dropped", TWO_SLOW, f"strategy.deadline_s={0.75 * slow:g}")
    rounds = [e for e in events if e["event"] == "simulated" and e["phase"] == "contrast"]
    assert [each["late"] for each in rounds] == [[1]] * 4
    assert all(each["seconds"] == pytest.approx(0.75 * slow, rel=1e-3) for each in rounds)
    assert "dropped" in result["nodes"]["skipped"][-1]["reason"]


def test_fedbuff_uses_the_late_in_a_later_round(tmp_path):
    _, _, _, events = run(tmp_path / "all", TWO_SLOW, "strategy.name=fedbuff", "strategy.parameters.buffer=2")
    limit = f"strategy.deadline_s={0.75 * longest(events):g}"
    asked = Asked()
    _, _, used, events = run(
        tmp_path / "used", TWO_SLOW, "strategy.name=fedbuff", "strategy.parameters.buffer=2", limit, watch=asked
    )
    rounds = [e for e in events if e["event"] == "simulated" and e["phase"] == "contrast"]
    assert rounds[0]["late"] == [1] and [1] in [each["arrived"] for each in rounds[1:]]
    assert 1 in asked.by_round["contrast", 1] and 1 not in asked.by_round["contrast", 2]  # busy
    _, _, apart, _ = run(
        tmp_path / "other", TWO_SLOW, "strategy.name=fedbuff", "strategy.parameters={buffer: 2, power: 5}", limit
    )
    assert any(used[name] != apart[name.replace("used", "other")] for name in used)  # by its staleness


def test_killed_and_resumed_is_as_if_never_killed(tmp_path):
    (tmp_path / "trace.csv").write_text("node,time_s,speed,bandwidth_bytes_s,online\n" + TWO_SLOW)
    experiment = smallest(*BASE, f"strategy.trace={tmp_path / 'trace.csv'}", "strategy.deadline_s=0.2")
    told, seen = {}, []

    def stop(question, reply):
        if question.metadata.message_type == "train.contrast":
            seen.append(reply)
            if len(seen) == 6:
                raise KeyboardInterrupt
        return reply

    for name in ("broken", "whole"):
        folder = start_run(experiment, tmp_path / name)
        if name == "broken":
            with pytest.raises(KeyboardInterrupt):
                run_one(experiment, "fedbind", 0, folder, watch=stop)
        result = run_one(experiment, "fedbind", 0, folder)
        told[name] = {key: value for key, value in result.items() if key not in ("seconds", "cpu_seconds")}
    assert told["broken"] == told["whole"] and told["whole"]["simulated_seconds"]["total"] > 0


def test_a_trace_that_does_not_fit_ends_the_job_before_a_node_is_asked(tmp_path):
    with pytest.raises(UserError, match="does not name node 3"):
        run(tmp_path / "run", STEADY.replace("3,0,1,1e6,1\n", ""))
    with pytest.raises(UserError, match="speed is 'x'") as caught:
        run(tmp_path / "other", STEADY.replace("1e6,1\n", "1e6,1\n", 1) + "0,4,x,1,1\n")
    assert caught.value.where.endswith("line 6")


def test_a_round_of_one_node_alone_goes_on(tmp_path):
    """Nobody else has given an embedding yet when node 2 begins the contrast by itself."""
    rows = "".join(f"{p},0,1,1e9,1\n{p},0.1,1,1e9,{int(p == 2)}\n{p},0.6,1,1e9,1\n" for p in range(4))
    asked = Asked()
    result, _, _, _events = run(tmp_path / "run", rows, "rounds.contrast=8", watch=asked)
    assert asked.by_round["contrast", 1] == {2} and asked.by_round["contrast", 8] == {0, 1, 2, 3}
    assert result["accuracy"] is not None and result["nodes"]["skipped"] == []
