"""Training from first to last on pictures made here: killed and gone on with, finished, measured, and what is refused."""

import dataclasses
import json

import pytest
import torch

from cli.app import call
from client.data import holdings
from configs.errors import UserError
from configs.load import load
from models.vqvae import Described, build_vqvae, digest, folded, unpack
from simulation.pretrain.checkpoint import FILE, find
from simulation.pretrain.images import find_images
from simulation.pretrain.run import CARD, WEIGHTS, headlines, pretrain
from simulation.pretrain.sensors import SensorSettings, measure_sensors
from simulation.pretrain.settings import PretrainSettings
from simulation.pretrain.train import train
from tests.simulation.study.recordings import write_motionsense, write_own

IMAGES = find_images(None, 32, seed=0, most=160)
SETTINGS = PretrainSettings(Described("patch", "codebook", latent=4, size=16), epochs=3, batch=2)
SIMULATED = load("demo", ["data.options={subjects: 12, recordings_per_class: 1, seconds: 8}"])


def silent(text):
    pass


class Killed(Exception):
    pass


def test_a_training_killed_twice_is_the_training_that_never_was(tmp_path, monkeypatch):
    whole, end = train(SETTINGS, IMAGES, tmp_path / "whole", silent)
    import simulation.pretrain.train as module

    steps = end.step
    assert steps == 3 * 5 and len(end.history) == 3  # 152 images, 32 a step
    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)  # after every step
    real = module._Training.step
    for kill_at in (4, 11):

        def step(training, kill_at=kill_at):
            if training.at.step == kill_at:
                raise Killed
            real(training)

        monkeypatch.setattr(module._Training, "step", step)
        with pytest.raises(Killed):
            train(SETTINGS, IMAGES, tmp_path / "killed", silent)
        assert find(tmp_path / "killed", end.identity).step == kill_at
    monkeypatch.setattr(module._Training, "step", real)
    said = []
    again, at = train(SETTINGS, IMAGES, tmp_path / "killed", said.append)
    assert said[0].startswith("going on from step 11 of 15") and at.step == steps
    assert [each["psnr_db"] for each in at.history] == [each["psnr_db"] for each in end.history]
    ours = again.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in whole.state_dict().items())


def test_training_learns_and_the_best_is_kept(tmp_path):
    settings = dataclasses.replace(SETTINGS, epochs=12, rate=3e-3)
    model, at = train(settings, IMAGES, tmp_path, silent)
    first, last = at.history[0], at.history[-1]
    assert last["psnr_db"] > first["psnr_db"] + 1 and last["perplexity"][0] > 2
    assert at.best_db == max(each["psnr_db"] for each in at.history)
    assert not model.training and not any(each.requires_grad for each in model.parameters())


def test_finished_it_only_measures_again_and_more_epochs_go_on(tmp_path):
    train(SETTINGS, IMAGES, tmp_path, silent)
    before = (tmp_path / FILE).read_bytes()
    said = []
    train(SETTINGS, IMAGES, tmp_path, said.append)
    assert said == ["going on from step 15 of 15, 0 s"] or said[0].startswith("going on from step 15 of 15")
    assert (tmp_path / FILE).read_bytes() == before
    _, at = train(dataclasses.replace(SETTINGS, epochs=4), IMAGES, tmp_path, silent)
    assert at.step == 20


def test_a_limit_in_minutes_ends_it(tmp_path):
    settings = dataclasses.replace(SETTINGS, epochs=10_000, minutes=0.02)
    _, at = train(settings, IMAGES, tmp_path, silent)
    assert at.seconds >= 1.2 and at.step < 50_000 and at.best is not None
    _, again = train(settings, IMAGES, tmp_path, silent)  # all sittings together
    assert again.step == at.step


@pytest.mark.parametrize("differ", ["seed", "images", "described", "broken"])
def test_another_training_in_the_same_folder_is_refused(tmp_path, differ):
    settings, images = dataclasses.replace(SETTINGS, epochs=1), IMAGES
    train(settings, images, tmp_path, silent)
    if differ == "images":
        images = find_images(None, 32, seed=1, most=160)
    elif differ == "broken":
        (tmp_path / FILE).write_bytes(b"no checkpoint")
    else:
        settings = dataclasses.replace(
            settings, **{"seed": {"seed": 3}, "described": {"described": Described()}}[differ]
        )
    with pytest.raises(UserError, match="cannot be read" if differ == "broken" else differ):
        train(settings, images, tmp_path, silent)


