"""Pre-training that jobs have in common is done once, and changes nothing in what comes after it."""

import json

import pytest

from server.pretraining import key_of
from server.report.finish import start_run
from server.report.summary import summary_without_times
from server.resume import FILE
from simulation.jobs import check_before, run_one
from tests.simulation.smallest import smallest
from tests.simulation.test_unified import UNIFIED

# Everything that pre-training is said not to read, otherwise than in the smallest run.
LATER = [
    "name=another", "seeds=[0, 1]", "methods=[fedbind, dcm]", "run.reply_timeout_s=100", "finetune.rate=0.01",
    "finetune.encoder_rate_share=[0.5, 1.0]", "epochs.finetune=4", "rounds.finetune=1", "evaluation.folds=2",
    "evaluation.curve=false", "evaluation.curve_every=2", "evaluation.embeddings=false",
    "groups.finetune.labels_per_class=2", "rounds.self_training=1", "epochs.self_training=1",
    "self_training={partners: false, temperature: 0.2}",
]  # fmt: skip
READ = [
    "rounds.contrast=3", "epochs.contrast=2", "bind.partners=1", "contrast.rate=0.01", "autoencoder.members=1",
    "evaluation.every=1", "evaluation.audit_pairs=false", "split.test=[5]", "models.width=16", "strategy.name=fedmedian",
    "partition={kind: dirichlet, alpha: 1}", "groups.a.labels_per_class=1", "augment.scale=0.2", "data.normalise=per_node",
    "wire.up=[int8]",
]  # fmt: skip


def told(folder, method="fedbind"):
    job = folder.path / "jobs" / f"{method}-seed0"
    result = json.loads((job / "result.json").read_text())
    checkpoint = job / "checkpoint"
    weights = {
        str(file.relative_to(checkpoint)): file.read_bytes() for file in sorted(checkpoint.rglob("*.safetensors"))
    }
    return summary_without_times(result), weights


def run(path, *overrides, method="fedbind"):
    """What the job left, and the kinds of message that its nodes were sent."""
    experiment = smallest(*overrides)
    folder, asked = start_run(experiment, path), []
    run_one(experiment, method, 0, folder, watch=lambda question, reply: asked.append(question) or reply)
    return told(folder, method), {question.metadata.message_type for question in asked}


ADAPTED = (
    "models={encoder: unified, width: 8, feature: 4, projection: 16, hidden: 24, unified: {weights: untrained, "
    "records: 64, bins: 8, variants: 1, numbers: 12, latents: quantised, adapt: {rounds: 1, decoder_rounds: 0}}}"
)


@pytest.mark.parametrize(
    ("method", "more"), [("fedbind", ()), ("mim", ()), ("fedbind", UNIFIED), ("fedbind", (ADAPTED,))],
    ids=["fedbind", "mim", "one encoder", "one encoder adapted"],
)  # fmt: skip
def test_a_job_that_takes_over_a_like_one_s_pretraining_ends_as_one_that_did_not(tmp_path, method, more):
    alone, asked = run(tmp_path / "alone", *more, *LATER, method=method)
    assert "train.contrast" in asked
    kept = f"run.pretraining={tmp_path / 'kept'}"
    run(tmp_path / "first", *more, kept, method=method)
    assert len(list((tmp_path / "kept").rglob(FILE))) == 1
    after, asked = run(tmp_path / "second", *more, *LATER, kept, method=method)
    assert "train.contrast" not in asked and "train.autoencoder" not in asked and "train.finetune" in asked
    assert after[0] == alone[0]
    assert sorted(after[1]) == sorted(alone[1])
    assert [name for name in alone[1] if after[1][name] != alone[1][name]] == []


@pytest.mark.parametrize("changed", READ)
def test_what_pretraining_reads_is_in_its_key(changed):
    assert key_of(smallest(changed), "fedbind", 0) != key_of(smallest(), "fedbind", 0)


def test_method_and_seed_are_in_the_key_and_later_settings_are_not():
    own = key_of(smallest(), "fedbind", 0)
    assert own not in (key_of(smallest(), "dcm", 0), key_of(smallest(), "fedbind", 1))
    assert own == key_of(smallest(*LATER), "fedbind", 0)


def test_labels_and_folds_count_where_they_are_read_between_rounds():
    def key(*overrides):
        return key_of(smallest("evaluation.every=1", *overrides), "fedbind", 0)

    assert len({key(), key("evaluation.folds=2"), key("groups.finetune.labels_per_class=2")}) == 3


def test_other_recordings_under_the_same_settings_are_not_taken_for_the_same(tmp_path, monkeypatch):
    kept = f"run.pretraining={tmp_path / 'kept'}"
    run(tmp_path / "first", kept)
    monkeypatch.setattr("server.pretraining.key_of", lambda *_: next((tmp_path / "kept").iterdir()).name)
    _, asked = run(tmp_path / "second", kept, "data.options={subjects: 6, recordings_per_class: 2, seconds: 9}")
    assert "train.contrast" in asked


def test_a_file_that_cannot_be_read_is_told_and_training_is_done(tmp_path):
    kept = f"run.pretraining={tmp_path / 'kept'}"
    run(tmp_path / "first", kept)
    [file] = (tmp_path / "kept").rglob(FILE)
    file.write_bytes(file.read_bytes()[:-100])
    _, asked = run(tmp_path / "second", kept)
    assert "train.contrast" in asked
    assert "is of no use" in (tmp_path / "second" / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text()


def test_a_place_that_cannot_be_a_folder_is_told_before_anything_is_trained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        check_before(smallest(f"run.pretraining={tmp_path / 'file' / 'kept'}"))
