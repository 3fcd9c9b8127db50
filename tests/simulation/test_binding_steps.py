"""Three groups that share no common sensor, bound step by step over simulated nodes; and one modality as it always was."""

import json
from importlib import import_module

import numpy as np
import pytest

import client.app
from configs.errors import UserError
from configs.load import check, load
from protocol.kinds import AUTOENCODER, EMBED
from protocol.payload import Payload
from server.binding.bind import bind, too_alike
from server.binding.score import score
from server.dispatch import Dispatch
from server.job import Job
from server.phases.autoencoder import train_autoencoder
from server.phases.bind import bind_samples
from server.phases.contrast import contrast
from server.phases.describe import describe
from server.phases.embed import embed
from server.state import JobState
from simulation.jobs import grid_for
from tests.simulation.smallest import smallest, whole_run

THREE_GROUPS = [
    "data.modalities.resp={frames: 51}",
    "split={a: [1], b: [2], c: [3], finetune: [4], test: [5, 6]}",
    "groups={a: {modalities: [acc, resp]}, b: {modalities: [acc, ecg]}, c: {modalities: [resp, eda]}, "
    "finetune: {modalities: [ecg, eda], labels_per_class: 3}, test: {modalities: [ecg, eda]}}",
]
STEPS = [*THREE_GROUPS, "bind.by=[acc, resp]"]


@pytest.fixture
def begun(tmp_path):
    """Makes a job and its state after binding, with what was embedded."""
    grids = []

    def begin(*overrides):
        experiment = smallest("methods=[fedbind]", *overrides)
        grids.append(grid_for(experiment, "fedbind", 0))
        job = Job(experiment, "fedbind", 0, Dispatch(grids[-1], [], "fedbind", 0, 60.0, 1), tmp_path)
        state = describe(job, JobState())
        state = embed(job, train_autoencoder(job, state) if experiment.bind.modalities else state)
        return job, bind_samples(job, state), state.embedded

    yield begin
    for grid in grids:
        grid.close()


def joined_groups(job, state):
    """Which group's samples are bound to which one's."""
    group = {p: manifest.group for p, manifest in state.manifests.items()}
    pairs = zip(state.pairs.node.tolist(), state.pairs.partner_node.tolist(), strict=True)
    return {group[n] + group[m] for n, m in pairs}


def test_a_single_modality_gives_bit_by_bit_what_bind_gives(begun):
    job, state, embedded = begun()
    rule = job.experiment.bind
    assert list(embedded) == ["acc"]
    for got, expected in (
        (state.pairs, bind(embedded["acc"], rule.weights, rule.partners)),
        (state.undecided, too_alike(embedded["acc"], rule.undecided)),
    ):
        for name in expected.__dataclass_fields__:
            assert getattr(got, name).tobytes() == getattr(expected, name).tobytes()
        assert len(got)


def test_three_groups_are_bound_step_by_step_and_the_outer_two_through_the_middle(begun):
    job, state, embedded = begun(*STEPS)
    assert {by: sorted(found) for by, found in embedded.items()} == {"acc": [0, 1], "resp": [0, 2]}
    assert {"autoencoder.acc", "autoencoder.resp"} <= set(state.blocks)
    assert [(s.first, s.second, s.by) for s in state.steps] == [("a", "b", "acc"), ("a", "c", "resp")]
    assert joined_groups(job, state) == {"ab", "ba", "ac", "ca", "bc", "cb"}
    notes = [event["text"] for event in job.dispatch.events if event["event"] == "note"]
    assert notes == ["bound step by step: a–b by acc, a–c by resp"]
    assert state.pairing["accuracy"] is not None
    assert set(state.handles) == {0, 1, 2} and len(state.undecided)
    trained = contrast(job, state)
    assert {f"encoder.{m}" for m in ("acc", "resp", "ecg", "eda")} <= set(trained.blocks)
    assert not job.dispatch.tally.skipped


def test_without_through_the_outer_two_are_not_bound(begun):
    job, state, _ = begun(*STEPS, "bind.through=false")
    assert joined_groups(job, state) == {"ab", "ba", "ac", "ca"}


def test_pairs_through_the_middle_follow_the_links(begun):
    """A sample of b goes with whom of c its own partner in a goes with."""
    _, state, _ = begun(*STEPS, "bind.partners=1")
    pairs, group = state.pairs, {p: manifest.group for p, manifest in state.manifests.items()}
    towards = {}
    for n, h, m, q in zip(pairs.node.tolist(), pairs.handle.tolist(), pairs.partner_node.tolist(),
                          pairs.partner_handle.tolist(), strict=True):  # fmt: skip
        towards.setdefault(group[n] + group[m], {})[h] = q
    assert towards["bc"] and towards["bc"] == {h: towards["ac"][q] for h, q in towards["ba"].items()}
    assert towards["cb"] == {h: towards["ab"][q] for h, q in towards["ca"].items()}


def test_two_groups_with_two_shared_modalities_are_bound_by_the_first_or_by_the_better_one(begun):
    both = [
        "groups.a.modalities=[acc, ecg, resp]", "groups.b.modalities=[acc, eda, resp]",
        "data.modalities.resp={frames: 51}", "bind.by=[resp, acc]",
    ]  # fmt: skip
    _, state, _ = begun(*both)
    assert [s.by for s in state.steps] == ["resp"]
    job, state, embedded = begun(*both, "bind.order=chosen")
    told = next(event["text"] for event in job.dispatch.events if event["event"] == "note")
    assert told.startswith("a and b share ") and "(score " in told
    best = max(("resp", "acc"), key=lambda by: score({p: e.vectors for p, e in embedded[by].items()}).score)
    assert [s.by for s in state.steps] == [best]


