"""In which phases nodes do their part of a strategy, and what published systems send and fill in, in whole runs."""

from collections import Counter

import pytest

from protocol.kinds import AUTOENCODER, CONTRAST, FINETUNE, GENERATE, TARGETS, UNIMODAL
from protocol.payload import Payload
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

BASE = [*TWO_NODES_A_GROUP, "methods=[fedbind]", "evaluation.audit_pairs=false"]


class Seen(list):
    """Every training message: its kind, question and reply."""

    def __call__(self, question, reply):
        kind = question.metadata.message_type
        self.append((kind, Payload.from_records(question.content), Payload.from_records(reply.content)))
        return reply

    def of(self, kind):
        return [(question, reply) for each, question, reply in self if each == kind.message_type]

    def asking(self):
        """Kinds in whose messages nodes are asked to take part in the rule."""
        return {kind for kind, question, _ in self if kind.startswith("train.") and "correction" in question.info}


def run(path, *overrides):
    seen = Seen()
    results, _ = whole_run(smallest(*BASE, *overrides), path, watch=seen)
    return next(iter(results.values())), seen


WHOLE = {kind.message_type for kind in (AUTOENCODER, CONTRAST, FINETUNE)}


@pytest.mark.parametrize(
    ("overrides", "kinds"),
    [(["strategy.name=fedprox"], WHOLE), (["strategy.name=ditto"], WHOLE - {AUTOENCODER.message_type}),
     (["strategy.name=fedprox", "groups.finetune.nodes=1"], WHOLE - {FINETUNE.message_type}),
     (["strategy.name=moon", "methods=[unimodal]"], {UNIMODAL.message_type, FINETUNE.message_type}),
     (["strategy.name=scaffold", "methods=[unimodal]"], {FINETUNE.message_type})],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)  # fmt: skip
def test_nodes_take_part_where_their_part_is_defined(tmp_path, overrides, kinds):
    result, seen = run(tmp_path, *overrides)
    assert seen.asking() == kinds and result["nodes"]["skipped"] == []


def test_control_variates_travel_and_steps_come_back_in_every_phase_each_beginning_at_zero(tmp_path):
    _, seen = run(tmp_path, "strategy.name=scaffold", "rounds.autoencoder=2", "evaluation.folds=2")
    for kind in (AUTOENCODER, CONTRAST, FINETUNE):
        for question, reply in seen.of(kind):
            told = {n.removeprefix("control.") for n in question.blocks if n.startswith("control.")}
            assert told == set(reply.blocks) and reply.metrics["steps"] >= 1 and reply.metrics["rate"] > 0
            first = question.info["round"] == 1 if kind is not FINETUNE else question.info["first_epoch"] == 1
            moved = any(v.any() for n, b in question.blocks.items() if n.startswith("control.") for v in b.values())
            assert moved != first


STEPS = ["finetune.averaging=0", "finetune.probe_epochs=0", "epochs.finetune=8", "rounds.contrast=1"]


def test_a_strong_pull_keeps_fine_tuned_nodes_where_they_were(tmp_path):
    """Between what came and what goes back; the plain mean moves much further."""
    far = {}
    for name, mu in (("free", 0.0), ("held", 1e5)):
        _, seen = run(tmp_path / name, "strategy.name=fedprox", f"strategy.parameters.mu={mu}", *STEPS)
        apart = [
            float(((r.blocks["encoder.ecg"][k][-1] - v) ** 2).sum())
            for q, r in seen.of(FINETUNE)
            for k, v in q.blocks["encoder.ecg"].items()
        ]
        far[name] = sum(apart)
    assert far["held"] < 0.8 * far["free"]


def test_mfedmc_sends_one_modality_at_a_time_and_each_in_its_turn(tmp_path):
    plain, _ = run(tmp_path / "plain")
    result, seen = run(
        tmp_path / "chosen", "strategy.name=mfedmc", "strategy.parameters.recency=10", "rounds.contrast=4"
    )
    sent = Counter()
    for question, reply in seen.of(CONTRAST):
        assert {n.partition(".")[0] for n in reply.blocks} == {"encoder", "projection"}
        (modality,) = {name.partition(".")[2] for name in reply.blocks}
        sent[question.info["partition"], modality] += 1
    assert {count for count in sent.values()} == {2} and len(sent) == 8  # four nodes with two modalities each
    for _, reply in seen.of(FINETUNE):
        assert sum(name.startswith("encoder.") for name in reply.blocks) == 1 and "head.fusion" in reply.blocks
    per_round = [each["bytes"]["by_phase"]["contrast"]["up"] / rounds for each, rounds in ((plain, 2), (result, 4))]
    assert per_round[1] < 0.7 * per_round[0]


def test_autofed_fills_in_what_nodes_lack_and_tells_others_of_recorded_windows_alone(tmp_path):
    result, seen = run(tmp_path, "strategy.name=autofed", "rounds.autoencoder=2")
    assert {question.info["phase"] for question, _ in seen.of(GENERATE)} == {"generate"}
    everything = {f"{part}.{m}" for part in ("encoder", "projection") for m in ("acc", "ecg", "eda")}
    for question, reply in seen.of(CONTRAST):
        assert set(reply.blocks) == everything and question.info["fill"] == "generated"
        assert {n for n in question.blocks if n.startswith("generator.")} == {"generator.ecg", "generator.eda"}
    told = [reply.blocks for question, reply in seen.of(TARGETS) if question.info["phase"] == "contrast"]
    assert {frozenset(blocks) for blocks in told} == {
        frozenset({"targets.acc", "targets.ecg"}), frozenset({"targets.acc", "targets.eda"})
    }  # fmt: skip
    assert result["nodes"]["skipped"] == []


def test_autofed_says_where_it_can_fill_nothing_in(tmp_path):
    _, seen = run(tmp_path, "strategy.name=autofed", "bind.by=label")
    assert seen.of(GENERATE) == []
    assert "nothing is filled in" in next(tmp_path.rglob("metrics.jsonl")).read_text()


def test_nodes_tell_how_unsure_they_are_and_not_all_alike(tmp_path):
    _, seen = run(tmp_path, "strategy.name=flism")
    for kind in (CONTRAST, FINETUNE):
        told = [reply.metrics["entropy"] for _, reply in seen.of(kind)]
        assert all(0 < each <= 1 for each in told) and len(set(told)) > 1
