"""What a rule makes of finite replies is looked at before it reaches anybody."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from configs.load import load
from protocol.kinds import CONTRAST
from server.aggregation import aggregation_of, next_round
from server.dispatch import Dispatch
from server.job import Job
from server.state import JobState
from strategies.fedavg import FedAvg
from strategies.modality_wise import Contribution

CURRENT = {name: {"w": np.ones(2, np.float32)} for name in ("encoder.acc", "encoder.ecg")}


@dataclass(frozen=True)
class Unsound(FedAvg):
    """Puts a number into the block, or beside it into what it remembers."""

    value: float = np.nan
    remembers: bool = False

    def moved(self, mean, current, memory):
        wrong = {"w": np.full(2, self.value, np.float32)}
        return (mean, {"deep": {"kept": wrong}}) if self.remembers else (wrong, {"round": 2})


def next_of(rule, current, memory):
    events = []
    job = Job(load("demo"), "fedbind", 0, Dispatch(None, events, "fedbind", 0, 60.0, 1), None)
    by = aggregation_of(job, JobState(), CONTRAST, "contrast", {0: list(current), 1: list(current)})
    found = [Contribution(p, {n: {"w": b["w"] + p} for n, b in current.items()}, 1.0) for p in (0, 1)]
    blocks, kept = next_round(job, replace(by, rule=rule), "contrast", 1, current, memory, found)
    return blocks, kept, job.dispatch.tally.refused


@pytest.mark.parametrize("rule", [Unsound(), Unsound(np.inf), Unsound(-np.inf), Unsound(np.nan, remembers=True)])
def test_a_block_stays_where_the_rule_makes_or_remembers_no_number(rule):
    blocks, kept, refused = next_of(rule, CURRENT, {"encoder.acc": {"round": 1}})
    assert all(np.array_equal(blocks[name]["w"], CURRENT[name]["w"]) for name in CURRENT)
    assert kept == {"encoder.acc": {"round": 1}}  # as it was, also of what was never remembered
    assert {(told["block"], told["reason"]) for told in refused} == {
        (name, "it would hold NaN or infinity") for name in CURRENT
    }


def test_what_is_a_number_goes_on():
    blocks, kept, refused = next_of(Unsound(3.0), CURRENT, {})
    assert not refused and kept["encoder.acc"] == {"round": 2}
    assert blocks["encoder.ecg"]["w"].tolist() == [3, 3]
