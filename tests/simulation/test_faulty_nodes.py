"""Nodes that raise, lie or vanish in the middle: the run finishes without them, and says who and why."""

import numpy as np
import pytest
from flwr.app import Message
from safetensors.numpy import load_file

import client.app
from protocol.payload import Payload
from tests.simulation.smallest import smallest, whole_run

ASKED = {  # what each way of contrast asks a node, and the round in which it fails (`exact` counts steps from 1)
    "targets": {"autoencoder": 1, "embed": 1, "targets": 2, "contrast": 2},
    "exact": {"targets": 0, "exact_views": 2, "exact_gradient": 2},
}
CASES = [(mode, kind, round) for mode, kinds in ASKED.items() for kind, round in kinds.items()]
EMBEDDINGS = [case for case in CASES if case[1] in ("embed", "targets", "exact_views")]


def two_nodes_a_group(*overrides):
    """The smallest experiment with nodes 0 and 1 in group a, 2 and 3 in b; then those that fine-tune and test."""
    return smallest(
        "data.options={subjects: 8, recordings_per_class: 1, seconds: 8}",
        "split={a: [1, 2], b: [3, 4], finetune: [5, 6], test: [7, 8]}", "groups.a.nodes=2", "groups.b.nodes=2",
        *overrides,
    )  # fmt: skip


def skipped_in(path, mode, watch=None, *overrides):
    """Runs fedbind to its end with nodes 0 and 1 in group a, 2 and 3 in b; returns who was left out of what."""
    experiment = two_nodes_a_group("methods=[fedbind]", f"contrast.mode={mode}", "contrast.batch=16", *overrides)
    results, summary = whole_run(experiment, path, watch=watch)
    assert summary["methods"]["fedbind"]["accuracy"]["mean"] is not None and "incomplete" not in summary
    told = results["fedbind", 0]["nodes"]
    assert summary["nodes"]["skipped"] == [{**skip, "method": "fedbind", "seed": 0} for skip in told["skipped"]]
    nodes = sum(group.nodes for group in experiment.groups.values())
    assert told["ok"] == nodes - len({skip["node"] for skip in told["skipped"]})
    return told["skipped"]


def asked(message, kind, round):
    """Whom this message asks, if it is of that kind and round; else None."""
    info = Payload.from_records(message.content).info
    return info["partition"] if message.metadata.message_type.endswith(f".{kind}") and info["round"] == round else None


def changed(message, reply, change):
    """The reply as `change` makes it."""
    payload = Payload.from_records(reply.content)
    blocks = {name: {key: np.array(value) for key, value in block.items()} for name, block in payload.blocks.items()}
    made = change(Payload(blocks, dict(payload.info), dict(payload.metrics)))
    return Message(made.to_records(), reply_to=message)


def by_node(skipped, round):
    """Reasons by node, all of one round."""
    assert {skip["round"] for skip in skipped} == {round}
    reasons = {skip["node"]: skip["reason"] for skip in skipped}
    assert len(reasons) == len(skipped)
    return reasons


def spoilt(payload):
    array = next(a for block in payload.blocks.values() for a in block.values() if a.dtype.kind == "f")
    array.flat[0] = np.nan
    return payload


@pytest.mark.parametrize(("mode", "kind", "round"), CASES)
def test_nodes_that_raise_vanish_or_send_nan_in_the_middle_are_named(tmp_path, monkeypatch, mode, kind, round):
    """In one round node 0 raises, node 1 vanishes, node 2 sends NaN."""
    answer = client.app._answer

    def breaking(of_kind, message, context, work):
        def fails(*_):
            raise RuntimeError("in /home/someone/secret.mat")

        return answer(of_kind, message, context, fails if asked(message, kind, round) == 0 else work)

    def watch(message, reply):
        whom = asked(message, kind, round)
        return None if whom == 1 else changed(message, reply, spoilt) if whom == 2 else reply

    monkeypatch.setattr(client.app, "_answer", breaking)
    reasons = by_node(skipped_in(tmp_path, mode, watch), round)
    assert set(reasons) == {0, 1, 2}
    assert "RuntimeError" in reasons[0] and "secret" not in reasons[0]
    assert reasons[1].startswith("late: no reply within") and "NaN" in reasons[2]


def narrower(payload):
    for block in payload.blocks.values():
        block["values"] = block["values"][:, :-1]
    return payload


def without_handles(payload):
    return Payload({name: {"values": block["values"]} for name, block in payload.blocks.items()}, payload.info)


def under_other_handles(payload):
    for block in payload.blocks.values():
        block["handles"] = block["handles"] + 1
    return payload


