"""The training loop. Whatever is drawn at random comes from (seed, step), so a training that was killed and gone on with
is the training that never was (a limit in minutes excepted: it steers the rate by the clock)."""

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from configs.nodes import derived_seed
from models.optimiser import adamw
from models.schedule import scheduled_rate
from models.vqvae import VqVae, build_vqvae, folded, rows_of
from simulation.pretrain.checkpoint import Checkpoint, find, save
from simulation.pretrain.images import Images
from simulation.pretrain.measure import Fidelity, measure
from simulation.pretrain.mosaic import mosaics, varied
from simulation.pretrain.settings import PretrainSettings

Tell = Callable[[str], None]

WARM_STEPS = 50  # before a codebook starts: latents of an untrained encoder say nothing, and codes put there die
START_PICTURES = 32  # whose latents the codebook starts from
REVIVE_EVERY = 20  # steps
SAVE_EVERY_S = 20.0
RATE_STEPS = 1000  # how finely the rate falls


def train(settings: PretrainSettings, images: Images, folder: Path, tell: Tell) -> tuple[VqVae, Checkpoint]:
    """The model at its best on the held images, and where the training stands; goes on with what lies in `folder`.

    Raises UserError where that is another training, FloatingPointError where the loss is no number any more.
    """
    training = _Training(settings, images, folder)
    if training.at.step:
        tell(f"going on from step {training.at.step} of {training.steps}, {training.at.seconds:.0f} s")
    saved = began = time.monotonic()
    spent = training.at.seconds
    while training.share < 1:
        training.step()
        now = time.monotonic()
        training.at.seconds = spent + now - began
        if training.at.step % training.steps_an_epoch == 0 or training.share >= 1:
            found = training.validate()
            tell(_line(training, found))
        elif now - saved < SAVE_EVERY_S:
            continue
        training.save()
        saved = now
    training.model.load_state_dict(training.at.best or training.at.model)
    return folded(training.model), training.at


def steps_an_epoch(settings: PretrainSettings, images: Images) -> int:
    """Batches in which every training image is seen once."""
    return -(-len(images.train) // (settings.batch * images.a_picture))


class _Training:
    """One training in memory: its model and optimiser, and where it stands (`at`)."""

    def __init__(self, settings: PretrainSettings, images: Images, folder: Path):
        self.settings, self.images, self.folder = settings, images, folder
        with torch.random.fork_rng():
            torch.manual_seed(derived_seed(settings.seed, "weights"))
            self.model = build_vqvae(settings.described, training=True)
        self.optimiser = adamw(self.model.parameters(), settings.rate, settings.weight_decay)
        identity = {**settings.identity, "images": images.digest}
        self.at = find(folder, identity) or Checkpoint(identity)
        if self.at.step:
            self.model.load_state_dict(self.at.model)
            self.optimiser.load_state_dict(self.at.optimiser)
        self.images_a_step = settings.batch * images.a_picture
        self.steps_an_epoch = steps_an_epoch(settings, images)
        self.steps = settings.epochs * self.steps_an_epoch
        self.warm = min(WARM_STEPS, self.steps_an_epoch // 2) if self.model.quantiser.learns else 0
        self.scale = max(float((images.train[:2000] / 255.0).var()), 1e-6)  # errors count against the pixels' variance

    @property
    def share(self) -> float:
        """How much of the training is done, by steps or by the clock."""
        minutes = self.settings.minutes
        return max(self.at.step / self.steps, self.at.seconds / (60 * minutes) if minutes else 0.0)

    def step(self) -> None:
        """One batch."""
        number, quantiser = self.at.step, self.model.quantiser
        generator = torch.Generator().manual_seed(derived_seed(self.settings.seed, "step", number))
        self.model.train()
        if quantiser.learns and number == self.warm:
            with torch.no_grad():
                start = mosaics(self.images.train[: START_PICTURES * self.images.a_picture])
                quantiser.begin(rows_of(self.model.latents(start)), generator)
        pictures = varied(mosaics(self.images.train[self._rows(number)]), generator, self.settings.painted)
        for group in self.optimiser.param_groups:
            group["lr"] = scheduled_rate(self.settings.rate, 1 + int(self.share * RATE_STEPS), RATE_STEPS)
        self.optimiser.zero_grad()
        latents, loss = self._forward(pictures, number)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is no number at step {number}; a smaller --rate may help")
        loss.backward()
        self.optimiser.step()
        if quantiser.learns and number >= self.warm:
            vectors = rows_of(latents.detach())
            quantiser.update(quantiser.statistics(vectors), self.settings.decay)
            if number % REVIVE_EVERY == 0:
                quantiser.revive(vectors, generator)
        self.at.step += 1

    def _forward(self, pictures: Tensor, number: int) -> tuple[Tensor, Tensor]:
        if number < self.warm:  # a plain autoencoder at first
            latents = self.model.latents(pictures)
            return latents, F.mse_loss(self.model.decode(latents), pictures) / self.scale
        again, coded = self.model(pictures)
        return coded.latents, F.mse_loss(again, pictures) / self.scale + self.settings.commitment * coded.loss

    def _rows(self, number: int) -> np.ndarray:
        epoch, place = divmod(number, self.steps_an_epoch)
        order = _order(derived_seed(self.settings.seed, "order", epoch), len(self.images.train))
        return order[place * self.images_a_step : (place + 1) * self.images_a_step]

    def validate(self) -> Fidelity:
        """Measures on the held images, and keeps the weights where they are the best so far."""
        self.model.eval()
        found = measure(self.model, mosaics(self.images.held).split(self.settings.batch))
        if found.psnr_db > self.at.best_db and self.at.step > self.warm:
            self.at.best_db, self.at.best = found.psnr_db, _copy(self.model)
        self.at.history.append({"step": self.at.step, "seconds": round(self.at.seconds, 1), **asdict(found)})
        return found

    def save(self) -> None:
        """Replaces the checkpoint on disk."""
        self.at.model, self.at.optimiser = _copy(self.model), self.optimiser.state_dict()
        save(self.folder, self.at)


def _copy(model: VqVae) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


@lru_cache(maxsize=2)
def _order(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(count)


def _line(training: _Training, found: Fidelity) -> str:
    epoch = training.at.step / training.steps_an_epoch
    used = " + ".join(f"{each:.0f}" for each in found.perplexity)
    return (
        f"epoch {epoch:.4g}/{training.settings.epochs}, {training.at.seconds:.0f} s: {found.psnr_db:.2f} dB "
        f"(mean colour {found.floor_db:.2f}), perplexity {used} of {training.model.quantiser.size}"
    )
