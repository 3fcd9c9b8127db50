"""Latents on a node: made once, varied, kept whole between processes."""

import pytest
import torch

from client.latents import LatentView, kept_latents, let_go, make_latents
from client.latents.cache import forget_read
from client.store import DiskStore, MemoryStore
from client.training.views import View
from configs.unified_settings import UnifiedSettings
from models.augment import Strength
from models.blocks import ModalityShape
from models.vqvae import Described, build_vqvae

SETTINGS = UnifiedSettings(records=64, bins=8, variants=3)
SHAPE = ModalityShape("inertial", 20, 3)
PRESENT = torch.tensor([True, False, True, True])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_vqvae(Described(quantiser="codebook", latent=5)).eval()


def windows():
    raw = torch.randn(4, 20, 3, generator=torch.Generator().manual_seed(1))
    ones = torch.ones(4, 1, 3)
    return View(raw, 0 * ones, ones, PRESENT)


def made(model, varied=(True, True, True, False), **more):
    settings = SETTINGS.model_copy(update=more)
    return make_latents(model, windows(), SHAPE, settings, torch.tensor(varied), Strength(turn_deg=30), 0.1, seed=5)


def view(variants=3, **more):
    generator = torch.Generator().manual_seed(2)
    clean, several = torch.randn(4, 8, 6, generator=generator), torch.randn(4, variants, 8, 6, generator=generator)
    mean, std = torch.full((4, 1, 6), 0.5), torch.full((4, 1, 6), 2.0)
    return LatentView(clean, mean, std, PRESENT, several, torch.arange(4), **more)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_only_what_trains_is_varied_and_absent_windows_have_no_latents(model):
    clean, variants = made(model)
    assert clean.shape == (4, 8, 15) and variants.shape == (4, 3, 8, 15)
    assert (clean[1] == 0).all() and (variants[1] == 0).all() and (clean[0] != 0).any()
    assert torch.equal(variants[3], clean[3].expand(3, 8, 15))  # not trained on
    assert len({tuple(each.flatten().tolist()) for each in (*variants[0], clean[0])}) == 4
    assert made(model, varied=(False,) * 4)[1].shape == (4, 0, 8, 15)
    assert torch.equal(made(model)[1], variants)


def test_a_sensor_that_recorded_nothing_has_latents_of_zeros(model):
    nothing = View(windows().raw, windows().mean, windows().std, torch.zeros(4, dtype=torch.bool))
    clean, variants = make_latents(
        model, nothing, SHAPE, SETTINGS, torch.ones(4, dtype=torch.bool), Strength(), 0.1, seed=5
    )
    assert clean.shape == (4, 8, 15) and variants.shape == (4, 3, 8, 15) and not clean.any() and not variants.any()


def test_a_latent_view_normalises_and_takes_as_windows_do():
    whole = view()
    expected = torch.where(PRESENT[:, None, None], (whole.raw - 0.5) / 2.0, torch.zeros(()))
    assert torch.equal(whole.clean(), expected)
    some = whole.take(torch.tensor([3, 0]))
    assert len(some) == 2 and torch.equal(some.clean(), expected[[3, 0]])


def test_a_training_step_sees_one_variant_of_each_window_or_a_point_between_two():
    some = view(mix=False).take(torch.tensor([2, 0]))
    drawn = some.augmented(Strength(), 0.0, seeded())
    for row, of in ((0, 2), (1, 0)):
        assert any(torch.equal(drawn[row], (each - 0.5) / 2.0) for each in view().variants[of])
    mixed = view().augmented(Strength(), 0.0, seeded())
    low, high = (f((view().variants - 0.5) / 2.0, dim=1) for f in (torch.amin, torch.amax))
    assert ((mixed >= low - 1e-6) & (mixed <= high + 1e-6))[PRESENT].all() and (mixed[1] == 0).all()
    assert torch.equal(view().augmented(Strength(), 0.0, seeded()), mixed)


def test_noise_is_in_spreads_and_spares_what_is_absent():
    quiet, loud = view(mix=False), view(mix=False, noise=0.5)
    change = loud.augmented(Strength(), 0.0, seeded()) - quiet.augmented(Strength(), 0.0, seeded())
    assert 0.4 < change[PRESENT].std() < 0.6 and (change[1] == 0).all()
    still = view(variants=0)
    assert torch.equal(still.augmented(Strength(), 0.0, seeded()), still.clean())


def test_latents_that_a_network_made_stand_in_the_clean_ones_and_in_every_variant():
    rows = torch.tensor([False, True, False, False])
    full = view().with_made(rows, torch.ones(1, 8, 6))
    assert full.present.all() and torch.equal(full.clean()[1], torch.ones(8, 6))
    assert torch.equal(full.augmented(Strength(), 0.0, seeded())[1], torch.ones(8, 6))
    assert not view().present[1]


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_the_cost_is_paid_once_also_by_a_fresh_process(tmp_path, kind):
    paid = []

    def make():
        paid.append(1)
        return torch.ones(2, 3, 4, dtype=torch.float16), torch.zeros(2, 0, 3, 4, dtype=torch.float16)

    store = MemoryStore() if kind == "memory" else DiskStore(tmp_path)
    first = kept_latents(store, "a", make)
    forget_read()
    again = kept_latents(store if kind == "memory" else DiskStore(tmp_path), "a", make)
    assert len(paid) == 1 and torch.equal(again.clean, first.clean) and again.variants.shape == (2, 0, 3, 4)
    kept_latents(store, "b", make)
    assert len(paid) == 2
    let_go(store, "a")
    kept_latents(store, "a", make)
    assert len(paid) == 3
