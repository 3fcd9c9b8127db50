"""The benchmark of pictures at its smallest: three ways to the same levels."""

import json

import torch

from cli.app import call
from models.spectral import LEAD
from simulation.bench.pictures.run import by_scipy, by_torch, ours


def test_the_three_ways_give_the_same_levels_and_a_tone_its_band():
    time = torch.arange(LEAD + 40) / 128
    tones = torch.stack([torch.sin(2 * torch.pi * hz * time) for hz in (8.0, 32.0)])
    levels = [way(tones).int() for way in (ours, by_torch, by_scipy())]
    assert all(each.shape == (2, 128, 40) and (each - levels[0]).abs().max() <= 1 for each in levels)
    for each in levels:  # 128 records a second: bins are half a hertz apart
        assert (each.float().mean(dim=2).argmax(dim=1) - torch.tensor([16, 64])).abs().max() <= 1


def test_the_command_ends_with_one_json_object(capsys):
    assert call(["bench", "pictures", "--repeats", "2", "--signals", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert set(told["ratios"]) == {"pictures_over_torch_stft", "pictures_over_scipy"}
    assert min(told["ratios"].values()) > 0 and told["furthest_level"] <= 1
