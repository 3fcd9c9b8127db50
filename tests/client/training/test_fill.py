"""What stands where nothing was recorded: zeros that stay zeros, windows that a network makes."""

import torch
import torch.nn.functional as F
from torch import nn

from client.training.contrast import new_contrast
from client.training.fill import generated, nobody, zero_filled
from client.training.generate import train_generator
from client.training.views import View
from configs.schema import ContrastSettings
from models.augment import Strength
from models.autoencoder import SharedAutoencoder
from models.blocks import ModalityShape
from models.encoders import FEATURE, STEPS, build_encoder
from models.projection import Projection

STRONG = Strength(turn_deg=30, scale=0.3, crop=0.2, warp=0.3)


def view(present, frames=16, channels=3, mean=5.0, std=2.0, seed=0):
    flags = torch.tensor(present)
    raw = mean + std * torch.randn(len(flags), frames, channels, generator=torch.Generator().manual_seed(seed))
    raw[~flags] = 0.0
    row = torch.ones(len(flags), 1, channels)
    return View(raw, mean * row, std * row, flags)


def test_zeros_stand_for_what_is_missing_count_as_present_and_stay_zeros_under_augmentation():
    filled = zero_filled(view([True, False, True]))
    assert filled.present.all() and filled.recorded.tolist() == [True, False, True]
    changed = filled.augmented(STRONG, 0.5, torch.Generator().manual_seed(0))
    for windows in (filled.clean(), changed):
        assert (windows[1] == 0).all() and (windows[[0, 2]] != 0).any(dim=(1, 2)).all()
    assert torch.equal(filled.clean()[[0, 2]], view([True, False, True]).clean()[[0, 2]])
    assert torch.equal(filled.take(torch.tensor([1, 2])).clean(), filled.clean()[[1, 2]])
    assert filled.take(torch.tensor([False, False, True])).recorded.tolist() == [True]


def test_of_a_modality_that_nobody_recorded_every_window_is_zeros():
    windows = zero_filled(nobody(4, ModalityShape("skeleton", 10, 6))).clean()
    assert windows.shape == (4, 10, 6) and (windows == 0).all()


def network():
    torch.manual_seed(0)
    return SharedAutoencoder(3, 16, latent=8, width=8, out=(2, 12))


def test_windows_are_made_where_the_source_has_one_and_the_target_none():
    source, target = view([True, True, False, True]), view([True, False, False, False], 12, 2, mean=-1.0, std=0.5)
    made = generated(network(), source, target)
    assert made.present.tolist() == [True, True, False, True]
    assert torch.equal(made.raw[0], target.raw[0]) and torch.equal(made.raw[2], target.raw[2])
    with torch.no_grad():
        expected = network()(source.clean())
    torch.testing.assert_close(made.clean()[[1, 3]], expected[[1, 3]], atol=1e-5, rtol=1e-5)
    assert torch.equal(target.present, torch.tensor([True, False, False, False]))  # the given view is left alone
    full = view([True] * 4, 12, 2)
    assert generated(network(), source, full) is full


def test_a_generator_learns_from_rows_that_hold_both_and_from_no_other():
    flags = [True] * 12 + [False] * 2 + [True] * 2
    source = view(flags, mean=0.0, std=1.0)
    target = View(
        0.5 * source.raw[:, :12, :2],
        torch.zeros(16, 1, 2),
        torch.ones(16, 1, 2),
        torch.tensor([True] * 14 + [False] * 2),
    )
    spoilt = View(target.raw.clone(), target.mean, target.std, target.present)
    spoilt.raw[12:] = float("nan")
    one, other = network(), network()
    with torch.no_grad():
        before = float(F.mse_loss(one(source.clean()[:12]), target.clean()[:12]))
    for made, wanted in ((one, target), (other, spoilt)):
        optimiser = torch.optim.AdamW(made.parameters(), lr=1e-2)
        loss, rows = train_generator(made, optimiser, source, wanted, batch=6, epochs=40, seed=0)
        assert rows == 12 and loss < 0.5 * before
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_node_without_a_row_that_holds_both_says_so_by_its_count():
    network_ = network()
    optimiser = torch.optim.AdamW(network_.parameters())
    assert train_generator(network_, optimiser, view([True, False]), view([False, True], 12, 2), 4, 1, 0) == (0.0, 0)


def test_a_prompt_tells_what_was_recorded_and_not_what_was_filled_in():
    torch.manual_seed(0)
    shapes = {"acc": ("inertial", 3, 16), "ecg": ("physiological", 1, 24)}
    encoders = nn.ModuleDict({m: build_encoder(k, c, f, width=8) for m, (k, c, f) in shapes.items()})
    projections = nn.ModuleDict({m: Projection(STEPS, FEATURE, 8, 8, prompts=3) for m in shapes})
    made = new_contrast(encoders, projections, ContrastSettings(), ["acc", "ecg", "eda"])
    views = {"acc": zero_filled(view([True, False])), "ecg": zero_filled(view([False, True], 24, 1))}
    rows = made.embed({m: v.clean() for m, v in views.items()}, {m: v.recorded for m, v in views.items()})
    told = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    expected = projections["ecg"](encoders["ecg"](views["ecg"].clean()), told)
    torch.testing.assert_close(rows["ecg"], expected)
