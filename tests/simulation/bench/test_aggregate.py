"""The benchmark of aggregation at its smallest: what it counts as held, and the form of what it tells."""

import json

import pytest

from cli.app import call
from simulation.bench.aggregate.model import new_model, replies, size
from simulation.bench.aggregate.stream import streamed
from strategies.registry import rule_of


def test_a_model_has_the_size_asked_for_and_replies_come_once_each():
    assert size(new_model(1234)) == 4 * 1234
    assert sorted(r.node for group in replies(1000, 11, 4) for r in group) == list(range(11))


def test_a_mean_holds_the_same_for_any_number_of_nodes_and_a_median_one_model_each():
    few, many = (streamed(rule_of("fedavg"), 100_000, nodes, 4) for nodes in (12, 48))
    assert many.models_in_memory == pytest.approx(few.models_in_memory, rel=0.1) and many.models_in_memory < 6
    assert many.most_waiting <= 3
    assert streamed(rule_of("centred_clipping"), 100_000, 24, 4).models_in_memory > 24


def test_the_command_ends_with_one_json_object(capsys):
    code = call(["bench", "aggregate", "--parameters", "2000", "--nodes", "9", "--robust-parameters", "500",
                 "--robust-nodes", "9", "--json"])  # fmt: skip
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert code == 0 and told["nodes"] == 9
    assert told["ratios"]["per_reply_over_memory_pass"] > 0 and told["models_in_memory"] > 1
    assert set(told["robust"]["rules"]) >= {"krum", "bulyan", "nnm", "geometric_median"}