def test_a_loss_that_is_no_number_ends_it_loudly(tmp_path):
    with pytest.raises(FloatingPointError, match="--rate"):
        train(dataclasses.replace(SETTINGS, rate=1e30, epochs=50), IMAGES, tmp_path, silent)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"minutes": 0.0}, {"batch": 0}, {"rate": -1.0}, {"seed": -1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        PretrainSettings(**wrong)


@pytest.mark.parametrize("quantiser", ["fsq", "codebook", "residual"])
def test_the_card_says_what_the_file_holds(tmp_path, quantiser):
    settings = PretrainSettings(Described("patch", quantiser, latent=4, size=16), epochs=2, batch=4)
    card = pretrain(settings, IMAGES, tmp_path, silent, (SIMULATED, SensorSettings(windows=6)))
    content = (tmp_path / WEIGHTS).read_bytes()
    assert json.loads((tmp_path / CARD).read_text()) == json.loads(json.dumps(card))
    assert card["weights"] == {"file": WEIGHTS, "sha256": digest(content), "bytes": len(content)}
    assert len(content) < 3_000_000 and unpack(content)[1] == settings.described
    assert card["images"]["made_by_rule"] and card["images"]["train"] + card["images"]["held"] == 160
    assert card["training"]["steps"] == 6 and card["training"]["epochs_done"] == 2
    assert card["test"]["pictures"] == 1 and card["command"]
    assert card["model"]["encoder_parameters"] < card["model"]["whole_parameters"]
    (sensors,) = card["sensors"]
    assert sensors["data"] == {"name": "wearable_sim", "key": "data", "simulated": True}
    assert set(sensors["modalities"]) == {"acc", "ecg", "eda"}
    assert all(each["pictures"] == 6 == each["windows"] for each in sensors["modalities"].values())
    assert all(0 < each["floor_db"] < 60 for each in sensors["modalities"].values())
    lines = "\n".join(headlines(card))
    assert "made by rule" in lines and "simulated" in lines and "mean colour" in lines


def test_people_of_the_test_are_not_read(tmp_path, monkeypatch):
    from client.data.wearable_sim import WearableSim

    asked, real = [], WearableSim.load
    holdings._read_once.cache_clear()
    monkeypatch.setattr(
        WearableSim, "load", lambda self, root, **told: asked.extend(told["subjects"]) or real(self, root, **told)
    )
    pretrain(dataclasses.replace(SETTINGS, epochs=1), IMAGES, tmp_path, silent, (SIMULATED, SensorSettings(windows=2)))
    assert asked and not set(asked) & set(SIMULATED.split["test"])


def test_every_data_set_of_an_experiment_is_measured_under_the_experiment_s_names(tmp_path):
    """Three folders, two of them with other names for the same sensors; people of the test, who are of the third alone."""
    for name, people in (("mine", (1, 2)), ("target", (3, 4, 5))):
        write_own(tmp_path / name, people, frames=220)
    write_motionsense(tmp_path / "motionsense", frames=220)
    experiment = load(
        "motionsense_own",
        [
            f"data.root={tmp_path / 'motionsense'}",
            *(f"further_data.{name}.root={tmp_path / name}" for name in ("mine", "target")),
            "split={a: [1], b: [1, 2], finetune: [3, 4], test: [5]}",
            "groups.a.nodes=1",
            "groups.b.nodes=2",
        ],
    )
    model, settings = folded(build_vqvae(SETTINGS.described)), SensorSettings(windows=2)
    found = measure_sensors(model, experiment, settings, 0)
    assert [each["data"]["key"] for each in found] == ["data", "further_data.mine", "further_data.target"]
    for each in found:
        assert set(each["modalities"]) == {"gravity", "gyroscope", "user_acceleration"}
    words = 6 * 2  # six activities, two recordings of each, one window of each recording
    assert [each["modalities"]["gravity"]["of_windows"] for each in found[1:]] == [2 * words, 2 * words]
    tested = experiment.model_copy(update={"split": {**experiment.split, "test": ["3"]}})
    (*_, target) = measure_sensors(model, tested, settings, 0)
    assert target["modalities"]["gravity"]["of_windows"] == words  # one of the two, for the other is tested now


def test_the_command_from_end_to_end_and_again(tmp_path, capsys):
    out = tmp_path / "encoder"
    command = ["pretrain", "--most", "60", "--epochs", "1", "--batch", "2", "--out", str(out)]
    assert call(command) == 0
    said, progress = capsys.readouterr()
    assert "patch encoder, fsq: 26.1 MMAC" in said and f"card: {out / CARD}" in said
    assert "made by rule" in progress and "epoch 1/1" in progress
    before = (out / WEIGHTS).read_bytes()
    measured = ["--sensors", "demo", "data.options={subjects: 12, recordings_per_class: 1, seconds: 8}"]
    assert call([*command, *measured, "--quiet"]) == 0
    said, progress = capsys.readouterr()
    assert "ecg (wearable_sim, simulated)" in said and not progress
    assert (out / WEIGHTS).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--images", "/no/such/folder"], "no such folder"),
        (["--sensors", "demoo"], "did you mean demo?"),
        (["--sensors", "wesad_wrist"], "data.root"),
        (["data.root=/x"], "--sensors CONFIG"),
        (["--epochs", "0"], "epochs"),
        (["--encoder", "resnet"], "resnet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_ends_with_2_before_anything_is_begun(tmp_path, monkeypatch, capsys, arguments, what):
    monkeypatch.chdir(tmp_path)
    assert call(["pretrain", *arguments]) == 2
    out, err = capsys.readouterr()
    assert what in err and "Traceback" not in out + err and not list(tmp_path.iterdir())


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("simulation.pretrain.run.train", stopped)
    assert call(["pretrain", "--most", "60", "--out", str(tmp_path)]) == 130
    assert "the same command goes on" in capsys.readouterr().err
