"""Simulated time by hand: who is asked, how long a round takes, who is late."""

import numpy as np
import pytest

from configs.errors import UserError
from configs.load import load
from configs.trace import Moment, Trace
from server.clock import Clock
from server.dispatch import Dispatch
from strategies.fedavg import FedAvg
from strategies.fedbuff import FedBuff
from strategies.modality_wise import Contribution, next_blocks

HELD = {0: ["a"], 1: ["a"]}


def clock(moments, *, deadline=None, late=False):
    events = []
    dispatch = Dispatch(None, events, "fedbind", 0, 60.0, 1)
    trace = Trace({p: [Moment(*each) for each in own] for p, own in moments.items()})
    return Clock(trace, 0.5, deadline, late, dispatch), events


def sent(clock, bytes_by_node):
    clock.dispatch.traffic.update(bytes_by_node)


def replies(*nodes, examples=10, value=1.0):
    return [Contribution(p, {"a": {"w": np.full(2, value)}}, 10.0, {"examples": float(examples)}) for p in nodes]


STEADY = {0: [(0, 2.0, 100.0, True)], 1: [(0, 1.0, 10.0, True)]}


def test_a_round_takes_as_long_as_its_slowest_node():
    made, events = clock(STEADY)
    assert list(made.begin("contrast", 1, HELD)) == [0, 1]
    sent(made, {0: 500, 1: 30})  # node 0: 500/100 + 10 × 0.5 / 2 = 7.5 s; node 1: 30/10 + 10 × 0.5 / 1 = 8 s
    found = replies(0, 1)
    assert made.end("contrast", 1, found, {}) == found and made.now == 8.0
    assert events[-1]["seconds"] == 8.0 and made.dispatch.tally.simulated == {"contrast": 8.0}
    made.begin("contrast", 2, HELD)
    sent(made, {0: 500})
    made.end("contrast", 2, replies(0), {}, epochs=3)  # 5 + 3 × 2.5
    assert made.now == 8.0 + 12.5


def test_who_is_offline_is_not_asked_and_time_passes_until_somebody_is_there():
    made, _ = clock({0: [(0, 1, 1, False), (5, 1, 1, True)], 1: [(0, 1, 1, False), (7, 1, 1, True)]})
    assert list(made.begin("contrast", 1, HELD)) == [0] and made.now == 5.0
    assert made.first_time("contrast", 0) and not made.first_time("contrast", 0)
    sent(made, {0: 2})
    made.end("contrast", 1, replies(0, examples=0), {})
    assert made.now == 7.0 and list(made.begin("contrast", 2, HELD)) == [0, 1]
    made.begin("contrast", 1, HELD)  # the phase begins anew
    assert made.first_time("contrast", 0)


def test_where_nobody_ever_comes_the_job_ends_with_a_message():
    made, _ = clock({0: [(0, 1, 1, True), (3, 1, 1, False)], 1: [(0, 1, 1, False)]})
    made.begin("contrast", 1, HELD)
    sent(made, {0: 3})
    made.end("contrast", 1, replies(0, examples=0), {})
    with pytest.raises(UserError, match="no node is online from 3 s on"):
        made.begin("contrast", 2, HELD)


def test_the_late_are_dropped_and_the_round_ends_at_its_deadline():
    made, _ = clock(STEADY, deadline=7.9)
    made.begin("contrast", 1, HELD)
    sent(made, {0: 500, 1: 30})
    assert [each.partition for each in made.end("contrast", 1, replies(0, 1), {})] == [0] and made.now == 7.9
    (told,) = made.dispatch.tally.skipped
    assert told["node"] == 1 and told["reason"] == "late: 8 s, deadline 7.9 s; dropped"
    assert list(made.begin("contrast", 2, HELD)) == [0, 1]  # what it did is lost, and it is asked again


