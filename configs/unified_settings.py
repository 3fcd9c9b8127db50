"""One frozen encoder for every sensor: which one, what pictures it is shown, and what is made of its latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from configs.section import Count, Section

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
AtLeastZero = Annotated[float, Field(ge=0.0)]

SHIPPED, UNTRAINED = "shipped", "untrained"


class AdaptSettings(Section):
    """Moving the codebook towards the sensors, before anything else is trained; it takes an encoder with a codebook."""

    rounds: Annotated[int, Field(ge=0)] = 0  # 0: the codebook stays as generic pictures made it
    decay: Share = 0.5  # of the moving averages, from round to round
    noise_std: AtLeastZero = 0.0  # Gaussian, added by each node to counts, sums and squared lengths
    fresh: bool = True  # codes begin anew from the sensors' own first statistics
    decoder_rounds: Annotated[int, Field(ge=0)] = 0  # then the decoder follows, by FedAvg; recognition never needs it
    decoder_rate: Annotated[float, Field(gt=0.0)] = 1e-3


class UnifiedSettings(Section):
    """How windows become pictures, and pictures the latents that adapters learn from.

    A window's frames are read at `records` points in time, so all modalities share one clock; 64 of them are what one
    column of a picture looks back on. Movements of 0.2 to 1 s therefore want many records and few rows: with 384 records
    and the 16 lowest of 128 bins a window of 3.4 s is read up to 7 Hz in steps of 0.57 s.
    """

    # weights.safetensors of `fedbind pretrain` or its folder; "shipped" is fedbind's own, models/pretrained/patch_codebook;
    # "untrained" for tests of the machinery alone
    weights: str = SHIPPED
    form: Literal["colour", "magnitude_phase", "single"] = "magnitude_phase"  # the others lose which way a thing moved
    low_db: float = -30.0  # what is weaker is drawn as this; at -60 the noise of quiet bins fills the latents
    high_db: float = 10.0
    records: Annotated[int, Field(ge=64, le=8192, multiple_of=8)] = 384  # of a window, in time
    bins: Annotated[int, Field(ge=8, le=128, multiple_of=8)] = 16  # rows of the picture, from 0 Hz up
    axes: Literal["channels", "norm"] = "channels"  # norm: the length of each vector, however the sensor is turned
    signals: Count = 12  # a sensor of more channels is mixed into so many
    # agreed: along the directions in which the channels of all training nodes vary most, from sums that these tell (of up to
    # 256 channels); drawn: by a fixed random rotation, and nobody tells anything
    mixture: Literal["agreed", "drawn"] = "agreed"
    latents: Literal["continuous", "quantised"] = "continuous"
    steps: Count = (
        8  # of time that are kept of a window; as many as adapters give, and more told actions apart no better
    )
    numbers: Count = 64  # of each step, along the directions in which the latents of all nodes say most
    variants: Annotated[int, Field(ge=0)] = 24  # of each training window, augmented before it is drawn
    mix: bool = True  # each step takes a point between two of them
    noise: AtLeastZero = 0.3  # white noise on latents, in their standard deviations
    head: Literal["both", "bound", "latents"] = "both"  # what the fusion head judges by
    adapt: AdaptSettings = AdaptSettings()


# How adapters on a frozen encoder's latents learn where a configuration that is read does not say, and with them the
# encoders that pictures and point clouds keep: chosen on people 1 to 6 of UTD-MHAD. What a run has stored names all of it
# and is taken as it is. The sections' own defaults are those of an encoder for each sensor.
LEARNING: dict[str, dict[str, float]] = {
    "autoencoder": {"rate": 0.003},
    "contrast": {"rate": 0.003},
    "finetune": {"rate": 0.003, "auxiliary": 1.0},
}


def with_learning(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's values with `LEARNING` for what is not named in them; whole files' and overrides' alike."""
    found = dict(tree)
    for section, values in LEARNING.items():
        named = found.get(section, {})
        if isinstance(named, Mapping):  # anything else is a fault, or said whole
            found[section] = {**values, **named}
    return found
