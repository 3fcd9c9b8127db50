"""`fedbind pretrain` from first to last: images, training, the file, its card."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from configs.schema import Experiment
from models.spectral import PICTURE
from models.vqvae import GRID, VqVae, digest, pack, unpack
from server.tracking import environment, without_nan, write_atomically
from simulation.pretrain.checkpoint import Checkpoint
from simulation.pretrain.images import Images
from simulation.pretrain.measure import Fidelity, measure
from simulation.pretrain.mosaic import mosaics
from simulation.pretrain.sensors import SensorSettings, measure_sensors
from simulation.pretrain.settings import PretrainSettings
from simulation.pretrain.train import Tell, steps_an_epoch, train

WEIGHTS, CARD = "weights.safetensors", "card.json"


def pretrain(
    settings: PretrainSettings,
    images: Images,
    folder: Path,
    tell: Tell,
    sensors: tuple[Experiment, SensorSettings] | None = None,
) -> dict[str, Any]:
    """Trains, or goes on, or finds all done; writes weights and card into `folder` and returns the card.

    What the card says was measured on the weights as the file holds them, on images that chose nothing.
    """
    trained, at = train(settings, images, folder, tell)
    content = pack(trained, settings.described)
    model, _ = unpack(content)
    tested = measure(model, mosaics(images.test).split(settings.batch))
    card = card_of(settings, images, at, model, content, tested)
    if sensors is not None:
        card["sensors"] = measure_sensors(model, *sensors, settings.seed)
    write_atomically(folder / WEIGHTS, content)
    write_atomically(folder / CARD, json.dumps(without_nan(card), indent=1, allow_nan=False) + "\n")
    return card


def card_of(
    settings: PretrainSettings, images: Images, at: Checkpoint, model: VqVae, content: bytes, tested: Fidelity
) -> dict[str, Any]:
    """What the file is, what it was trained on and how well it does."""
    told = environment()
    return {
        "weights": {"file": WEIGHTS, "sha256": digest(content), "bytes": len(content)},
        "model": {
            **asdict(settings.described),
            "latent": model.quantiser.latent,
            "stages": model.quantiser.stages,
            "size": model.quantiser.size,
            **costs(model),
        },
        "images": {
            "name": images.name,
            "made_by_rule": images.made,
            "side": images.side,
            "train": len(images.train),
            "held": len(images.held),
            "test": len(images.test),
            "not_readable": len(images.refused),
        },
        "training": {
            **{name: value for name, value in asdict(settings).items() if name != "described"},
            "epochs_done": round(at.step / steps_an_epoch(settings, images), 2),
            "steps": at.step,
            "seconds": round(at.seconds, 1),
        },
        "test": asdict(tested),
        "history": at.history,
        "command": told["command"],
        "environment": {name: value for name, value in told.items() if name != "command"},
    }


def costs(model: VqVae) -> dict[str, float]:
    """Parameters, and million multiply-adds for one picture, of the encoder (what a board runs) and of the whole."""
    picture = torch.zeros(1, *PICTURE)
    counted = {}
    with torch.no_grad():
        for name, run in (("encoder", model.encoder), ("whole", model)):
            with FlopCounterMode(display=False) as counter:
                run(picture)
            counted[f"{name}_mmac"] = round(counter.get_total_flops() / 2e6, 1)
            counted[f"{name}_parameters"] = sum(each.numel() for each in run.parameters())
    return counted


def headlines(card: Mapping[str, Any]) -> list[str]:
    """The card in a few lines, for a screen."""
    model, images, weights = card["model"], card["images"], card["weights"]
    lines = [
        f"{model['encoder']} encoder, {model['quantiser']}: {model['encoder_mmac']} MMAC, "
        f"{model['encoder_parameters']:,} parameters; {weights['bytes']:,} bytes; "
        f"a picture is {GRID}×{GRID} codes of {math.ceil(math.log2(model['size'])) * model['stages']} bits",
        _fidelity_line(f"images ({images['name']})", card["test"], model["size"]),
    ]
    for sensors in card.get("sensors", []):
        kind = "simulated" if sensors["data"]["simulated"] else "real"
        for name, found in sensors["modalities"].items():
            lines.append(_fidelity_line(f"{name} ({sensors['data']['name']}, {kind})", found, model["size"]))
        if sensors["left_out"]:
            lines.append(f"no signals over time, left out: {', '.join(sensors['left_out'])}")
    return lines


def _fidelity_line(name: str, found: Mapping[str, Any], size: int) -> str:
    better = found["psnr_db"] > found["floor_db"]
    used = " + ".join(f"{each:.0f}" for each in found["perplexity"])
    return (
        f"{name}: {found['psnr_db']:.2f} dB, mean colour {found['floor_db']:.2f} dB"
        f"{'' if better else ' (WORSE than the mean colour)'}; perplexity {used} of {size}"
    )
