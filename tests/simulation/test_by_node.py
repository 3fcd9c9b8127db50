"""What is told node by node and between rounds in whole runs: it is right, and it changes nothing else."""

import json

import numpy as np
import pytest

from protocol.kinds import EVALUATE, PROBE
from protocol.payload import Payload
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

BASE = [*TWO_NODES_A_GROUP, "methods=[fedbind]", "evaluation.audit_pairs=false", "evaluation.folds=2"]
_COSTS = ("bytes", "seconds", "cpu_seconds", "round_curve", "personal")


class Seen:
    """Questions and replies of one kind."""

    def __init__(self, kind):
        self.kind, self.found = kind, []

    def __call__(self, question, reply):
        if question.metadata.message_type == self.kind.message_type:
            self.found.append((Payload.from_records(question.content), Payload.from_records(reply.content)))
        return reply


def run(path, *overrides, watch=None):
    results, summary = whole_run(smallest(*BASE, *overrides), path, watch=watch)
    weights = {str(f.relative_to(path)): f.read_bytes() for f in sorted(path.rglob("*.safetensors"))}
    (result,) = results.values()
    return result, summary, weights


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(tmp_path_factory.mktemp("plain"))


def figures(result):
    return {key: value for key, value in result.items() if key not in _COSTS}


def test_by_node_adds_up_to_the_figures_of_all(plain):
    result, summary, _ = plain
    nodes = result["by_node"]["nodes"]
    assert len(nodes) == 2 and sum(each["examples"] for each in nodes.values()) == result["test_samples"]
    right = sum(each["accuracy"] * each["examples"] for each in nodes.values())
    assert right / result["test_samples"] == pytest.approx(result["accuracy"])
    told = summary["methods"]["fedbind"]["nodes"]
    assert told["worst_decile"]["mean"] == min(each["accuracy"] for each in nodes.values())


def test_measuring_between_rounds_changes_nothing_else_and_only_counts_leave(tmp_path, plain):
    seen = Seen(PROBE)
    result, _, weights = run(tmp_path, "evaluation.every=2", "rounds.contrast=2", watch=seen)
    assert weights == plain[2] and figures(result) == figures(plain[0])
    curve = result["round_curve"]
    assert curve["round"] == [2] and "round_curve" not in plain[0]
    right, judged = (sum(reply.metrics[name] for _, reply in seen.found) for name in ("correct", "examples"))
    assert curve["accuracy"] == [right / judged]
    assert all(reply.blocks == {} for _, reply in seen.found) and len(seen.found) == 2
    by_phase = plain[0]["bytes"]["by_phase"]
    assert curve["bytes"] == [sum(sum(by_phase[name].values()) for name in ("autoencoder", "embed", "contrast"))]


@pytest.mark.parametrize("method", ["dcm", "mim", "unimodal"])
def test_other_methods_are_measured_too_at_the_last_round_as_well(tmp_path, method):
    result, _, _ = run(tmp_path, f"methods=[{method}]", "evaluation.every=2", "rounds.contrast=3")
    assert result["round_curve"]["round"] == [2, 3]
    assert all(0 <= value <= 1 for value in result["round_curve"]["accuracy"])


def test_a_node_that_claims_the_impossible_is_left_out_of_the_curve(tmp_path):
    def lying(question, reply):
        if question.metadata.message_type == PROBE.message_type:
            reply.content["metrics"]["correct"] = 1e6
        return reply

    result, _, _ = run(tmp_path, "evaluation.every=2", watch=lying)
    assert result["round_curve"]["accuracy"] == [None]
    assert {each["phase"] for each in result["nodes"]["skipped"]} == {"probe"}


def judged(seen, own):
    """Messages that judge on what folds left out: at the end of each message but the last, and with own models there."""
    told = [(q, r) for q, r in seen.found if "track" in q.info]
    return [(q, r) for q, r in told if not own(q)], [(q, r) for q, r in told if own(q)]


def test_own_models_are_judged_beside_the_shared_one_on_held_out_samples(tmp_path, plain):
    seen = Seen(EVALUATE)
    result, summary, _ = run(tmp_path / "own", "strategy.name=per_node", "evaluation.personal=true", watch=seen)
    ends, held_out = judged(seen, own=lambda q: len(next(iter(q.blocks["head.fusion"].values()))) == 2)
    assert {q.info["track"] for q, _ in held_out} == {"fold0", "fold1"} and len(held_out) == 4 == len(ends)
    for question, reply in held_out:
        shared, own = next(iter(question.blocks["head.fusion"].values()))
        assert not np.array_equal(shared, own)  # two networks: the mean, and what this node sent last
        (counts,) = (block["counts"] for block in reply.blocks.values())
        assert len(counts) == 2
    told = result["personal"]
    assert set(told["own"]["nodes"]) == set(told["shared"]["nodes"]) == {"4", "5"} and "why" not in told
    labelled = result["labels_used"]  # every labelled sample is held out of one fold
    assert sum(each["examples"] for each in told["own"]["nodes"].values()) == labelled
    assert summary["methods"]["fedbind"]["personal"]["own"]["worst_decile"]["mean"] == told["own"]["worst_decile"]


@pytest.mark.parametrize(
    ("strategy", "own", "why"),
    [("fedavg", False, "one model for all"), ("fedper", True, None), ("harmony", True, None)],
)  # fmt: skip
def test_where_no_own_model_can_be_judged_it_is_said(tmp_path, strategy, own, why):
    result, _, _ = run(tmp_path, f"strategy.name={strategy}", "evaluation.personal=true")
    told = result["personal"]
    assert told["shared"] is not None and (told["own"] is not None) == own
    assert (why in told["why"]) if why else "why" not in told


@pytest.mark.parametrize("strategy", ["ditto", "fedbn"])
def test_what_stays_on_a_node_is_judged_there(tmp_path, strategy):
    seen = Seen(EVALUATE)
    result, _, _ = run(tmp_path, f"strategy.name={strategy}", "evaluation.personal=true", watch=seen)
    ends, held_out = judged(seen, own=lambda q: q.info.get("own", False))
    assert len(held_out) == 4 == len(ends)
    assert all(len(next(iter(q.blocks["head.fusion"].values()))) == 1 for q, _ in held_out)
    assert all(len(next(iter(r.blocks.values()))["counts"]) == 2 for _, r in held_out)
    assert set(result["personal"]["own"]["nodes"]) == {"4", "5"}


def test_clusters_are_told_with_the_figures_of_their_nodes(tmp_path):
    result, _, _ = run(tmp_path, "strategy.name=modality_bias", "evaluation.personal=true")
    told = result["personal"]
    found = [node for each in told["by_cluster"].values() for node in each["nodes"]]
    assert sorted(found) == ["4", "5"]
    for each in told["by_cluster"].values():
        assert each["nodes"] == {node: told["own"]["nodes"][node] for node in each["nodes"]}


def test_judging_own_models_changes_nothing_else(tmp_path, plain):
    result, _, weights = run(tmp_path, "evaluation.personal=true")
    assert weights == plain[2] and figures(result) == figures(plain[0])
    assert json.dumps(plain[0]["by_node"]) == json.dumps(result["by_node"]) and "personal" not in plain[0]


def test_one_fine_tuning_node_has_no_model_beside_the_shared_one(tmp_path):
    result, _, _ = run(tmp_path, "evaluation.personal=true", "groups.finetune.nodes=1")
    assert "personal" not in result
