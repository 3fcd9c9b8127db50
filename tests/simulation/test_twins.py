"""Training over nodes against plain torch on the pooled recordings: `exact` equals it, and so does `targets` on one node."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from client.data.holdings import holdings_of
from client.node import node_for
from configs.nodes import derived_seed, modalities_of, node_places
from models.blocks import ModalityShape, load_block, new_encoder, new_projection
from models.losses import weighted_contrastive
from server.dispatch import Dispatch
from server.job import Job
from server.phases.autoencoder import train_autoencoder
from server.phases.bind import bind_samples
from server.phases.contrast import contrast, fresh_blocks
from server.phases.contrast_exact import Samples
from server.phases.describe import describe
from server.phases.embed import embed
from server.state import JobState
from simulation.jobs import grid_for
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest


class Told(list):
    """Events, kept."""


@pytest.fixture
def begun(tmp_path):
    """Makes a job over nodes of this process, and its state just before the contrast."""
    grids = []

    def begin(experiment, method):
        grids.append(grid_for(experiment, method, 0))
        job = Job(experiment, method, 0, Dispatch(grids[-1], Told(), method, 0, 60.0, 1), tmp_path)
        state = describe(job, JobState())
        if method == "fedbind":
            state = bind_samples(job, embed(job, train_autoencoder(job, state)))
        return job, state

    yield begin
    for grid in grids:
        grid.close()


def networks(job, blocks):
    """Encoders and projections as torch modules, from their blocks alone."""
    made = nn.ModuleDict()
    for name, block in blocks.items():
        part, modality = name.split(".")
        kind, frames, channels = SENSORS[modality]
        if part == "encoder":
            module = new_encoder(modality, ModalityShape(kind, frames, channels), job.experiment.models, 99)
        else:
            module = new_projection(modality, job.experiment.models, 99)
        load_block(module, block)
        made[f"{part}:{modality}"] = module
    return made


SENSORS = {"acc": ("inertial", 45, 3), "ecg": ("physiological", 77, 1), "eda": ("physiological", 53, 1)}


def pooled(job, state):
    """What a centre with all recordings would hold: per modality (n, time, channel) normalised, and who has it.

    Rows in the order of `Samples`: nodes rising, each node's samples by handle.
    """
    held, windows, present = {}, {m: [] for m in SENSORS}, {m: [] for m in SENSORS}
    for place in node_places(job.experiment):
        if not place.pretrains:
            continue
        context = job.dispatch.grid._contexts[job.dispatch.route[place.partition]]
        node = node_for(job.experiment, place.partition, job.method, job.seed, context)
        samples = holdings_of(
            job.experiment, place, modalities_of(job.experiment, place.group, job.method), job.seed, None
        ).samples
        order = np.argsort(node.handles)
        held[place.partition] = node.handles[order]
        for name, (_, frames, channels) in SENSORS.items():
            if name in samples.arrays:
                told = state.normalisation["a"][f"moments.{name}"]
                values, here = (samples.arrays[name] - told["mean"]) / told["std"], samples.present[name]
                windows[name].append(np.where(here[:, None, None], values, 0.0)[order])
                present[name].append(here[order])
            else:
                windows[name].append(np.zeros((len(order), frames, channels)))
                present[name].append(np.zeros(len(order), dtype=bool))
    return (
        held,
        {m: torch.from_numpy(np.concatenate(w).astype(np.float32)) for m, w in windows.items()},
        {m: torch.from_numpy(np.concatenate(p)) for m, p in present.items()},
    )


def centrally(job, state):
    """Plain contrastive training on the pooled rows: one loop, one optimiser, no node and no message.

    Also returns the smallest gradient that each single number had in any step.
    """
    settings = job.experiment.contrast
    held, windows, present = pooled(job, state)
    samples = Samples.of(held, state)
    model = networks(job, fresh_blocks(job, state))
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=settings.weight_decay, fused=True)
    generator = torch.Generator().manual_seed(job.seed_for("exact"))
    affinity, undecided = samples.affinity.toarray(), samples.undecided.toarray() > 0
    faintest = {name: torch.full_like(value, math.inf) for name, value in model.named_parameters()}
    rounds, steps = job.experiment.rounds.contrast, 0
    for round in range(rounds):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * (0.05 + 0.475 * (1 + math.cos(math.pi * round / rounds)))
        for _ in range(job.experiment.epochs.contrast):
            for rows in samples.batches(settings.batch, generator):
                optimiser.zero_grad()
                views = {m: model[f"projection:{m}"](model[f"encoder:{m}"](w[rows])) for m, w in windows.items()}
                weighted_contrastive(
                    views, {m: p[rows] for m, p in present.items()}, torch.ones(len(rows)),
                    dict.fromkeys(views, torch.from_numpy(rows)), settings.temperature, settings.form, None,
                    torch.from_numpy(affinity[np.ix_(rows, rows)]), torch.from_numpy(undecided[np.ix_(rows, rows)]),
                ).backward()  # fmt: skip
                faintest = {name: torch.minimum(faintest[name], v.grad.abs()) for name, v in model.named_parameters()}
                optimiser.step()
                steps += 1
    assert steps >= 12
    return model, faintest


@pytest.mark.parametrize("form", ["mmbind", "supcon"])
@pytest.mark.parametrize("method", ["fedbind", "upper_bound"])
def test_exact_over_nodes_equals_centralised_training_on_the_pooled_recordings(begun, method, form):
    """Parameters within 1e-5 after twelve steps.

    AdamW divides by the gradient's size, so a gradient that is mere rounding makes a step of any direction: numbers whose
    gradient fell below 1e-6 in some step (a few in a hundred) are held to that step alone. Sixteen channels, since with
    eight every GroupNorm group is one channel, and its bias has no gradient but rounding.
    """
    job, state = begun(
        smallest(
            *TWO_NODES_A_GROUP, "contrast.mode=exact", "contrast.augment=false", "contrast.batch=16",
            "models.width=16", "contrast.rate=0.0002", "epochs.contrast=1", f"contrast.form={form}",
        ),
        method,
    )  # fmt: skip
    trained = contrast(job, state).blocks
    twin, faintest = centrally(job, state)
    over_nodes = networks(job, {n: b for n, b in trained.items() if n.startswith(("encoder.", "projection."))})
    clear, total = 0, 0
    for name, apart in distances(over_nodes, twin).items():
        told = faintest[name] >= 1e-6
        assert apart[told.numpy()].max(initial=0.0) < 1e-5, name
        assert apart.max() < 4e-4, name
        clear, total = clear + int(told.sum()), total + told.numel()
    assert clear > 0.95 * total > 50_000
    assert all(moved.max() > 5e-4 for moved in distances(networks(job, fresh_blocks(job, state)), twin).values())


def distances(one, other):
    """Parameter by parameter, number by number."""
    theirs = dict(other.named_parameters())
    return {name: (value - theirs[name]).detach().abs().numpy() for name, value in one.named_parameters()}


ALONE = [
    "split={a: [1, 2], finetune: [3, 4], test: [5, 6]}",
    "groups={a: {modalities: [acc, ecg, eda]}, finetune: {modalities: [ecg, eda]}, test: {modalities: [ecg, eda]}}",
    "methods=[upper_bound]",
]


@pytest.mark.parametrize("form", ["mmbind", "supcon"])
def test_targets_on_one_node_that_holds_everything_equals_plain_contrastive_training(begun, form):
    """Two rounds of two epochs: also the optimiser's moments and the falling rate go over from round to round."""
    job, state = begun(
        smallest(*ALONE, "contrast.augment=false", "contrast.batch=10", "epochs.contrast=2", f"contrast.form={form}"),
        "upper_bound",
    )
    trained = contrast(job, state).blocks
    settings = job.experiment.contrast
    samples = holdings_of(job.experiment, node_places(job.experiment)[0], None, 0, None).samples
    windows = {
        name: torch.from_numpy((samples.arrays[name] - told["mean"]) / told["std"])
        for name, told in ((m, state.normalisation["a"][f"moments.{m}"]) for m in SENSORS)
    }
    model = networks(job, fresh_blocks(job, state))
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=settings.weight_decay, fused=True)
    for round in (1, 2):
        generator = torch.Generator().manual_seed(derived_seed(0, "upper_bound", 0, "contrast", round))
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * (0.05 + 0.475 * (1 + math.cos(math.pi * (round - 1) / 2)))
        for _ in range(2):
            order = torch.randperm(len(samples), generator=generator)
            for rows in order.tensor_split(round_half(len(order) / 10)):
                views = {m: model[f"projection:{m}"](model[f"encoder:{m}"](w[rows])) for m, w in windows.items()}
                everyone = torch.ones(len(rows), dtype=torch.bool)
                loss = weighted_contrastive(
                    views, dict.fromkeys(views, everyone), torch.ones(len(rows)),
                    dict.fromkeys(views, torch.arange(len(rows))), settings.temperature, form,
                )  # fmt: skip
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    over_nodes = networks(job, {name: block for name, block in trained.items()})
    assert all(apart.max() <= 1e-6 for apart in distances(over_nodes, model).values())
    assert all(moved.max() > 1e-3 for moved in distances(networks(job, fresh_blocks(job, state)), model).values())


def round_half(value):
    return max(1, round(value))
