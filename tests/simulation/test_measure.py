"""Measuring embeddings in whole runs: it changes nothing else, needs no label to go on, and survives whoever fails."""

import json
from collections import Counter

import numpy as np
import pytest
import torch

import client.app
from client.handlers.contrast import contrast_model, embedded
from client.node import Node
from client.store import MemoryStore
from configs.nodes import node_places
from protocol.kinds import AUDIT, TARGETS
from protocol.payload import Payload, ProtocolError
from server.bound import load_bound
from server.methods.catalogue import METHODS
from server.state import load_blocks
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run
from tests.simulation.test_faulty_nodes import changed, spoilt

NEED_LABELS = ("class_recall_at_1", "nearest_accuracy", "knn_accuracy", "linear_probe_accuracy")
NEED_NONE = ("recall_at_1", "recall_at_5", "mean_average_precision", "alignment", "uniformity", "node_guess")


def run(path, *overrides, **options):
    """The fedbind job's result and its notes; two nodes a group."""
    results, _ = whole_run(smallest(*TWO_NODES_A_GROUP, "methods=[fedbind]", *overrides), path, **options)
    events = map(json.loads, (path / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text().splitlines())
    return results["fedbind", 0], [event["text"] for event in events if event["event"] == "note"]


def test_every_method_but_the_lower_bound_has_every_figure_in_result_and_summary(tmp_path):
    results, summary = whole_run(smallest(f"methods=[{', '.join(METHODS)}]"), tmp_path / "run")
    for method in METHODS:
        found, told = results[method, 0]["embeddings"], summary["methods"][method]["embeddings"]
        if method == "lower_bound":
            assert found is None and told is None and "measure" not in results[method, 0]["bytes"]["by_phase"]
            continue
        assert all(np.isfinite(found[name]) for name in (*NEED_NONE, *NEED_LABELS)), method
        assert told["recall_at_1"] == {"mean": found["recall_at_1"], "std": None, "per_seed": [found["recall_at_1"]]}
        pair = found["by_pair"]["ecg->eda"]["same_recording"]
        assert told["by_pair"]["ecg->eda"]["same_recording"]["queries"]["mean"] == pair["queries"] == 24
        assert found["counts"] == {"test": 24, "test_labelled": 24, "finetune_labelled": 18}


def without(result):
    """All of a result but embeddings, times, and the bytes that the phase itself took."""
    rest = {key: value for key, value in result.items() if key not in ("embeddings", "seconds", "cpu_seconds", "bytes")}
    took = result["bytes"]["by_phase"].get("measure", {"up": 0, "down": 0})
    phases = {name: part for name, part in result["bytes"]["by_phase"].items() if name != "measure"}
    return rest, {way: result["bytes"][way] - took[way] for way in ("up", "down")}, phases


@pytest.mark.parametrize("overrides", [[], ["contrast.mode=exact", "contrast.batch=16"], ["privacy.noise_std=0.05"]])
def test_all_other_figures_and_every_weight_are_bit_equal_with_and_without_it(tmp_path, overrides):
    told = []
    for on in ("true", "false"):
        path = tmp_path / on
        asked = ["methods=[fedbind, mpm]", f"evaluation.embeddings={on}", "evaluation.folds=2", *overrides]
        results, _ = whole_run(smallest(*asked), path)
        weights = {str(f.relative_to(path)): f.read_bytes() for f in sorted(path.rglob("*.safetensors"))}
        told.append(({job: without(result) for job, result in results.items()}, weights))
        assert all((result["embeddings"] is None) == (on == "false") for result in results.values())
    assert told[0] == told[1] and len(told[0][1]) > 10


def test_each_node_is_asked_once_with_networks_and_once_for_labels(tmp_path):
    """Groups a and b are nodes 0 to 3 and give no label here, 4 and 5 fine-tune, 6 and 7 test."""
    asked, wanted = Counter(), {}

    def watch(message, reply):
        question = Payload.from_records(message.content)
        if question.info["phase"] == "measure":
            asked[message.metadata.message_type, question.info["partition"]] += 1
            if "wanted" in question.blocks:
                wanted[question.info["partition"]] = len(question.blocks["wanted"]["handles"])
        return reply

    result, notes = run(tmp_path / "run", watch=watch)
    assert asked == {
        **{(TARGETS.message_type, p): 1 for p in range(8)},
        **{(AUDIT.message_type, p): 1 for p in range(4, 8)},
    }
    assert sum(wanted.values()) == result["embeddings"]["counts"]["finetune_labelled"] == 18 and set(wanted) == {4, 5}
    assert not [note for note in notes if "embeddings" in note]


def refusing(monkeypatch, *nodes):
    permitted = client.app.handlers.audit

    def audit(node, question):
        if node.place.partition in nodes:
            raise ProtocolError("labels are not given: node-config allow-audit is not set on this node")
        return permitted(node, question)

    monkeypatch.setattr(client.app.handlers, "audit", audit)


def test_without_permission_the_measures_that_need_labels_are_none_and_nobody_loses_a_round(tmp_path, monkeypatch):
    refusing(monkeypatch, 4, 5, 6, 7)
    result, notes = run(tmp_path / "run")
    found = result["embeddings"]
    assert all(found[name] is None for name in NEED_LABELS) and all(found[name] is not None for name in NEED_NONE)
    assert found["counts"] == {"test": 24, "test_labelled": 0, "finetune_labelled": 0}
    assert result["nodes"] == {"ok": 8, "skipped": []}
    assert any("4 of 4 nodes give no labels" in note and "allow-audit" in note for note in notes)


def test_one_that_refuses_is_left_out_where_labels_count(tmp_path, monkeypatch):
    refusing(monkeypatch, 5, 6)
    result, notes = run(tmp_path / "run")
    counts = result["embeddings"]["counts"]
    assert counts["test"] == 24 and counts["test_labelled"] == 12 and 0 < counts["finetune_labelled"] < 18
    assert result["embeddings"]["knn_accuracy"] is not None and result["nodes"]["skipped"] == []
    assert any("2 of 4 nodes give no labels" in note for note in notes)


@pytest.mark.parametrize(
    "lie",
    [
        {"handles": np.array(["a"]), "label": np.array([0])},
        {"handles": np.array(7), "label": np.array(0)},
        {"handles": np.array([7]), "label": np.array([0.5])},
        {"handles": np.array([7]), "label": np.array([99])},
        {"handles": np.array([7, 8]), "label": np.array([0])},
    ],
    ids=["words", "no row", "half a class", "a class too many", "a label too few"],
)
def test_labels_out_of_form_are_as_good_as_none(tmp_path, monkeypatch, lie):
    permitted = client.app.handlers.audit
    monkeypatch.setattr(
        client.app.handlers, "audit",
        lambda node, question: Payload({"labels.acc": lie}) if node.place.partition in (4, 6) else permitted(node, question),
    )  # fmt: skip
    result, notes = run(tmp_path / "run")
    assert result["embeddings"]["counts"]["test_labelled"] == 12 and result["embeddings"]["knn_accuracy"] is not None
    assert any("2 of 4 nodes give no labels (node 4" in note for note in notes)


def test_nodes_that_vanish_lie_or_break_are_named_and_the_run_goes_on(tmp_path):
    def of(message):
        info = Payload.from_records(message.content).info
        return info["partition"] if info["phase"] == "measure" and "targets" in message.metadata.message_type else None

    def watch(message, reply):
        whom = of(message)
        return None if whom in (0, 6) else changed(message, reply, spoilt) if whom == 4 else reply

    result, _ = run(tmp_path / "run", watch=watch)
    assert {(skip["node"], skip["phase"]) for skip in result["nodes"]["skipped"]} == {
        (0, "measure"),
        (4, "measure"),
        (6, "measure"),
    }
    assert result["embeddings"]["counts"]["test"] == 12 and result["accuracy"] is not None
    gone, _ = run(tmp_path / "gone", watch=lambda message, reply: None if of(message) is not None else reply)
    assert gone["embeddings"]["recall_at_1"] is None and gone["accuracy"] == result["accuracy"]


def test_noise_comes_anew_in_the_phase(tmp_path):
    """With no contrast between them, the same noise on the same embeddings would give the same message."""
    sent = {}

    def watch(message, reply):
        question = Payload.from_records(message.content)
        if message.metadata.message_type == TARGETS.message_type and question.info["partition"] == 0:
            assert reply is not None
            values = Payload.from_records(reply.content).blocks["targets.acc"]["values"]
            sent[question.info["phase"], question.info["round"]] = values, question.blocks["encoder.acc"]
        return reply

    run(tmp_path / "run", "privacy.noise_std=0.5", "rounds.contrast=1", watch=watch)
    before, after = sent["contrast", 1][0], sent["measure", 1][0]
    assert abs(np.corrcoef((before - before.mean()).ravel(), (after - after.mean()).ravel())[0, 1]) < 0.5


def test_a_prompt_is_told_what_the_sample_really_holds(tmp_path):
    """mpm's projections know which sensors a sample has: a test node's hold ECG and skin conductance, and no accelerometer."""
    experiment = smallest("methods=[mpm]")
    whole_run(experiment, tmp_path / "run")
    blocks = load_bound(tmp_path / "run" / "jobs" / "mpm-seed0", "test")
    place = next(p for p in node_places(experiment) if p.group == "test")
    node = Node(experiment, place, "mpm", 0, None, MemoryStore(), {})
    question = Payload({name: block for name, block in blocks.items() if not name.endswith(".acc")})
    model = contrast_model(node, question)
    told = torch.tensor([[0.0, 1.0, 1.0]]).expand(24, 3)  # acc, ecg, eda
    model.encoders.eval()
    model.projections.eval()
    for modality, (rows, vectors) in embedded(node, question).items():
        with torch.no_grad():
            features = model.encoders[modality](node.view(question, modality).clean())
            wanted = model.projections[modality](features, told).numpy()
        assert rows.tolist() == list(range(24)) and np.allclose(vectors, wanted, atol=1e-6)


def test_the_networks_before_fine_tuning_are_kept_apart_with_their_statistics(tmp_path):
    run(tmp_path / "run")
    checkpoint = tmp_path / "run" / "jobs" / "fedbind-seed0" / "checkpoint"
    bound, tuned = load_blocks(checkpoint / "bound"), load_blocks(checkpoint)
    sensors = ("acc", "ecg", "eda")
    assert set(bound) == {f"{part}.{m}" for part in ("encoder", "projection") for m in sensors}
    assert {f"moments.{m}" for m in ("ecg", "eda")} <= set(load_blocks(checkpoint / "bound" / "test"))
    for modality in ("ecg", "eda"):
        name = f"encoder.{modality}"
        assert any(not np.array_equal(bound[name][key], tuned[name][key]) for key in bound[name])
    assert all(np.array_equal(bound["encoder.acc"][key], tuned["encoder.acc"][key]) for key in bound["encoder.acc"])
