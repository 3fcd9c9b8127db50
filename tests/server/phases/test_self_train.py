"""Self-training after fine-tuning: what is refused of nodes that lie, and whole runs."""

from dataclasses import replace

import numpy as np
import pytest

from protocol.kinds import KINDS
from protocol.payload import Payload
from server.phases.self_train import _check_counts, _shares, by_labels
from server.report.finish import finish_run
from server.report.summary import summary_without_times
from server.state import load_blocks
from server.tracking import RunFolder
from tests.server.phases.test_prototypes import TOLD
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

UNIFIED = (
    "models={encoder: unified, width: 8, feature: 4, projection: 16, hidden: 24, "
    "unified: {weights: untrained, records: 88, bins: 8, variants: 1, steps: 11, numbers: 12}}"
)
ASKED = ["rounds.self_training=2", "methods=[fedbind]"]


class Watched:
    """Counts messages by kind and changes replies as told."""

    def __init__(self, change=None):
        self.kinds, self.change = {}, change or (lambda kind, partition, reply: reply)

    def __call__(self, message, reply):
        kind, question = message.metadata.message_type, Payload.from_records(message.content)
        self.kinds.setdefault(kind, []).append(int(question.info["partition"]))
        if reply.has_error():
            return reply
        told = Payload.from_records(reply.content)
        found = self.change(kind, int(question.info["partition"]), told)
        if found is not told:
            reply.content = found.to_records()
        return reply


def ran(path, *overrides, watch=None):
    watch = watch or Watched()
    experiment = smallest(*ASKED, *overrides)
    results, _ = whole_run(experiment, path, watch=watch)
    finish_run(RunFolder.open(path), experiment)
    return results, watch


