"""Whole small runs under other strategies than the mean."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from client.store import MemoryStore
from configs.errors import UserError
from server.report.finish import start_run
from server.report.summary import summary_without_times
from simulation.jobs import run_one
from strategies.fedavg import fedavg
from strategies.rule import Collecting
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

BASE = [*TWO_NODES_A_GROUP, "methods=[fedbind]", "evaluation.audit_pairs=false"]


@dataclass(frozen=True)
class PlainMean(Collecting):
    """A rule of one's own: what `strategies.fedavg.fedavg` gives."""

    shift: float = 0.0

    def of_all(self, replies, current, memory):
        mean = fedavg([reply.block for reply in replies], [reply.weight for reply in replies])
        return {name: value + np.float32(self.shift) for name, value in mean.items()}, memory


def run(path, *overrides, **options):
    results, summary = whole_run(smallest(*BASE, *overrides), path, **options)
    weights = {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*.safetensors"))}
    return results["fedbind", 0], summary, weights


def learnt(weights):
    return {name: value for name, value in weights.items() if "moments." not in name}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(tmp_path_factory.mktemp("plain"))


UNEVEN = [
    "split={a: [1, 2, 9], b: [3, 4], finetune: [5, 6], test: [7, 8]}",
    "data.options.subjects=9",
    "contrast.batch=6",
]


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """One node has twice the samples of its neighbour, and several steps a round."""
    return run(tmp_path_factory.mktemp("uneven"), *UNEVEN)


def test_the_default_is_the_plain_mean_by_examples_to_the_bit(tmp_path, plain):
    """A rule of one's own by `module:name` collects the replies and takes the plain function's mean."""
    result, summary, weights = run(tmp_path, f"strategy.name={__name__}:PlainMean")
    assert weights == plain[2] and result["strategy"]["name"].endswith(":PlainMean")
    told = [{**summary_without_times(each), "strategy": None} for each in (summary, plain[1])]
    assert told[0] == told[1]
    assert plain[0]["strategy"] == {
        "name": "fedavg", "weights": "examples", "parameters": {}, "fraction": 1.0, "refused": []
    }  # fmt: skip


def test_parameters_reach_a_rule_of_ones_own(tmp_path, plain):
    _, _, weights = run(tmp_path, f"strategy.name={__name__}:PlainMean", "strategy.parameters={shift: 0.01}")
    assert learnt(weights).keys() == learnt(plain[2]).keys()
    assert all(value != plain[2][name] for name, value in learnt(weights).items())


@pytest.mark.parametrize(
    "overrides",
    [["strategy.name=fedadam", "strategy.parameters.eta=0.001"], ["strategy.name=scaffold"], ["strategy.name=fednova"],
     ["strategy.name=feddyn"], ["strategy.name=fedprox", "strategy.parameters.mu=10"], ["strategy.name=moon"],
     ["strategy.name=fedbn"], ["strategy.name=fedper"], ["strategy.name=fedrep"], ["strategy.name=qfedavg"],
     ["strategy.name=harmony"], ["strategy.name=blossom"], ["strategy.name=mfedmc"], ["strategy.name=flism"],
     ["strategy.name=autofed"],
     ["strategy.name=binding_quality"], ["strategy.name=zero_filled"],
     ["strategy.weights=equal"], ["strategy.weights=capped", "strategy.cap=3"], ["strategy.weights=binding"]],
    ids=lambda each: " ".join(each),
)  # fmt: skip
def test_another_strategy_gives_other_networks_and_ends_well(tmp_path, uneven, overrides):
    result, summary, weights = run(tmp_path, *UNEVEN, *overrides)
    assert result["accuracy"] is not None and summary["strategy"]["refused"] == []
    assert any(value != uneven[2][name] for name, value in learnt(weights).items())


def test_blocks_that_a_robust_rule_refuses_stay_and_the_report_says_why(tmp_path):
    result, summary, _ = run(tmp_path, "strategy.name=krum")
    refused = result["strategy"]["refused"]
    assert {each["block"] for each in refused if each["phase"] == "contrast"} == {
        f"{part}.{modality}" for part in ("encoder", "projection") for modality in ("acc", "ecg", "eda")
    }
    assert all("needs 5 nodes that hold it" in each["reason"] for each in refused)
    assert {each["rounds"] for each in refused if each["phase"] == "contrast"} == {2}
    assert summary["strategy"]["refused"][0]["method"] == "fedbind"


def test_ditto_leaves_the_shared_model_as_it_is_and_keeps_another(tmp_path, plain, monkeypatch):
    kept = {}
    monkeypatch.setattr(
        MemoryStore, "put", lambda self, name, value: (kept.update({name: value}), dict.__setitem__(self, name, value))
    )
    _, _, weights = run(tmp_path, "strategy.name=ditto")
    assert weights == plain[2]
    assert sum(name.startswith("own:fedbind") for name in kept) == 4 + 2  # in the contrast, and where they fine-tune


def stop_at(message_type, after):
    seen = []

    def watch(question, reply):
        if question.metadata.message_type == message_type:
            seen.append(reply)
            if len(seen) > after:
                raise KeyboardInterrupt
        return reply

    return watch


@pytest.mark.parametrize(
    "overrides",
    [["strategy.name=fedadam", "strategy.fraction=0.5"], ["strategy.name=scaffold", "strategy.fraction=0.5"]],
)
@pytest.mark.parametrize("message_type", ["train.contrast", "train.finetune"])
def test_killed_and_resumed_is_as_if_never_killed(tmp_path, overrides, message_type):
    experiment = smallest(*BASE, *overrides, "rounds.contrast=3")
    told = {}
    for name in ("broken", "whole"):
        folder = start_run(experiment, tmp_path / name)
        if name == "broken":
            with pytest.raises(KeyboardInterrupt):
                run_one(experiment, "fedbind", 0, folder, watch=stop_at(message_type, 2))
        result = run_one(experiment, "fedbind", 0, folder)
        files = {f.name: f.read_bytes() for f in sorted((folder.path / "jobs").rglob("*.safetensors"))}
        told[name] = {key: value for key, value in result.items() if key not in ("seconds", "cpu_seconds")}, files
    assert told["broken"] == told["whole"]


def test_a_share_of_the_nodes_leaves_no_modality_without_one(tmp_path):
    asked = []

    def watch(question, reply):
        if question.metadata.message_type == "train.contrast":
            asked.append((int(question.metadata.group_id), json.loads(question.content["info"]["json"])["partition"]))
        return reply

    run(tmp_path, "strategy.fraction=0.25", "rounds.contrast=4", watch=watch)
    by_round = {round: {p for r, p in asked if r == round} for round in range(1, 5)}
    assert all(nodes & {0, 1} and nodes & {2, 3} and len(nodes) == 2 for nodes in by_round.values())
    assert len({frozenset(nodes) for nodes in by_round.values()}) > 1


@pytest.mark.parametrize(
    ("name", "match"),
    [("nowhere:Rule", "cannot be read"), ("json:loads", "is no rule"), (f"{__name__}:Absent", "cannot be read")],
)
def test_a_rule_of_ones_own_that_is_none_is_told(tmp_path, name, match):
    with pytest.raises(UserError, match=match):
        run(tmp_path, f"strategy.name={name}")


def unchanged(path, *overrides):
    """Of every contrast reply the blocks that left the node, and the tensors that came back as they were sent."""
    left, same = set(), set()

    def watch(question, reply):
        if question.metadata.message_type == "train.contrast":
            for record, arrays in reply.content.array_records.items():
                left.add(record.removeprefix("arrays:"))
                sent = question.content[record]
                same.update(f"{record}/{key}" for key, value in arrays.items() if value.data == sent[key].data)
        return reply

    run(path, *overrides, watch=watch)
    return left, same


def test_personal_parts_do_not_leave_their_node(tmp_path):
    everything, moved = unchanged(tmp_path / "fedavg")
    assert {"projection.acc", "encoder.acc"} <= everything and moved == set()
    shared, moved = unchanged(tmp_path / "fedper", "strategy.name=fedper")
    assert shared == {name for name in everything if not name.startswith("projection.")} and moved == set()
    shared, norms = unchanged(tmp_path / "fedbn", "strategy.name=fedbn")
    assert shared == everything and {name.split("/")[0] for name in norms} >= {"arrays:projection.acc"}
