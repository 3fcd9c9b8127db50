"""The three ways to teach the encoder of the shared modality: what each asks of it, and that each learns."""

import pytest
import torch

from client.training.autoencoder import new_optimiser, train_autoencoder
from client.training.views import View
from configs.schema import AutoencoderSettings
from models.augment import Strength
from models.autoencoder import SharedAutoencoder
from models.blocks import ModalityShape, new_autoencoder
from models.instance import SharedEncoder, instance_loss

OBJECTIVES = ("instance", "reconstruction", "denoising")
CHANGE = Strength(crop=0.1, scale=0.1)


def settings(objective, **changes):
    return AutoencoderSettings(objective=objective, latent=4, width=8, batch=8, **changes)


def fresh(objective, seed=0):
    return new_autoencoder("acc", ModalityShape("inertial", 16, 3), settings(objective), seed)


def view(count=16):
    generator = torch.Generator().manual_seed(0)
    phase = torch.rand(count, 1, 1, generator=generator) * 6.28
    speed = 1 + torch.rand(count, 1, 1, generator=generator)
    raw = torch.sin(speed * torch.linspace(0, 6.28, 16)[None, :, None] + phase + torch.arange(3))
    return View(raw, torch.zeros(count, 1, 3), torch.ones(count, 1, 3), torch.ones(count, dtype=torch.bool))


def train(model, objective, epochs=1, change=CHANGE, jitter=0.05, seed=0, **changes):
    asked = settings(objective, **changes)
    return train_autoencoder(
        model, view(), new_optimiser(model, asked, 3e-3, None), asked, epochs, change, jitter, seed
    )


def bits(model):
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


def test_the_objective_chooses_the_network():
    assert isinstance(fresh("instance"), SharedEncoder)
    assert isinstance(fresh("reconstruction"), SharedAutoencoder) and isinstance(fresh("denoising"), SharedAutoencoder)
    rows = fresh("instance").encode(view().clean())
    assert rows.shape == (16, 3 * 4) and torch.allclose(rows.norm(dim=1), torch.ones(16), atol=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_learns_and_follows_from_its_seed(objective):
    model, again, other = fresh(objective), fresh(objective), fresh(objective)
    first = train(model, objective)
    assert train(model, objective, epochs=15) < first
    train(again, objective)
    train(other, objective, seed=1)
    assert bits(again) != bits(other)
    repeated = fresh(objective)
    train(repeated, objective)
    assert bits(repeated) == bits(again)


def test_reconstruction_sees_the_clean_window_and_denoising_a_changed_one():
    plain, changed, same = fresh("reconstruction"), fresh("denoising"), fresh("denoising")
    train(plain, "reconstruction")
    train(changed, "denoising")
    assert bits(plain) != bits(changed)
    train(same, "denoising", change=Strength(), jitter=0.0)  # nothing is changed: the window itself is the input
    assert bits(plain) == bits(same)


def test_two_views_of_a_window_are_told_from_those_of_others_at_the_temperature():
    first = torch.eye(3)
    cold, warm = (float(instance_loss(first, first, temperature)) for temperature in (0.1, 1.0))
    assert cold == pytest.approx(float(torch.log(1 + 2 * torch.exp(torch.tensor(-10.0)))), abs=1e-6) and cold < warm
    assert float(instance_loss(torch.eye(3)[:1], torch.eye(3)[:1])) == 0.0  # nobody to tell it from