def test_a_run_by_steps_goes_through_with_its_rounds_planned_and_counted(tmp_path):
    experiment = smallest("methods=[fedbind, upper_bound]", *STEPS, "contrast.rebind_every=1", "rounds.autoencoder=2")
    results, _ = whole_run(experiment, tmp_path / "run")
    assert all(0 <= result["accuracy"] <= 1 and not result["nodes"]["skipped"] for result in results.values())
    lines = (tmp_path / "run" / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text().splitlines()
    rounds = [e for e in map(json.loads, lines) if e["event"] == "round" and e["phase"] == "autoencoder"]
    assert [(e["round"], e["rounds"]) for e in rounds] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    planned = next(e for e in map(json.loads, lines) if e["event"] == "plan")["phases"]
    assert {"phase": "autoencoder", "rounds": 4} in planned and {"phase": "embed", "rounds": 2} in planned


def test_each_modality_s_encoder_trains_as_if_it_were_the_only_one(begun):
    """The rate falls over a modality's own rounds, and its optimiser begins anew: the second is not the first's tail."""
    job, state, _ = begun(*STEPS, "rounds.autoencoder=2")
    events = [e for e in job.dispatch.events if e["event"] == "round" and e["phase"] == "autoencoder"]
    assert [sorted(e["node_losses"]) for e in events] == [["0", "1"], ["0", "1"], ["0", "2"], ["0", "2"]]
    _, alone, _ = begun(*STEPS, "rounds.autoencoder=2", "bind.by=[resp, acc]")
    assert all(
        np.array_equal(value, alone.blocks["autoencoder.acc"][key])
        for key, value in state.blocks["autoencoder.acc"].items()
    )


def test_a_node_embeds_nothing_but_what_binds(begun):
    """Asked for an encoder of a modality that the experiment does not bind by, or for two at once, it refuses."""
    job, state, _ = begun(*STEPS)
    ecg = {**state.blocks, "autoencoder.ecg": state.blocks["autoencoder.acc"]}
    for kind in (EMBED, AUTOENCODER):
        for names in (["autoencoder.ecg"], ["autoencoder.acc", "autoencoder.resp"], []):
            question = Payload({name: ecg[name] for name in names}, {"rounds": 1})
            assert not job.dispatch.ask(kind, {0: question}, "embed", may_all_fail=True)
            assert "no encoder of one modality that binds" in job.dispatch.tally.skipped[-1]["reason"]


def test_a_node_that_names_further_samples_with_the_second_modality_is_left_out_of_it(begun, monkeypatch):
    honest = client.app.handlers.embed

    def embed_more(node, question):
        reply = honest(node, question)
        if node.place.partition == 0 and "autoencoder.resp" in question.blocks:
            reply.blocks["embeddings.resp"]["handles"] = reply.blocks["embeddings.resp"]["handles"] + 1
        return reply

    monkeypatch.setattr(client.app.handlers, "embed", embed_more)
    job, state, embedded = begun(*STEPS)
    assert sorted(embedded["resp"]) == [2]
    assert [(s["node"], s["phase"]) for s in job.dispatch.tally.skipped] == [(0, "embed")]
    assert joined_groups(job, state) == {"ab", "ba"}  # what the rest allows


def test_how_many_samples_a_silent_label_leaves_unbound_is_told(begun, monkeypatch):
    def vectors(texts, encoder):
        return np.eye(len(texts), dtype=np.float32) * (np.arange(len(texts)) > 0)[:, None], "an encoder"

    monkeypatch.setattr(import_module("client.handlers.embed"), "label_vectors", vectors)
    job, state, embedded = begun("bind.by=label")
    notes = [event["text"] for event in job.dispatch.events if event["event"] == "note"]
    classes = len(state.manifests[0].classes)
    silent = 2 * state.manifests[0].labelled // classes  # of two nodes
    assert f"{silent} labelled samples bind nothing: the sentence encoder reads nothing" in notes[-1]
    assert len(embedded["label"][0].handles) == state.manifests[0].labelled * (classes - 1) // classes


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ("[acc]", "bind.by: 'acc' is not held by group c"),
        ("[acc, ecg]", "bind.by: 'ecg' is held by group b alone; a modality binds two groups or more"),
        ("[acc, magnet]", "bind.by: 'magnet' is held by no group"),
        ("[acc, acc]", "name modalities, each once"),
        ("[acc, label]", "or the one word label"),
        ("[]", "name modalities, each once"),
    ],
)
def test_what_cannot_bind_is_told_before_anything_is_read(by, told):
    with pytest.raises(UserError) as caught:
        smallest(*THREE_GROUPS, f"bind.by={by}")
    assert told in str(caught.value)


def test_groups_that_fall_into_parts_are_named():
    tree = smallest(*STEPS).model_dump(mode="json")
    tree["split"] |= {"d": ["7"], "e": ["8"]}
    tree["data"]["modalities"]["gyro"] = {"frames": 16}
    tree["groups"] |= {"d": {"modalities": ["gyro", "ecg"]}, "e": {"modalities": ["gyro", "eda"]}}
    tree["bind"]["by"] = ["acc", "resp", "gyro"]
    with pytest.raises(UserError) as caught:
        check(tree)
    assert "in parts that nothing joins: a, b, c | d, e" in str(caught.value)


def test_one_modality_in_a_list_is_the_modality_itself():
    assert load("demo", ["bind.by=[acc]"]).bind.by == "acc" == load("demo").bind.by
    assert load("demo").bind.modalities == ["acc"] and load("demo", ["bind.by=label"]).bind.modalities == []
