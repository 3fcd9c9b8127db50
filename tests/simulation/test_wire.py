"""Whole small runs through the codecs: bytes fall, nodes and server stay in step, and a stop changes nothing."""

import json

import numpy as np
import pytest

from protocol.payload import Payload
from protocol.wire import is_packed
from server.report.finish import start_run
from server.report.summary import summary_without_times
from simulation.jobs import node_configs, run_one
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

RUN = ["methods=[fedbind]", "rounds.autoencoder=2", "rounds.contrast=3", "evaluation.embeddings=false"]
COARSE = "wire={up: [delta, top_k, int8], down: [delta, int8], embeddings: [int8]}"


def blocks_of(path):
    from safetensors.numpy import load_file

    return {file.stem: load_file(file) for file in sorted(path.rglob("checkpoint/*.safetensors"))}


def one(path, *overrides, **options):
    results, _ = whole_run(smallest(*RUN, *overrides), path, **options)
    return results["fedbind", 0], blocks_of(path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return one(tmp_path_factory.mktemp("plain") / "run")


def travelled(result, *phases):
    return sum(result["bytes"]["by_phase"][phase][way] for phase in phases for way in ("up", "down"))


@pytest.mark.parametrize(
    ("wire", "share"),
    [
        ("{up: float16, down: [bf16]}", 0.51),
        ("{up: [int8], down: [int8]}", 0.27),
        ("{up: [delta, top_k, int8], down: [delta, int8]}", 0.17),
        ("{up: [delta, top_k, bf16], down: [delta, top_k, int8]}", 0.11),
        ("{up: [delta], down: [delta]}", 0.9),
        ("{embeddings: [int8]}", 1.0),
    ],
)  # fmt: skip
def test_a_whole_run_goes_through_every_list(tmp_path, plain, wire, share):
    result, blocks = one(tmp_path / "run", f"wire={wire}")
    assert not result["nodes"]["skipped"] and 0 <= result["accuracy"] <= 1
    used = travelled(result, "autoencoder", "contrast") / travelled(plain[0], "autoencoder", "contrast")
    assert used <= share and used > share / 4
    for name, block in ((n, b) for n, b in plain[1].items() if n.startswith(("encoder.", "projection."))):
        one_way, other = (np.concatenate([each[key].ravel() for key in block]) for each in (block, blocks[name]))
        # The same start and the same direction: two roundings part, and stay near each other.
        assert np.linalg.norm(one_way - other) < 0.2 * np.linalg.norm(one_way), name
    if wire == "{up: [delta], down: [delta]}":
        assert result["bytes"]["up"] == pytest.approx(plain[0]["bytes"]["up"], rel=0.1)


def test_embeddings_travel_in_a_quarter_of_the_bytes_both_ways(plain, tmp_path):
    result, _ = one(tmp_path / "run", "wire.embeddings=[int8]")
    for way in ("up", "down"):
        numbers = [r["bytes"]["by_block"]["contrast"]["targets.acc"][way] for r in (result, plain[0])]
        assert numbers[0] < numbers[1]


def test_bytes_are_counted_by_phase_and_block_and_add_up(plain):
    told = plain[0]["bytes"]
    for way in ("up", "down"):
        for phase, blocks in told["by_block"].items():
            assert sum(block[way] for block in blocks.values()) == told["by_phase"][phase][way]
        assert sum(told["by_phase"][phase][way] for phase in told["by_phase"]) == told[way]
        assert sum(part[way] for part in told["by_modality"].values()) == told[way]
    assert {"encoder.acc", "projection.ecg", "targets.acc", "info"} <= set(told["by_block"]["contrast"])


def test_a_round_s_weights_are_coded_once_for_all_nodes_and_named_where_they_did_not_change(tmp_path):
    """Both nodes of a group get the very bytes; the second question of a round only names what the first one brought."""
    seen = {}

    def watch(question, reply):
        payload = Payload.from_records(question.content)
        if payload.info["phase"] == "contrast" and is_packed(payload.blocks.get("encoder.acc", {})):
            key = (payload.info["round"], question.metadata.message_type)
            seen.setdefault(key, []).append(payload.blocks["encoder.acc"]["wire"].tobytes())
        return reply

    one(tmp_path / "run", *TWO_NODES_A_GROUP, COARSE, watch=watch)
    sizes = {}
    for key, sent in seen.items():
        assert len(sent) == 4 and len(set(sent)) == 1
        sizes[key] = len(sent[0])
    assert sorted(sizes) == [(r, kind) for r in (1, 2, 3) for kind in ("query.targets", "train.contrast")]
    assert all(size < 100 for (_, kind), size in sizes.items() if kind == "train.contrast")
    assert all(size > 5_000 for (_, kind), size in sizes.items() if kind == "query.targets")


def test_a_node_that_fails_is_sent_everything_whole_the_next_time(tmp_path):
    whole = {}

    def watch(question, reply):
        payload = Payload.from_records(question.content)
        partition, kind = payload.info["partition"], question.metadata.message_type
        if payload.info["phase"] == "contrast" and partition == 0 and kind == "query.targets":
            whole[payload.info["round"]] = payload.blocks["encoder.acc"]["wire"].nbytes
        lost = payload.info["phase"] == "contrast" and payload.info["round"] == 2 and partition == 0
        return None if lost else reply

    result, _ = one(tmp_path / "run", COARSE.replace("down: [delta, int8]", "down: [delta, top_k, int8]"), watch=watch)
    assert whole[3] > 2 * whole[2] and whole[1] > 2 * whole[2]
    assert {skip["round"] for skip in result["nodes"]["skipped"]} == {2}


def test_nodes_that_keep_everything_on_disk_end_alike(tmp_path, monkeypatch):
    """As where every message is handled by a fresh process."""
    _, resident = one(tmp_path / "resident", COARSE)

    def on_disk(experiment, seed):
        return [
            {**each, "store": "disk", "state-dir": str(tmp_path / "state")} for each in node_configs(experiment, seed)
        ]

    monkeypatch.setattr("simulation.jobs.node_configs", on_disk)
    _, kept = one(tmp_path / "kept", COARSE)
    assert len(list((tmp_path / "state").rglob("*"))) > 10
    assert all(np.array_equal(kept[n][key], v) for n, block in resident.items() for key, v in block.items())


def test_whole_models_cost_every_modality_and_change_no_weight(tmp_path, plain):
    result, blocks = one(tmp_path / "run", "wire.models=whole")
    told, held = result["bytes"]["by_block"]["contrast"], plain[0]["bytes"]["by_block"]["contrast"]
    assert told["encoder.ecg"]["up"] == 2 * held["encoder.ecg"]["up"]
    assert told["projection.eda"]["down"] == 2 * held["projection.eda"]["down"]
    assert told["encoder.acc"] == held["encoder.acc"]
    assert all(np.array_equal(blocks[n][key], value) for n, block in plain[1].items() for key, value in block.items())


@pytest.mark.parametrize(
    "overrides",
    [
        ["strategy.name=scaffold"], ["strategy.name=fedper", "strategy.fraction=0.5"],
        ["strategy.name=harmony", "evaluation.every=1"], ["methods=[cmg, unimodal]", "rounds.contrast=2"],
        ["bind.by=label"],
    ],
    ids=lambda overrides: overrides[0],
)  # fmt: skip
def test_strategies_and_methods_run_through_codecs(tmp_path, overrides):
    experiment = smallest(*RUN, *TWO_NODES_A_GROUP, COARSE, *overrides)
    results, _ = whole_run(experiment, tmp_path / "run")
    assert all(not result["nodes"]["skipped"] for result in results.values())


@pytest.mark.parametrize("kind", ["train.contrast", "query.embed"])
def test_a_stopped_job_ends_as_one_that_never_was(tmp_path, kind):
    """What was owed and held before the stop belongs to a start of the phase that does not count any more."""
    experiment = smallest(*RUN, COARSE, "evaluation.every=1")

    def told(folder):
        result = json.loads((folder.path / "jobs" / "fedbind-seed0" / "result.json").read_text())
        return summary_without_times({k: v for k, v in result.items() if k != "bytes"})

    def stop(question, reply):
        info = Payload.from_records(question.content).info
        if question.metadata.message_type == kind and info["round"] == (3 if kind == "train.contrast" else 1):
            raise KeyboardInterrupt
        return reply

    unbroken = start_run(experiment, tmp_path / "unbroken")
    run_one(experiment, "fedbind", 0, unbroken)
    folder = start_run(experiment, tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run_one(experiment, "fedbind", 0, folder, watch=stop)
    run_one(experiment, "fedbind", 0, folder)
    assert told(folder) == told(unbroken)
    first, second = blocks_of(unbroken.path), blocks_of(folder.path)
    assert all(np.array_equal(second[n][key], v) for n, block in first.items() for key, v in block.items())