def test_rows_become_probabilities_again():
    rows = np.array([[0.6, 0.8], [-0.1, 0.5], [0.0, 0.0]], np.float32)
    np.testing.assert_allclose(_shares(rows), [[0.6 / 1.4, 0.8 / 1.4], [0, 1], [0.5, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("count", [[3.0, 2.0], [4.5, -0.5], [1.5, 2.5], [4.0], [4, 0]])
def test_counts_that_the_manifest_does_not_bear_out_are_refused(count):
    with pytest.raises(Exception, match="count"):
        _check_counts({"count": np.array(count)}, 2, 4)
    _check_counts({"count": np.array([3.0, 1.0])}, 2, 4)


def test_a_labelled_sample_counts_so_many_times_one_with_a_pseudo_label():
    told = {0: replace(TOLD, group="a"), 1: TOLD}
    replies = {p: Payload({"head.fusion": {}}, {}, {"examples": 6.0}) for p in told}
    assert [each.weight for each in by_labels(told, replies, 4.0)] == [6.0, 24.0]


def test_without_rounds_nobody_is_asked_and_nothing_changes(tmp_path):
    results, watch = ran(tmp_path / "without", "rounds.self_training=0")
    assert not {"query.predict", "train.self_train"} & set(watch.kinds)
    assert "self_training" not in results["fedbind", 0]


def test_nodes_of_incomplete_groups_predict_and_all_that_hold_a_tuned_sensor_learn(tmp_path):
    results, watch = ran(tmp_path / "run")
    told = results["fedbind", 0]["self_training"]
    assert watch.kinds["query.predict"] == [0, 1, 2] and watch.kinds["train.self_train"] == [0, 1, 2, 0, 1, 2]
    assert told["samples"] > 0 and 0 < told["confidence"] <= 1 and 0 <= told["changed"] <= 1
    assert 0 <= told["accuracy"] <= 1 and 0 <= told["accuracy_of_own"] <= 1
    bytes_by_phase = results["fedbind", 0]["bytes"]["by_phase"]
    assert bytes_by_phase["self-train"]["up"] > 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Self-training" in page and "Pseudo-labels" in page
    before, _ = ran(tmp_path / "before", "rounds.self_training=0")
    assert "Self-training" not in (tmp_path / "before" / "report.html").read_text()
    for figure in ("accuracy_last_epoch", "curve", "embeddings", "chosen_epoch"):
        assert results["fedbind", 0][figure] == before["fedbind", 0][figure]
    assert results["fedbind", 0]["accuracy_fine_tuned"] == before["fedbind", 0]["accuracy"]
    assert results["fedbind", 0]["macro_f1_fine_tuned"] == before["fedbind", 0]["macro_f1"]
    changed = load_blocks(tmp_path / "run" / "jobs" / "fedbind-seed0" / "checkpoint")
    stayed = load_blocks(tmp_path / "before" / "jobs" / "fedbind-seed0" / "checkpoint")
    assert any(not np.array_equal(changed["head.fusion"][k], stayed["head.fusion"][k]) for k in stayed["head.fusion"])
    assert all(np.array_equal(changed["encoder.acc"][k], stayed["encoder.acc"][k]) for k in stayed["encoder.acc"])


def test_a_lower_bound_asks_the_incomplete_groups_for_nothing_and_others_go_by_their_own_predictions(tmp_path):
    results, watch = ran(tmp_path / "run", "methods=[lower_bound, dcm]")
    assert "self_training" not in results["lower_bound", 0]
    assert results["dcm", 0]["self_training"]["changed"] >= 0 and len(watch.kinds["query.predict"]) == 3
    alone, _ = ran(tmp_path / "alone", "methods=[fedbind]", "self_training={partners: false, alignment: 0}")
    assert alone["fedbind", 0]["self_training"]["changed"] == 0.0


@pytest.mark.parametrize(
    "overrides", [[], ["bind.by=label", "bind.weights=none"], TWO_NODES_A_GROUP, [UNIFIED]],
    ids=["by a sensor", "by label", "several nodes", "one frozen encoder"],
)  # fmt: skip
def test_same_seed_same_result_also_by_label_and_with_several_nodes(tmp_path, overrides):
    one, _ = ran(tmp_path / "one", *overrides)
    other, _ = ran(tmp_path / "other", *overrides)
    assert summary_without_times(one["fedbind", 0]) == summary_without_times(other["fedbind", 0])


def predictions(change):
    def changed(kind, partition, reply):
        return change(reply) if kind == "query.predict" and partition == 0 else reply

    return changed


def with_block(reply, **changes):
    block = {**reply.blocks["predictions.classes"], **changes}
    return Payload({"predictions.classes": block}, reply.info, reply.metrics)


LIES = {
    "classes": lambda r: with_block(r, values=np.ones((len(r.blocks["predictions.classes"]["handles"]), 9), np.float32)),
    "its manifest said": lambda r: with_block(
        r, handles=np.arange(500), values=np.ones((500, r.blocks["predictions.classes"]["values"].shape[1]), np.float32)
    ),
    "asked for predictions.classes": lambda r: Payload(
        {"counts.classes": {"count": np.ones(3)}}, r.info, r.metrics
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", LIES)
def test_a_node_that_lies_about_its_samples_is_left_out_by_name_and_the_run_goes_on(tmp_path, reason):
    results, watch = ran(tmp_path / "run", watch=Watched(predictions(LIES[reason])))
    skipped = results["fedbind", 0]["nodes"]["skipped"]
    assert [each["node"] for each in skipped] == [0] and reason in skipped[0]["reason"]
    assert watch.kinds["train.self_train"] == [1, 2, 1, 2]


def test_handles_of_another_node_are_refused_also_where_nothing_made_them_known_before(tmp_path):
    """Both nodes that claim a sample are left out: who came first must not matter."""
    seen = {}

    def copied(kind, partition, reply):
        if kind != "query.predict" or "predictions.classes" not in reply.blocks:
            return reply
        seen.setdefault("handles", reply.blocks["predictions.classes"]["handles"])
        size = reply.blocks["predictions.classes"]["values"].shape[1]
        count = len(seen["handles"])
        return with_block(reply, handles=seen["handles"], values=np.ones((count, size), np.float32))

    overrides = ["methods=[unimodal]", "evaluation.embeddings=false"]
    results, watch = ran(tmp_path / "run", *overrides, watch=Watched(copied))
    assert [each["reason"] for each in results["unimodal", 0]["nodes"]["skipped"]] == [
        "uses handles of another node"
    ] * 2
    assert "train.self_train" not in watch.kinds


def test_where_nobody_predicts_the_network_stays_as_fine_tuned_and_a_note_says_so(tmp_path):
    def nothing(kind, partition, reply):
        return Payload({}, reply.info, reply.metrics) if kind == "query.predict" else reply

    results, watch = ran(tmp_path / "run", watch=Watched(nothing))
    assert "train.self_train" not in watch.kinds and "self_training" not in results["fedbind", 0]
    events = (tmp_path / "run" / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text()
    assert "stays as fine-tuned" in events


def test_without_labels_nothing_is_said_of_how_many_predictions_are_right(tmp_path):
    def withheld(kind, partition, reply):
        return Payload({}, reply.info, reply.metrics) if kind == "query.audit" else reply

    results, _ = ran(tmp_path / "run", watch=Watched(withheld))
    told = results["fedbind", 0]["self_training"]
    assert told["samples"] and "accuracy" not in told
    events = (tmp_path / "run" / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text()
    assert "no node permits the audit of predictions: " in events and "no node permits the audit of pairs: " in events


def test_its_kinds_are_listed():
    assert {"query.predict", "train.self_train"} <= set(KINDS)
