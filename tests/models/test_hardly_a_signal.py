"""Signals that are hardly any, from the record to the logits: every one is defined, and no NaN comes out anywhere."""

import math

import pytest
import torch
import torch.nn.functional as F

from models.bev_fusion import BevFusion
from models.latent_fusion import LatentFusion
from models.spectral import FORMS, LEAD, PICTURE, RECORDS, PictureForm, columns, paint, running, windows_in
from models.vqvae import Described, build_vqvae

TIME = LEAD + RECORDS
WAVE = torch.sin(torch.arange(TIME) / 3)


def held(records):
    """A signal that is too short, as windows of it are made: zeros before it, its last value held to the end."""
    return F.pad(F.pad(records, (LEAD, 0)), (0, max(0, TIME - LEAD - len(records))), value=math.nan)


SIGNALS = {
    "constant": torch.full((TIME,), 3.0),
    "zero": torch.zeros(TIME),
    "nan": torch.full((TIME,), math.nan),
    "infinite": torch.full((TIME,), -math.inf),
    "huge": WAVE * 1e30,
    "tiny": WAVE * 1e-30,
    "clipped": (20 * WAVE).clamp(-1, 1),
    "gaps": torch.where(torch.arange(TIME) % 7 < 3, WAVE, math.nan),
    "too short": held(WAVE[:40]),
    "one sample": held(WAVE[5:6]),
    "no sample": held(WAVE[:0]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("described", [Described(), Described("classic", "codebook")], ids=["patch", "classic"])
def test_every_signal_has_a_finite_picture_latents_codes_and_logits(form, described):
    torch.manual_seed(0)
    chosen, model = PictureForm(form), build_vqvae(described).eval()
    head = LatentFusion(("it", "wave"), 3, model.quantiser.latent).train()
    records = torch.stack([*SIGNALS.values(), WAVE])
    pictures = paint(columns(records, chosen), chosen)
    assert pictures.isfinite().all() and pictures.min() >= 0 and pictures.max() <= 1
    again, coded = model(pictures)
    for each in (again, coded.latents, coded.quantised):
        assert each.isfinite().all()
    assert coded.codes.min() >= 0 and coded.codes.max() < model.quantiser.size
    latents = coded.latents.detach()[:, None].repeat(1, 2, 1, 1, 1).requires_grad_()  # (signal, window, …)
    logits = head({"it": latents[:-1], "wave": latents[-1:].expand(len(SIGNALS), *latents.shape[1:])})
    logits.square().sum().backward()
    assert logits.isfinite().all() and latents.grad.isfinite().all()
    assert all(each.grad.isfinite().all() for each in head.parameters())


def test_nothing_nan_and_no_sample_are_silence_and_a_constant_is_not():
    form = PictureForm()
    found = {name: columns(each, form) for name, each in SIGNALS.items()}
    assert all(not found[name].any() for name in ("zero", "nan", "infinite", "tiny", "no sample"))
    assert all(found[name].any() for name in ("constant", "huge", "clipped", "gaps", "too short", "one sample"))
    assert torch.equal(
        found["one sample"], columns(torch.where(torch.arange(TIME) < LEAD, 0.0, WAVE[5]), form)
    )  # held to the end


@pytest.mark.parametrize("records", [0, 1, RECORDS - 1])
def test_a_recording_without_one_whole_window_has_none_and_the_head_answers_from_an_empty_state(records):
    torch.manual_seed(0)
    form, model = PictureForm(), build_vqvae(Described()).eval()
    found = windows_in(running(WAVE[:records][None], form)) if records else torch.zeros(0, 1, 1, *PICTURE[1:])
    assert len(found) == 0
    head = LatentFusion(("it",), 3, model.quantiser.latent).eval()
    logits = head({"it": torch.zeros(1, 0, model.quantiser.latent, 16, 16)})
    assert logits.shape == (1, 3) and logits.isfinite().all()
    nobody = head({"it": torch.full((1, 2, model.quantiser.latent, 16, 16), math.nan)}, {"it": torch.tensor([False])})
    torch.testing.assert_close(logits, nobody)


def test_the_baseline_answers_to_all_of_them_too():
    torch.manual_seed(0)
    form, network = PictureForm(), BevFusion(("it",), 3, stage="L1").eval()
    records = torch.stack(list(SIGNALS.values()))
    with torch.no_grad():
        assert network({"it": paint(columns(records, form), form)[:, None]}).isfinite().all()
