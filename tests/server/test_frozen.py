"""The encoder that comes with fedbind, and what its card says."""

import json
import re

import torch

from configs.load import load
from models.vqvae import digest, unpack
from server.frozen import FILE, PRETRAINED, encoder_file, encoder_of


def test_the_shipped_encoder_is_the_one_of_its_card():
    card = json.loads((PRETRAINED / "card.json").read_text())
    content = encoder_file("shipped")
    assert card["weights"] == {"file": FILE, "sha256": digest(content), "bytes": len(content)}
    assert len(content) < 3_000_000
    model, sha256 = encoder_of(content)
    assert sha256 == card["weights"]["sha256"]
    assert sum(each.numel() for each in model.encoder.parameters()) == card["model"]["encoder_parameters"]
    assert unpack(content)[1].quantiser == "codebook"  # which `adapt` needs
    assert card["command"].startswith("fedbind pretrain --images ") and not re.search(r"(^|[ =])/", card["command"])
    assert not card["images"]["made_by_rule"] and card["test"]["psnr_db"] > card["test"]["floor_db"] + 5
    for data in card["sensors"]:
        assert not data["data"]["simulated"]
        for found in data["modalities"].values():
            assert found["psnr_db"] > found["floor_db"] + 5


def test_it_was_trained_so_pictures_differ_in_their_latents():
    model, _ = encoder_of(encoder_file("shipped"))
    dark, bright = torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64)
    assert (model.latents(dark) - model.latents(bright)).abs().mean() > 0.5


def test_it_is_the_default():
    experiment = load("demo", ["models.encoder=unified"])
    assert encoder_file(experiment.models.unified.weights) == encoder_file("shipped")
