"""`fedbind pretrain`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

HELP = """Train the unified encoder: one small network that reads every sensor's signal as a picture.

It is a VQ-VAE, trained once on generic pictures that are nobody's recordings, and then frozen. The command writes
weights.safetensors (under 3 MB) and card.json into --out: what it was trained on, how well pictures come back, how many
codes are in use, what it costs, and the hash by which nodes can tell that they hold the same encoder.

PSNR stands beside the mean-colour floor: an encoder below the floor is worse than painting everything in one colour.
Perplexity says how many codes are really in use.

--images takes CIFAR-10 in its original files (binary or Python version), or any folder of images (with train/ and test/
in it, these are kept apart). Without it, pictures are made by rule: enough to try, and the card says so.

--sensors CONFIG also measures spectral images of that experiment's recordings, by modality; they train nothing.

Stopped or killed, the same command goes on from its last checkpoint (at most 20 seconds back); finished, it only
measures again. More --epochs train further.

Examples:

  fedbind pretrain --minutes 2

  fedbind pretrain --images /data/cifar10 --epochs 40 --out pretrained/patch

  fedbind pretrain --images /data/cifar10 --encoder classic --quantiser codebook --minutes 60

  fedbind pretrain --images /data/cifar10 --sensors utd_mhad_acc data.root=/data/UTD-MHAD
"""


class Encoder(StrEnum):
    """models.vqvae.NETWORKS"""

    patch = "patch"
    classic = "classic"


class Quantiser(StrEnum):
    """models.vqvae.QUANTISERS"""

    fsq = "fsq"
    codebook = "codebook"
    residual = "residual"


class Form(StrEnum):
    """models.spectral.FORMS"""

    colour = "colour"
    magnitude_phase = "magnitude_phase"
    single = "single"


class Axes(StrEnum):
    """client.data.spectral.AXES"""

    norm = "norm"
    channels = "channels"


def pretrain(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value of the --sensors experiment, read as YAML.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of CIFAR-10 or of images; none: pictures made by rule.")
    ] = None,
    encoder: Annotated[
        Encoder, typer.Option(help="patch: 26 million multiply-adds a picture, for boards. classic: 275.")
    ] = Encoder.patch,
    quantiser: Annotated[
        Quantiser,
        typer.Option(
            help="fsq: 3 numbers of 8 levels, 512 codes, nothing to learn. codebook: 512 learnt codes, adaptable to "
            "sensors later. residual: two codebooks in turn, twice the bits."
        ),
    ] = Quantiser.fsq,
    latent: Annotated[
        int,
        typer.Option(
            help="Numbers per latent where there is a codebook; 0: 16 for patch, 64 for classic.", min=0, max=1024
        ),
    ] = 0,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 20,
    minutes: Annotated[
        float | None, typer.Option(help="Stop training then at the latest, all sittings together.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Pictures of 128×128 a step; 16 images of 32×32 fill one.")] = 16,
    painted: Annotated[
        float, typer.Option(help="Share of training pictures drawn in the colours of spectral images; 0: none.")
    ] = 0.5,
    rate: Annotated[float, typer.Option(help="Learning rate at the start; it falls along a cosine.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Of weights, order and held-back images.")] = 0,
    side: Annotated[int, typer.Option(help="Pixels that a folder's images are scaled to: 32, 64 or 128.")] = 32,
    most: Annotated[int | None, typer.Option(help="So many training images at most.")] = None,
    sensors: Annotated[
        str | None, typer.Option(help="Experiment whose sensors are measured too: YAML file or shipped name.")
    ] = None,
    form: Annotated[Form, typer.Option(help="What the bands of a spectral image show.")] = Form.colour,
    axes: Annotated[
        Axes, typer.Option(help="Several axes as one norm, or every channel as a picture of its own.")
    ] = Axes.norm,
    rate_hz: Annotated[float, typer.Option(help="Common rate of all sensors; 128 records make a picture.")] = 32.0,
    out: Annotated[Path | None, typer.Option(help="Folder; default pretrained/<encoder>-<quantiser>.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """See HELP."""
    from client.data.holdings import check_data
    from configs.errors import UserError
    from configs.load import load
    from models.spectral import PictureForm
    from models.vqvae import Described
    from simulation.pretrain.images import find_images
    from simulation.pretrain.run import CARD, headlines
    from simulation.pretrain.run import pretrain as train
    from simulation.pretrain.sensors import SensorSettings
    from simulation.pretrain.settings import PretrainSettings

    if overrides and sensors is None:
        raise UserError(
            "key=value belongs to an experiment, and none is named",
            where=" ".join(overrides),
            expected="--sensors CONFIG key.path=value",
        )
    looked_at = SensorSettings(PictureForm(form.value), axes.value, rate_hz)
    described = Described(encoder.value, quantiser.value, latent)
    settings = PretrainSettings(described, seed, epochs, minutes, batch, painted, rate)
    measured = None
    if sensors is not None:
        experiment = load(sensors, overrides or [])
        check_data(experiment)  # before minutes are spent on training
        measured = experiment, looked_at
    found = find_images(images, side, seed, most)
    folder = out or Path("pretrained") / f"{encoder.value}-{quantiser.value}"
    tell = (lambda text: None) if quiet else (lambda text: typer.echo(text, err=True))
    tell(f"{found.name}: {len(found.train)} images to train on, {len(found.test)} to test on; into {folder}")
    try:
        card = train(settings, found, folder, tell, measured)
    except KeyboardInterrupt as stop:
        typer.echo("stopped by hand; the same command goes on from the last checkpoint", err=True)
        raise typer.Exit(130) from stop
    print("\n".join(headlines(card)))
    print(f"card: {folder / CARD}")
