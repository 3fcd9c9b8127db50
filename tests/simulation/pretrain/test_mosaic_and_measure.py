"""Images side by side, their variations, and figures by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from models.spectral.paint import colours
from models.vqvae import VqVae
from models.vqvae.quantisers import FsqQuantiser
from simulation.pretrain.measure import decibels, measure
from simulation.pretrain.mosaic import mosaics, varied


@pytest.mark.parametrize(("side", "along"), [(32, 4), (64, 2), (128, 1)])
def test_images_lie_side_by_side_at_their_own_size(side, along):
    images = np.random.default_rng(0).integers(0, 256, (2 * along**2, side, side, 3), dtype=np.uint8)
    found = mosaics(images)
    assert found.shape == (2, 3, 128, 128)
    last = found[0, :, -side:, -side:].permute(1, 2, 0) * 255
    assert torch.equal(last.round().byte(), torch.from_numpy(images[along**2 - 1]))
    second = found[1, :, :side, side : 2 * side].permute(1, 2, 0) * 255 if along > 1 else None
    assert second is None or torch.equal(second.round().byte(), torch.from_numpy(images[along**2 + 1]))


def test_images_that_fill_no_whole_picture_are_followed_by_the_first():
    images = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
    found = (mosaics(images) * 255).round().byte()
    assert len(found) == 2
    assert found[1, 0, ::32, ::32].flatten().tolist() == [16, 17, 18, 19, *range(12)]


def test_variations_keep_shape_and_colours_and_depend_on_the_seed_alone():
    pictures = torch.rand(12, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    one, same, other = (varied(pictures, torch.Generator().manual_seed(seed), 0.0) for seed in (1, 1, 2))
    assert one.shape == pictures.shape and torch.equal(one, same) and not torch.equal(one, other)
    assert one.min() >= 0 and one.max() <= 1
    smooth = (one.diff(dim=3).abs().mean(dim=(1, 2, 3)) < 0.6 * pictures.diff(dim=3).abs().mean()).sum()
    assert 2 <= smooth <= 10  # enlarged
    plain = torch.full((4, 3, 128, 128), 0.25)
    torch.testing.assert_close(varied(plain, torch.Generator().manual_seed(0), 0.0), plain)


def test_painted_pictures_have_the_colours_of_spectral_images_and_keep_their_order():
    grey = torch.linspace(0, 1, 128).expand(8, 3, 128, 128)
    found = varied(grey, torch.Generator().manual_seed(0), 1.0)
    known = {tuple(row) for row in (colours() * 1000).round().int().tolist()}
    assert {tuple(row) for row in (found.movedim(1, -1).reshape(-1, 3) * 1000).round().int().tolist()} <= known
    brightness = found.movedim(1, -1) @ torch.tensor([0.2126, 0.7152, 0.0722])
    along = torch.stack([brightness.diff(dim=1).flatten(1).sum(1), brightness.diff(dim=2).flatten(1).sum(1)])
    assert (along.abs().max(dim=0).values > 1).all()  # a slope stays a slope, whichever way it is turned
    shares = [varied(grey, torch.Generator().manual_seed(seed), 0.5) for seed in range(6)]
    plain = torch.cat([(each.std(dim=1).amax(dim=(1, 2)) < 1e-6) for each in shares])
    assert 0.25 < plain.float().mean() < 0.75


class Painter(nn.Module):
    """A decoder that gives one colour."""

    def __init__(self, colour):
        super().__init__()
        self.colour = torch.tensor(colour).view(1, 3, 1, 1)

    def forward(self, latents):
        return self.colour.expand(len(latents), 3, 8 * latents.shape[2], 8 * latents.shape[3])


def test_fidelity_by_hand():
    """Half of the pixels 0, half 1, in every band: the mean colour is off by 0.5 everywhere, 6.02 dB."""
    picture = torch.zeros(2, 3, 8, 16)
    picture[..., 8:] = 1.0
    encoder = nn.Conv2d(3, 3, 8, stride=8, bias=False)
    nn.init.constant_(encoder.weight, 1.0)  # 0 -> the middle level, 192 -> the highest
    found = measure(VqVae(encoder, FsqQuantiser(), Painter([0.5, 0.5, 0.5])), picture.split(1))
    assert found.pictures == 2 and found.floor_db == found.psnr_db == pytest.approx(6.0206, abs=1e-4)
    assert found.perplexity == (pytest.approx(2.0),) and found.codes_used == (2,)
    worse = measure(VqVae(encoder, FsqQuantiser(), Painter([1.0, 1.0, 3.0])), [picture])  # held within 0 to 1
    assert worse.psnr_db == pytest.approx(3.0103, abs=1e-4) and worse.psnr_db < worse.floor_db
    assert decibels(0.0) == math.inf and decibels(0.01) == pytest.approx(20)
    with pytest.raises(ValueError, match="no picture"):
        measure(VqVae(encoder, FsqQuantiser(), Painter([0.5, 0.5, 0.5])), [])