def test_a_late_reply_counts_in_the_round_in_which_it_arrives_with_its_staleness():
    made, events = clock(STEADY, deadline=4.0, late=True)
    start = {"a": {"w": np.zeros(2)}}
    made.begin("contrast", 1, HELD)
    sent(made, {0: 0, 1: 30})  # 2.5 s and 8 s
    assert [e.partition for e in made.end("contrast", 1, replies(0, 1), {0: start, 1: start})] == [0]
    assert list(made.begin("contrast", 2, HELD)) == [0]  # node 1 is busy
    sent(made, {0: 100})  # 3.5 s, so the round ends at 7.5
    assert [e.partition for e in made.end("contrast", 2, replies(0), {0: start})] == [0]
    assert list(made.begin("contrast", 3, HELD)) == [0]
    counting = made.end("contrast", 3, replies(0), {0: start})  # from 7.5 to 10
    assert [(e.partition, e.facts.get("staleness")) for e in counting] == [(0, None), (1, 2.0)]
    assert counting[1].began is start and events[-1]["arrived"] == [1]
    assert list(made.begin("contrast", 4, HELD)) == [0, 1]


def test_fedbuff_weighs_a_late_update_by_its_staleness_against_where_it_began():
    began = {"a": {"w": np.zeros(1)}}
    late = Contribution(1, {"a": {"w": np.array([4.0])}}, 1.0, {"staleness": 3.0}, began)
    now = Contribution(0, {"a": {"w": np.array([12.0])}}, 1.0)
    outcome = next_blocks(FedBuff(buffer=2), {"a": {"w": np.array([10.0])}}, {}, [now, late])
    assert outcome.blocks["a"]["w"].tolist() == [10 + (2 + 4 * (1 + 3) ** -0.5) / 2]


def test_all_late_and_nobody_busy_elsewhere():
    made, _ = clock(STEADY, deadline=1.0, late=True)
    made.begin("contrast", 1, HELD)
    sent(made, {0: 0, 1: 30})
    assert made.end("contrast", 1, replies(0, 1), {0: {}, 1: {}}) == [] and made.now == 1.0
    assert list(made.begin("contrast", 2, HELD)) == [0] and made.now == pytest.approx(2.5)  # when the first is done


def test_trace_and_nodes_must_fit(tmp_path):
    path = tmp_path / "trace.csv"
    head = "node,time_s,speed,bandwidth_bytes_s,online\n"
    experiment = load("demo", [f"strategy.trace={path}"])
    dispatch = Dispatch(None, [], "fedbind", 0, 60.0, 1)
    path.write_text(head + "".join(f"{p},0,1,1,1\n" for p in range(3)))
    with pytest.raises(UserError, match="does not name node 3"):
        Clock.of(experiment, FedAvg(), dispatch)
    path.write_text(head + "".join(f"{p},0,1,1,1\n" for p in (0, 1, 2, 3, 17)))
    with pytest.raises(UserError, match="names node 17"):
        Clock.of(experiment, FedAvg(), dispatch)
    path.write_text(head + "".join(f"{p},0,1,1,1\n" for p in range(4)))
    assert (
        Clock.of(experiment, FedBuff(), dispatch).uses_late and not Clock.of(experiment, FedAvg(), dispatch).uses_late
    )
    plain = experiment.model_copy(update={"strategy": replace_trace(experiment.strategy)})
    assert Clock.of(plain, FedAvg(), dispatch) is None


def replace_trace(settings):
    return settings.model_copy(update={"trace": None})


@pytest.mark.parametrize(
    ("overrides", "said"),
    [(["strategy.deadline_s=3"], "strategy.deadline_s: needs strategy.trace"),
     (["strategy.trace=x.csv", "contrast.mode=exact"], "strategy.trace: contrast.mode=exact"),
     (["strategy.trace=x.csv", "strategy.deadline_s=0"], "strategy.deadline_s"),
     (["strategy.trace=x.csv", "strategy.example_s=-1"], "strategy.example_s")],
)  # fmt: skip
def test_settings_that_do_not_fit_are_told(overrides, said):
    with pytest.raises(UserError, match=said):
        load("demo", overrides)
