"""The encoders with their decoders: shapes, costs, gradients, codes and back, and the file."""

import dataclasses

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from configs.errors import UserError
from models.spectral import PICTURE
from models.vqvae import (
    GRID,
    NETWORKS,
    QUANTISERS,
    Described,
    build_vqvae,
    cells_of,
    digest,
    folded,
    pack,
    rows_of,
    unpack,
)

EVERY = [Described(encoder, quantiser) for encoder in NETWORKS for quantiser in QUANTISERS]
SMALL = [Described("patch", quantiser, latent=4, size=8) for quantiser in QUANTISERS]


def made(described, seed=0):
    torch.manual_seed(seed)
    return build_vqvae(described)


def pictures(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def name(described):
    return f"{described.encoder}-{described.quantiser}"


@pytest.mark.parametrize("described", EVERY, ids=name)
def test_a_picture_becomes_16_by_16_latents_and_codes_and_a_picture_again(described):
    model = made(described)
    again, coded = model(pictures(2, *PICTURE))
    latent = 3 if described.quantiser == "fsq" else NETWORKS[described.encoder].latent
    assert coded.latents.shape == coded.quantised.shape == (2, latent, GRID, GRID)
    assert coded.codes.shape == (2, 2 if described.quantiser == "residual" else 1, GRID, GRID)
    assert again.shape == (2, *PICTURE) and model.quantiser.size == 512


@pytest.mark.parametrize(
    ("encoder", "mmac", "parameters"), [("classic", 274.7, 634_368), ("patch", 26.4, 104_368)]
)  # of the multiply-adds 271.4 and 26.4 stand in the convolutions' shapes: worked out by hand below
def test_what_an_encoder_costs(encoder, mmac, parameters):
    model = made(Described(encoder, "codebook"))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.encoder(torch.zeros(1, *PICTURE))
    assert counter.get_total_flops() / 2e6 == pytest.approx(mmac, abs=0.05)
    assert sum(each.numel() for each in model.encoder.parameters()) == parameters
    by_hand = {
        "classic": 64**2 * 48 * 64 + 32**2 * 1024 * 128 + 16**2 * (2048 + 1152 + 2 * (288 + 32) + 64) * 128,
        "patch": 16**2 * 96 * (192 + 2 * (49 + 192 + 192) + 16),
    }[encoder]
    assert counter.get_total_flops() == 2 * by_hand


@pytest.mark.parametrize("described", SMALL, ids=name)
def test_codes_give_the_same_latents_and_the_same_picture(described):
    model = made(described).eval()
    coded = model.code(pictures(2, 3, 16, 24))
    assert coded.codes.shape[-2:] == (2, 3)
    again = model.quantised_of(coded.codes)
    torch.testing.assert_close(again, coded.quantised, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(model.decode(again), model(pictures(2, 3, 16, 24))[0], atol=1e-5, rtol=1e-4)


def test_rows_and_cells_are_one_another_s_way_back():
    cells = torch.arange(2 * 3 * 2 * 4).view(2, 3, 2, 4)
    rows = rows_of(cells)
    assert rows.shape == (16, 3) and rows[5].tolist() == cells[0, :, 1, 1].tolist()
    assert torch.equal(cells_of(rows, cells), cells)


@pytest.mark.parametrize("described", [each for each in EVERY if each.quantiser != "residual"], ids=name)
def test_the_gradient_reaches_every_parameter_through_the_codes(described):
    torch.manual_seed(0)
    model = build_vqvae(described, training=True)
    again, coded = model(pictures(2, 3, 32, 32))
    ((again - 0.5).square().mean() + coded.loss).backward()
    assert [name for name, each in model.named_parameters() if each.grad is None or not each.grad.abs().sum()] == []


@pytest.mark.parametrize("encoder", list(NETWORKS))
def test_a_cell_looks_at_its_neighbourhood_and_where_it_is_in_the_picture_changes_little(encoder):
    """Convolutional: a picture of another size gives the same latents in its middle."""
    model = made(Described(encoder, "fsq"))
    whole = pictures(1, 3, 256, 256)
    full, part = model.latents(whole), model.latents(whole[..., 64:192, 64:192])
    if encoder == "classic":  # the patch encoder's norm sees the whole picture
        torch.testing.assert_close(part[..., 6:10, 6:10], full[..., 14:18, 14:18], atol=1e-5, rtol=1e-4)
    else:
        assert (part[..., 7:9, 7:9] - full[..., 15:17, 15:17]).abs().mean() < 0.1 * full.std()


@pytest.mark.parametrize("shape", [(3, 128, 128), (1, 1, 128, 128), (1, 3, 128, 100)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(ValueError, match="multiples of 8"):
        made(SMALL[0]).code(torch.zeros(shape))


@pytest.mark.parametrize(
    "wrong", [{"encoder": "resnet"}, {"quantiser": "vq"}, {"latent": -1}, {"size": 1}, {"stages": 0}, {"size": 10**9}]
)
def test_what_cannot_be_built_says_why(wrong):
    with pytest.raises(ValueError, match=r"unknown|can be built"):
        Described(**wrong)


@pytest.mark.parametrize("described", EVERY[:1] + EVERY[-1:], ids=name)
def test_folding_the_batch_norm_changes_nothing_but_the_form(described):
    torch.manual_seed(0)
    model = build_vqvae(described, training=True)
    model.norm.momentum = 1.0
    for batch in range(3):
        model.train()(pictures(4, 3, 32, 32, seed=batch))
    latents = model.latents(pictures(4, 3, 32, 32, seed=3))
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 1e-4 and (latents.std(dim=(0, 2, 3)) - 1).abs().max() < 0.05
    model.eval()
    whole = folded(model)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in whole.modules())
    assert set(whole.state_dict()) == set(made(described).state_dict())
    torch.testing.assert_close(
        whole.latents(pictures(2, 3, 32, 32)), model.latents(pictures(2, 3, 32, 32)), atol=1e-4, rtol=1e-4
    )
    assert isinstance(model.norm, torch.nn.BatchNorm2d)  # of the model nothing is changed
    louder, softer = whole.latents(pictures(1, 3, 32, 32)), whole.latents(0.1 * pictures(1, 3, 32, 32))
    assert (louder - softer).abs().mean() > 0.1  # strength is not normalised away


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("described", EVERY, ids=name)
def test_the_file_is_under_3_mb_and_gives_the_model_again(described):
    model = made(described)
    content = pack(model, described)
    assert len(content) < 3_000_000
    again, told = unpack(content)
    assert told == described and not again.training
    assert pack(again, told) == content  # nothing is lost the second time
    assert not any(each.requires_grad for each in again.parameters())
    held = again.state_dict()
    for key, value in model.state_dict().items():
        if key.startswith("quantiser."):
            assert torch.equal(held[key], value)
        else:
            torch.testing.assert_close(held[key], value, atol=1e-4, rtol=1e-3)


def test_the_hash_tells_models_apart():
    first, again, other = (pack(made(SMALL[0], seed), SMALL[0]) for seed in (0, 0, 1))
    assert digest(first) == digest(again) != digest(other) and len(digest(first)) == 64


@pytest.mark.parametrize("spoil", ["empty", "short", "noise", "header", "other", "shapes"])
def test_what_is_no_such_file_is_told(spoil):
    content = pack(made(SMALL[0]), SMALL[0])
    bad = {
        "empty": b"",
        "short": content[:-7],
        "noise": b"\xff" * 200,
        "header": content.replace(b'encoder\\":', b'encodes\\":'),
        "other": content.replace(b"fedbind.vqvae", b"fedbind.other"),
        "shapes": pack(made(SMALL[0]), dataclasses.replace(SMALL[0], encoder="classic")),
    }[spoil]
    with pytest.raises(UserError, match="not the weights of a unified encoder"):
        unpack(bad, "weights.safetensors")