@pytest.mark.parametrize(("mode", "kind", "round"), EMBEDDINGS)
def test_embeddings_out_of_form_cost_their_node_the_round_and_nobody_else(tmp_path, mode, kind, round):
    lies = {1: narrower, 3: without_handles}
    if kind == "exact_views":
        lies[2] = under_other_handles

    def watch(message, reply):
        lie = lies.get(asked(message, kind, round))
        return changed(message, reply, lie) if lie else reply

    reasons = by_node(skipped_in(tmp_path, mode, watch), round)
    assert set(reasons) == set(lies)
    assert "numbers" in reasons[1] and "one handle for each row" in reasons[3]
    assert kind != "exact_views" or "not asked for" in reasons[2]


@pytest.mark.parametrize("kind", ["finetune", "head"])
def test_of_two_boards_that_fine_tune_or_test_one_may_vanish(tmp_path, kind):
    victim = {"finetune": 5, "head": 7}[kind]

    def watch(message, reply):
        of_kind = message.metadata.message_type.endswith(f".{kind}")
        return None if of_kind and Payload.from_records(message.content).info["partition"] == victim else reply

    skipped = skipped_in(tmp_path, "targets", watch, "groups.finetune.nodes=2", "groups.test.nodes=2")
    assert {skip["node"] for skip in skipped} == {victim}


@pytest.mark.parametrize("missed", [1, 2])
def test_a_board_that_misses_one_message_of_a_track_is_left_out_of_that_round_alone(tmp_path, missed):
    def watch(message, reply):
        info = Payload.from_records(message.content).info
        late = message.metadata.message_type == "train.finetune" and info["partition"] == 5
        return None if late and info["first_epoch"] == missed else reply

    skipped = skipped_in(
        tmp_path,
        "targets",
        watch,
        "groups.finetune.nodes=2",
        "rounds.finetune=4",
        "epochs.finetune=4",
        "evaluation.folds=0",
    )
    assert [(skip["node"], skip["phase"], skip["round"]) for skip in skipped] == [(5, "fine-tune", missed)]


@pytest.mark.parametrize("missed", [1, 2])
def test_a_board_that_could_not_answer_once_goes_on_from_the_weights_it_is_sent_next(tmp_path, monkeypatch, missed):
    """It has no state of the track, or one of an epoch before."""
    answer = client.app._answer

    def failing(kind, message, context, work):
        info = Payload.from_records(message.content).info
        hit = kind.message_type == "train.finetune" and info["partition"] == 5 and info["first_epoch"] == missed
        return answer(kind, message, context, _out_of_memory if hit else work)

    monkeypatch.setattr(client.app, "_answer", failing)
    skipped = skipped_in(
        tmp_path,
        "targets",
        None,
        "groups.finetune.nodes=2",
        "rounds.finetune=4",
        "epochs.finetune=4",
        "evaluation.folds=0",
    )
    assert [(skip["node"], skip["phase"], skip["round"]) for skip in skipped] == [(5, "fine-tune", missed)]


def _out_of_memory(*_):
    raise RuntimeError("out of memory")


# --- what a node is asked beside fedbind's own training -----------------------------------------------------------------

ALL_TWO = (
    "groups.finetune.nodes=2",
    "groups.test.nodes=2",
)
UNIFIED = (
    "models={encoder: unified, width: 8, feature: 4, projection: 16, hidden: 24, unified: {weights: untrained, "
    "records: 64, bins: 8, variants: 1, latents: quantised, adapt: {rounds: 1, decoder_rounds: 1}}}"
)
FURTHER = {  # settings, and for every kind of question whom its three faults befall: who raises, vanishes, sends NaN
    "unimodal": (("methods=[unimodal]",), {"unimodal": (0, 1, 2)}),
    "cmg": (("methods=[cmg]",), {"generate": (0, 1, 2), "contrast": (1, 2, 3)}),
    "probe and audit": (("evaluation.every=1", *ALL_TWO), {"probe": (4, None, None), "audit": (0, 1, None)}),
    "boards": (ALL_TWO, {"finetune": (4, None, None), "head": (None, 7, None)}),
    "one encoder": ((UNIFIED,), {"unified": (0, None, None), "adapt": (None, 1, 2), "decoder": (None, None, 3)}),
}


def tuple_of_faults(monkeypatch, faults):
    """A watch under which a node raises, another vanishes, a third sends NaN, by kind of question."""
    answer = client.app._answer

    def kind_and_node(message):
        return message.metadata.message_type.partition(".")[2], Payload.from_records(message.content).info["partition"]

    def breaking(of_kind, message, context, work):
        kind, node = kind_and_node(message)

        def fails(*_):
            raise RuntimeError("in /home/someone/secret.mat")

        return answer(of_kind, message, context, fails if faults.get(kind, (None,))[0] == node else work)

    def watch(message, reply):
        kind, node = kind_and_node(message)
        _, vanishes, spoils = faults.get(kind, (None, None, None))
        return None if node == vanishes else changed(message, reply, spoilt) if node == spoils else reply

    monkeypatch.setattr(client.app, "_answer", breaking)
    return watch


