"""A job that was stopped between or within phases ends as one that never was."""

import json

import pytest

from client.app import app as client_app
from protocol.embedding import unpack_embeddings
from protocol.payload import Payload
from server.report.finish import start_run
from server.report.summary import summary_without_times
from server.resume import FILE
from simulation.jobs import node_configs, run_on, run_one
from simulation.local import LocalGrid
from tests.simulation.smallest import smallest

STOPS = {
    "in the contrast": "train.contrast",
    "while fine-tuning": "train.finetune",
    "in self-training": "train.self_train",
    "at the very end": "evaluate.head",
}


def told(folder):
    job = folder.path / "jobs" / "fedbind-seed0"
    result = json.loads((job / "result.json").read_text())
    weights = {file.name: file.read_bytes() for file in sorted((job / "checkpoint").glob("*.safetensors"))}
    return summary_without_times(result), weights


def stop_at(message_type):
    def watch(question, reply):
        if question.metadata.message_type == message_type:
            raise KeyboardInterrupt
        return reply

    return watch


@pytest.fixture(scope="module")
def experiment():
    return smallest("methods=[fedbind]", "evaluation.folds=2", "rounds.self_training=2")


@pytest.fixture(scope="module")
def unbroken(experiment, tmp_path_factory):
    folder = start_run(experiment, tmp_path_factory.mktemp("unbroken") / "run")
    run_one(experiment, "fedbind", 0, folder)
    return told(folder)


@pytest.mark.parametrize("message_type", STOPS.values(), ids=STOPS)
def test_a_stopped_job_goes_on_at_the_phase_where_it_stopped(tmp_path, experiment, unbroken, message_type):
    folder = start_run(experiment, tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run_one(experiment, "fedbind", 0, folder, watch=stop_at(message_type))
    job = folder.path / "jobs" / "fedbind-seed0"
    assert (job / FILE).is_file() and not (job / "result.json").exists()
    asked = []
    run_one(experiment, "fedbind", 0, folder, watch=lambda question, reply: asked.append(question) or reply)
    types = {question.metadata.message_type for question in asked}
    assert message_type in types and "query.describe" in types
    assert "train.autoencoder" not in types and "query.embed" not in types  # these phases were finished before
    assert told(folder) == unbroken
    assert not (job / FILE).exists()


def test_nodes_that_hold_something_else_now_make_the_job_begin_again(tmp_path, experiment):
    folder = start_run(experiment, tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run_one(experiment, "fedbind", 0, folder, watch=stop_at("train.contrast"))
    other = smallest("methods=[fedbind]", "evaluation.folds=2", "data.options.recordings_per_class=3")
    asked = []
    run_one(other, "fedbind", 0, folder, watch=lambda question, reply: asked.append(question) or reply)
    assert "train.autoencoder" in {question.metadata.message_type for question in asked}
    assert "begins again" in (folder.path / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text()


def test_nodes_that_have_named_their_samples_anew_make_the_job_begin_again(tmp_path, experiment):
    """Nodes draw their key by themselves in Flower's simulation and deployed: pairs of an earlier start name nobody."""

    def start(folder, watch):
        hosts = [{k: v for k, v in told.items() if k != "handle-key"} for told in node_configs(experiment, 0)]
        grid = LocalGrid(client_app, hosts, {"json": experiment.model_dump_json()}, watch=watch)
        return run_on(grid, experiment, "fedbind", 0, folder)

    folder = start_run(experiment, tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        start(folder, stop_at("train.contrast"))
    sent, held = set(), set()

    def watch(question, reply):
        if question.metadata.message_type == "train.contrast":
            sent.update(Payload.from_records(question.content).blocks["pairs"]["handle"].tolist())
        if question.metadata.message_type == "query.targets":
            for block in Payload.from_records(reply.content).blocks.values():
                held.update(unpack_embeddings(block)[0].tolist())
        return reply

    start(folder, watch)
    assert sent and sent <= held  # every pair is of a sample that some node has now
    told = (folder.path / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text()
    assert "the nodes have named their samples anew since the stop: this job begins again" in told


def test_a_broken_state_is_told_and_the_job_begins_again(tmp_path, experiment, unbroken):
    folder = start_run(experiment, tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run_one(experiment, "fedbind", 0, folder, watch=stop_at("train.contrast"))
    job = folder.path / "jobs" / "fedbind-seed0"
    (job / FILE).write_bytes((job / FILE).read_bytes()[:100])
    run_one(experiment, "fedbind", 0, folder)
    assert "cannot be read" in (job / "metrics.jsonl").read_text()
    assert told(folder)[1] == unbroken[1]
