"""Replies that are added up in the actors: the local engine's figures to the bit, and the server's checks of every reply."""

import numpy as np
import pytest
from flwr.app import Message

from configs.errors import UserError
from protocol.kinds import CONTRAST, ECHO
from protocol.payload import Payload, bytes_by_record, bytes_of
from server.admission import weights_gate
from server.dispatch import Dispatch
from server.phases.rounds import by_examples
from server.report.finish import start_run
from server.report.summary import summarise, summary_without_times
from server.summing import Counting, Summing
from simulation.jobs import node_configs, run_on
from simulation.local import LocalGrid
from strategies.fedavg import FedAvg
from strategies.modality_wise import next_blocks, next_by_sums
from strategies.registry import RULES, rule_of
from strategies.rule import plain_mean
from tests.simulation.inline_actors import InlineActors
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

CURRENT = {"encoder.gyroscope": {"w": np.arange(3, dtype=np.float32), "b": np.zeros((2, 2), np.float32)}}
NODES = 21


class Events(list):
    def named(self, name):
        return [event for event in self if event["event"] == name]


def app(message, context):
    """Every node's own weights; node 3 sends NaN, 5 another shape, 7 too many examples, 9 fails, 11 another's answer."""
    question = Payload.from_records(message.content)
    number = question.info["partition"]
    block = question.blocks["encoder.gyroscope"]
    generator = np.random.default_rng(number)
    blocks = {"encoder.gyroscope": {k: v + generator.normal(size=v.shape).astype(np.float32) for k, v in block.items()}}
    echo, examples = {key: question.info[key] for key in ECHO}, 10.0 + number
    if number == 3:
        blocks["encoder.gyroscope"]["w"][1] = np.nan
    if number == 5:
        blocks["encoder.gyroscope"]["w"] = np.zeros(4, np.float32)
    if number == 7:
        examples = 1e6
    if number == 9:
        raise RuntimeError("no")
    if number == 11:
        echo["round"] = 1
    resident = bool(context.node_config.get("resident"))
    answer = Payload(blocks, echo, {"examples": examples, "loss": float(number)})
    return Message(answer.to_records(resident=resident), reply_to=message)


def asked(grid):
    """A round of all nodes; the blocks after it, the replies, and the dispatch."""
    route = {partition: 100 + partition for partition in range(NODES)}
    dispatch = Dispatch(grid, Events(), "fedbind", 0, 60.0, 1, route)
    gate = weights_gate(CURRENT, {p: set(CURRENT) for p in route}, dict.fromkeys(route, 100))
    summing = Summing(CONTRAST, gate, Counting(by_examples, {}))
    questions = {p: Payload({**CURRENT, "own": {"x": np.full(2, p)}}, {"rounds": 5}) for p in route}
    replies, sums = dispatch.ask_sums(summing, questions, "contrast", 2, 5, CURRENT)
    if sums is None:
        return next_blocks(FedAvg(), CURRENT, {}, by_examples({}, replies)).blocks, replies, dispatch
    assert not any(reply.blocks for reply in replies.values())  # not one node's weights came
    return next_by_sums(FedAvg(), CURRENT, {}, sums).blocks, replies, dispatch


def told(dispatch):
    events = [{**event, "seconds": 0} for event in dispatch.events]
    return dispatch.tally.skipped, dispatch.tally.by_modality, dispatch.tally.by_phase, dispatch.traffic, events


@pytest.mark.parametrize("actors", [1, 2, 3])
def test_sums_skips_reasons_bytes_and_events_are_the_local_engines(actors):
    blocks, replies, local = asked(LocalGrid(app, [{}] * NODES, {}))
    found, answers, summed = asked(InlineActors("tests.simulation.test_summed:app", [{}] * NODES, {}, actors))
    assert [skip["node"] for skip in local.tally.skipped] == [3, 5, 7, 9, 11]
    assert told(summed) == told(local)
    assert list(answers) == list(replies)
    assert all((answers[p].info, answers[p].metrics) == (replies[p].info, replies[p].metrics) for p in replies)
    for name, value in blocks["encoder.gyroscope"].items():
        assert found["encoder.gyroscope"][name].tobytes() == value.tobytes()
        assert not np.array_equal(value, CURRENT["encoder.gyroscope"][name])


def test_a_node_whose_process_died_is_skipped_and_the_others_count():
    grid = InlineActors("tests.simulation.test_summed:app", [{}] * NODES, {}, 2, lost=[102])
    _, replies, dispatch = asked(grid)
    assert [skip["node"] for skip in dispatch.tally.skipped] == [2, 3, 5, 7, 9, 11] and len(replies) == NODES - 6
    assert "died" in dispatch.tally.skipped[0]["reason"]


def test_too_few_good_replies_end_the_round_with_their_reasons():
    grid = InlineActors("tests.simulation.test_summed:app", [{}] * NODES, {}, 1, lost=range(100, 100 + NODES))
    with pytest.raises(UserError, match="0 of 21 nodes answered"):
        asked(grid)


def test_which_rules_are_plain_means():
    plain = {name for name in RULES if name not in ("harmony", "mfedmc", "blossom") and plain_mean(rule_of(name))}
    assert {"fedavg", "fedprox", "fedadam", "fedavgm", "fedbn"} <= plain
    assert not plain & {"krum", "fedmedian", "scaffold", "fednova", "feddyn", "qfedavg", "zero_filled",
                        "binding_quality", "dp_fixed_clipping", "per_node", "fedbuff"}  # fmt: skip


def test_bytes_are_told_without_packing():
    payload = Payload({"encoder.a": {"w": np.zeros((2, 3), np.float32)}, "x": {}}, {"round": 3}, {"loss": 0.5})
    assert (
        bytes_of(payload) == bytes_by_record(payload.to_records()) == bytes_by_record(payload.to_records(resident=True))
    )


@pytest.mark.parametrize("strategy", ["fedavg", "krum"])
def test_a_whole_run_in_two_actors_is_the_local_engines_to_the_bit(tmp_path, strategy):
    experiment = smallest(*TWO_NODES_A_GROUP, "methods=[fedbind]", f"strategy.name={strategy}")
    _, local = whole_run(experiment, tmp_path / "local")
    folder = start_run(experiment, tmp_path / "actors")
    grid = InlineActors("client.app:app", node_configs(experiment, 0), {"json": experiment.model_dump_json()}, 2)
    result = run_on(grid, experiment, "fedbind", 0, folder)
    summary = summarise("run", result["data"], list(experiment.seeds), [result], list(experiment.methods))
    assert summary_without_times(summary) == summary_without_times(local)
    for file in sorted((tmp_path / "local").rglob("*.safetensors")):
        assert (tmp_path / "actors" / file.relative_to(tmp_path / "local")).read_bytes() == file.read_bytes()
