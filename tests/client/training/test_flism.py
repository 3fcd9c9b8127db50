"""FLISM's part on a node: joined rows, entropy, divergence and agreement by hand, and the terms in training."""

import math

import pytest
import torch
from torch import nn

from client.training.contrast import Contrast
from client.training.correction import correction_for
from client.training.flism import agreement, divergence, doubt, joined
from client.training.local_part import Batch, named_parameters, put
from models.encoders import FEATURE, STEPS, build_encoder
from models.projection import Projection

TOLD = {"name": "flism", "distil": 1.0, "noise": 0.7, "temperature": 0.5, "tell": ["entropy"]}


def test_rows_join_to_the_direction_of_what_was_recorded():
    rows = {"a": torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), "b": torch.tensor([[0.0, 1.0]] * 3)}
    recorded = {"a": torch.tensor([True, True, False]), "b": torch.tensor([True, False, False])}
    row, here = joined(rows, recorded)
    assert torch.allclose(row[:2], torch.tensor([[0.5**0.5, 0.5**0.5], [1.0, 0.0]])) and here.tolist() == [
        True,
        True,
        False,
    ]


def test_entropy_is_a_share_of_the_largest():
    assert doubt(torch.zeros(2, 4)).item() == pytest.approx(1)
    assert doubt(torch.tensor([[math.log(3.0), 0.0]])).item() == pytest.approx(
        (0.75 * math.log(4 / 3) + 0.25 * math.log(4)) / math.log(2)
    )
    assert (
        doubt(torch.tensor([[50.0, 0.0]])).item() == pytest.approx(0, abs=1e-6) and doubt(torch.zeros(3, 1)).item() == 1
    )


def test_divergence_is_the_teacher_s():
    """From (3/4, 1/4) to (1/2, 1/2): 3/4·ln 3/2 + 1/4·ln 1/2."""
    taught, said = torch.tensor([[math.log(3.0), 0.0]]), torch.zeros(1, 2)
    assert divergence(taught, said).item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert divergence(taught, taught).item() == pytest.approx(0, abs=1e-7)


def test_agreement_counts_the_share_of_what_is_alike():
    """Right angles, temperature 1: the right one's share is e/(e + 1); where both are alike, each pair counts half."""
    rows, right = torch.eye(2), math.log(1 + math.exp(-1))
    assert agreement(rows, rows, torch.eye(2, dtype=torch.bool), 1.0).item() == pytest.approx(right)
    assert agreement(rows, rows, torch.ones(2, 2, dtype=torch.bool), 1.0).item() == pytest.approx(right + 0.5)


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoders = nn.ModuleDict({m: build_encoder("physiological", 1, 16, 8) for m in ("ecg", "eda")})
        projections = nn.ModuleDict({m: Projection(STEPS, FEATURE, 8, 16) for m in encoders})
    return Contrast(encoders, projections, torch.optim.SGD([*encoders.parameters(), *projections.parameters()], lr=0.1))


def batch(model, *modalities):
    windows = {m: torch.randn(6, 16, 1, generator=torch.Generator().manual_seed(at)) for at, m in enumerate(modalities)}
    return Batch(model.embed(windows), windows, {m: torch.ones(6, dtype=torch.bool) for m in modalities})


def test_the_teacher_is_the_model_as_it_came_and_does_not_learn():
    model = network()
    part = correction_for(model, TOLD, None, {})
    before = part.further_loss(batch(model, "ecg"))  # one sensor: nothing can go missing
    assert before.item() == pytest.approx(0, abs=1e-6)
    put(model, {name: value + 0.3 for name, value in part.start.items()})
    after = part.further_loss(batch(model, "ecg"))
    after.backward()
    assert after.item() > 0.01 and any(p.grad.abs().sum() > 0 for p in model.encoders["ecg"].parameters())
    assert all(value.grad is None for value in named_parameters(part.teacher).values())
    assert 0 < part.tells()["entropy"] <= 1


def test_one_of_two_sensors_goes_missing_and_the_other_is_changed():
    model = network()
    part = correction_for(model, {**TOLD, "distil": 0.0}, None, {}, seed=3)
    assert part.further_loss(batch(model, "ecg", "eda")).item() > 0 and part.left in (["ecg"], ["eda"])
    left = {tuple(correction_for(model, TOLD, None, {}, seed)._drawn(["ecg", "eda"])) for seed in range(20)}
    assert left == {("ecg",), ("eda",)}


def test_without_a_recorded_window_there_is_no_term():
    model = network()
    nothing = batch(model, "ecg")
    nothing = Batch(nothing.rows, nothing.windows, {"ecg": torch.zeros(6, dtype=torch.bool)})
    part = correction_for(model, TOLD, None, {})
    assert part.further_loss(nothing) is None and part.tells() == {"entropy": 1.0}