@pytest.mark.parametrize("case", FURTHER)
def test_every_other_question_too_may_find_nodes_that_raise_vanish_or_send_nan(tmp_path, monkeypatch, case):
    """The run ends with its figures; whoever failed is named with a reason that tells nothing of its files."""
    overrides, faults = FURTHER[case]
    method = next((each for each in overrides if each.startswith("methods=")), "methods=[fedbind]")
    experiment = two_nodes_a_group("contrast.batch=16", method, *overrides)
    (name,) = experiment.methods
    results, summary = whole_run(experiment, tmp_path / "run", watch=tuple_of_faults(monkeypatch, faults))
    told = results[name, 0]["nodes"]["skipped"]
    assert summary["methods"][name]["accuracy"]["mean"] is not None and "incomplete" not in summary
    silent = {"audit"}  # who permits no audit misses no round
    wanted = {node for kind, nodes in faults.items() if kind not in silent for node in nodes if node is not None}
    assert {skip["node"] for skip in told} == wanted
    assert not any("secret" in skip["reason"] for skip in told)
    reasons = " ".join(skip["reason"] for skip in told)
    loud = [nodes for kind, nodes in faults.items() if kind not in silent]
    for at, word in enumerate(("RuntimeError", "late: no reply", "NaN")):
        assert (word in reasons) == any(nodes[at] is not None for nodes in loud)


def huge_losses(payload):
    return Payload(payload.blocks, {**payload.info, "losses": [10**400] * len(payload.info["losses"])}, payload.metrics)


def area_of_nothing(payload):
    return Payload(payload.blocks, payload.info, {"examples": 0.0, "auc": 0.5})


def far_sums(payload):
    for block in payload.blocks.values():
        for key in block:
            block[key] = np.full_like(block[key], 1e300)
    return payload


def sensor_of_its_own(payload):
    (node,) = payload.info["nodes"]
    sensors = {**node["modalities"], "../../evil": next(iter(node["modalities"].values()))}
    return Payload(payload.blocks, {**payload.info, "nodes": [{**node, "modalities": sensors}]}, payload.metrics)


def endless_steps(payload):
    return Payload(payload.blocks, payload.info, {**payload.metrics, "steps": 1e300})


def no_rate(payload):
    return Payload(payload.blocks, payload.info, {**payload.metrics, "rate": 1e-300})


def others_handles(payload):
    for block in payload.blocks.values():
        block["handles"] = np.arange(len(block["handles"]), dtype=np.int64)
    return payload


LIES = {  # settings, kind of question, who lies in one way, the lie, and a word of the reason
    "a sensor that is a path": ((), "describe", {1}, sensor_of_its_own, "claims a sensor '../../evil'"),
    "sums that would be infinite": ((), "describe", {1}, far_sums, "counts above"),
    "handles of each other": ((), "embed", {1, 3}, others_handles, "handles of another node"),
    "steps without end": (("strategy.name=fednova",), "contrast", {1}, endless_steps, "claims 1e+300 steps"),
    "a rate of nothing": (("strategy.name=scaffold",), "contrast", {1}, no_rate, "claims a rate of 1e-300"),
    "steps without end in fine-tuning": (
        (*ALL_TWO, "strategy.name=fednova"),
        "finetune",
        {5},
        endless_steps,
        "claims 1e+300 steps",
    ),
    "a rate of nothing in fine-tuning": (
        (*ALL_TWO, "strategy.name=scaffold"),
        "finetune",
        {5},
        no_rate,
        "claims a rate of 1e-300",
    ),
    "sums of samples without end": (ALL_TWO, "prototypes", {5}, far_sums, "labelled samples"),
    "losses beyond any number": (ALL_TWO, "finetune", {5}, huge_losses, "beyond 64 bits"),
    "an area without a sample": (ALL_TWO, "head", {7}, area_of_nothing, "claims 0 examples"),
    "infinite latents": ((UNIFIED,), "adapt", {1}, far_sums, "above"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_that_would_reach_everyone_costs_the_liar_alone(tmp_path, lie):
    overrides, kind, liars, change, said = LIES[lie]

    def watch(message, reply):
        whom = Payload.from_records(message.content).info["partition"]
        of_kind = message.metadata.message_type.endswith(f".{kind}")
        return changed(message, reply, change) if of_kind and whom in liars else reply

    skipped = skipped_in(tmp_path / "run", "targets", watch, *overrides)
    assert {skip["node"] for skip in skipped} == liars and all(np.isfinite(each).all() for each in weights_of(tmp_path))
    assert said in skipped[0]["reason"]


def weights_of(path):
    """All arrays that the runs below a folder left."""
    files = [load_file(each) for each in path.glob("**/checkpoint/*.safetensors")]
    assert files
    return [array for file in files for array in file.values()]
