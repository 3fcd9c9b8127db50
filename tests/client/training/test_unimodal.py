"""Each modality by itself: the loss by hand, independence of the sensors, absent windows without influence."""

import pytest
import torch
from torch import nn

from client.training.contrast import new_contrast
from client.training.unimodal import train_unimodal
from client.training.views import View
from configs.schema import ContrastSettings
from models.augment import Strength
from models.encoders import FEATURE, STEPS, build_encoder
from models.instance import instance_loss, supervised_instance_loss
from models.projection import Projection

SETTINGS = ContrastSettings(batch=6, temperature=0.5)
SHAPES = {"gyroscope": ("inertial", 3, 16), "ecg": ("physiological", 1, 24)}
STILL = {name: Strength() for name in SHAPES}


def model(names=tuple(SHAPES), seed=0):
    encoders, projections = nn.ModuleDict(), nn.ModuleDict()
    for number, name in enumerate(SHAPES):
        torch.manual_seed(10 * seed + number)  # the same beginning whatever else is built
        kind, channels, frames = SHAPES[name]
        made = build_encoder(kind, channels, frames, width=8), Projection(STEPS, FEATURE, 8, 8)
        if name in names:
            encoders[name], projections[name] = made
    return new_contrast(encoders, projections, SETTINGS)


def view(name, count=6, absent=()):
    _, channels, frames = SHAPES[name]
    raw = torch.randn(count, frames, channels, generator=torch.Generator().manual_seed(frames))
    present = torch.ones(count, dtype=torch.bool)
    present[list(absent)] = False
    return View(raw, torch.zeros(count, 1, channels), torch.ones(count, 1, channels), present)


def bits(made, name):
    return [
        p.detach().numpy().tobytes() for p in (*made.encoders[name].parameters(), *made.projections[name].parameters())
    ]


def test_without_augmentation_the_loss_is_that_of_windows_with_themselves():
    made, views = model(), {name: view(name) for name in SHAPES}
    with torch.no_grad():
        rows = {m: made.embed({m: v.clean()})[m] for m, v in views.items()}
        expected = sum(float(instance_loss(z, z, SETTINGS.temperature)) for z in rows.values()) / 2
    assert train_unimodal(made, views, SETTINGS, 1, STILL, 0.0, 0) == pytest.approx(expected, abs=1e-5)


def test_the_loss_falls():
    made, views = model(), {name: view(name, 12) for name in SHAPES}
    losses = [train_unimodal(made, views, SETTINGS, 1, STILL, 0.1, seed) for seed in range(12)]
    assert losses[-1] < losses[0] - 0.1


def test_what_is_absent_has_no_influence_and_a_sensor_without_a_window_is_left_as_it_is():
    one, other = model(), model()
    changed = view("ecg", 8, absent=(1, 5))
    changed.raw[[1, 5]] = float("nan")
    train_unimodal(one, {"ecg": view("ecg", 8, absent=(1, 5))}, SETTINGS, 2, STILL, 0.1, 3)
    train_unimodal(other, {"ecg": changed}, SETTINGS, 2, STILL, 0.1, 3)
    assert bits(one, "ecg") == bits(other, "ecg") != bits(model(), "ecg")
    before = bits(one, "gyroscope")
    nobody = view("gyroscope", 6, absent=range(6))
    assert train_unimodal(one, {"gyroscope": nobody}, SETTINGS, 1, STILL, 0.1, 3) == 0.0
    assert bits(one, "gyroscope") == before


def test_with_labels_windows_of_one_label_attract_and_absent_ones_have_no_say():
    """Two windows of six are absent: the labels of the other four, in their order, are what counts."""
    made, views = model(("ecg",)), {"ecg": view("ecg", 6, absent=(0, 3))}
    label = torch.tensor([9, 1, 1, 8, 2, -1])
    with torch.no_grad():
        rows = made.embed({"ecg": views["ecg"].take(views["ecg"].present).clean()})["ecg"]
        expected = float(supervised_instance_loss(rows, rows, torch.tensor([1, 1, 2, -1]), SETTINGS.temperature))
        without = float(instance_loss(rows, rows, SETTINGS.temperature))
    loss = train_unimodal(made, views, SETTINGS, 1, STILL, 0.0, 0, label)
    assert loss == pytest.approx(expected, abs=1e-5) and abs(expected - without) > 1e-3


def test_labels_that_are_all_different_train_alike_and_others_otherwise():
    views, trained = {"ecg": view("ecg", 6)}, []
    for label in (None, torch.arange(6), torch.zeros(6, dtype=torch.int64)):
        made = model(("ecg",))
        trained.append([train_unimodal(made, views, SETTINGS, 1, STILL, 0.1, epoch, label) for epoch in range(3)])
    assert trained[0] == pytest.approx(trained[1], abs=1e-4)
    assert trained[0] != pytest.approx(trained[2], abs=1e-2)
