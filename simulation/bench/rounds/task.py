"""The work itself, the same for every system: a small model, a node's data, a few SGD steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from configs.schema import ModelSettings
from models.blocks import ModalityShape, as_block, load_block, new_encoder
from models.stacked import Stacked
from protocol.payload import Block

MODELS = ("mlp", "encoder")
STEPS, BATCH, RATE, CLASSES = 4, 32, 0.05, 10
FRAMES, CHANNELS = 128, 6  # of a window for the encoder


@lru_cache(maxsize=2)
def network(model: str) -> nn.Module:
    """`mlp`: 784-128-10, 101,770 numbers. `encoder`: this project's encoder of a motion sensor, and a linear layer."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if model == "mlp":
            return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, CLASSES))
        settings = ModelSettings()
        encoder = new_encoder("gyroscope", ModalityShape("inertial", FRAMES, CHANNELS), settings, 0)
        with torch.no_grad():
            width = encoder(torch.zeros(2, FRAMES, CHANNELS)).flatten(1).shape[1]
        return nn.Sequential(encoder, nn.Flatten(), nn.Linear(width, CLASSES))


def beginning(model: str) -> Block:
    """The weights of which the first round begins."""
    return as_block(network(model))


@cache
def data_of(model: str, node: int) -> tuple[Tensor, Tensor]:
    """A node's samples (STEPS · BATCH, …) and classes, drawn from its number."""
    generator = torch.Generator().manual_seed(node)
    shape = (784,) if model == "mlp" else (FRAMES, CHANNELS)
    x = torch.randn(STEPS * BATCH, *shape, generator=generator)
    return x, torch.randint(CLASSES, (STEPS * BATCH,), generator=generator)


def train(model: str, node: int) -> float:
    """STEPS steps of SGD from the weights that the network has; the mean loss. The network keeps the result."""
    net, (x, y) = network(model), data_of(model, node)
    net.train()
    optimiser = torch.optim.SGD(net.parameters(), lr=RATE)
    loss = torch.zeros(())
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        optimiser.zero_grad()
        here = cross_entropy(net(x[rows]), y[rows])
        here.backward()
        optimiser.step()
        loss += here.detach()
    return float(loss) / STEPS


def plain_round(model: str, nodes: int, current: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of all nodes' weights after training from `current`, as one would write it by hand."""
    net = network(model)
    own = net.state_dict()
    total = {name: torch.zeros_like(value, dtype=torch.float32) for name, value in current.items()}
    for node in range(nodes):
        with torch.no_grad():
            for name, value in current.items():
                own[name].copy_(value)
        train(model, node)
        with torch.no_grad():
            for name, value in total.items():
                value.add_(own[name], alpha=1.0 / nodes)
    return {name: value.to(current[name].dtype) for name, value in total.items()}


def trained(model: str, node: int, block: Block) -> tuple[Block, float]:
    """A node's weights after training from `block`, and its loss."""
    load_block(network(model), block)
    loss = train(model, node)
    return as_block(network(model)), loss


def trained_together(model: str, nodes: Sequence[int], block: Block) -> list[tuple[Block, float]]:
    """The same for several nodes side by side; views into what they share."""
    load_block(network(model), block)
    stacked, loss = _steps_together(model, nodes)
    arrays = {name: value.numpy() for name, value in stacked.weights.items()}
    return [({name: value[at] for name, value in arrays.items()}, float(loss[at])) for at in range(len(nodes))]


def batched_round(model: str, nodes: int, current: dict[str, Tensor], side_by_side: int) -> dict[str, Tensor]:
    """`plain_round` with so many nodes side by side."""
    total = {name: torch.zeros_like(value, dtype=torch.float32) for name, value in current.items()}
    for begin in range(0, nodes, side_by_side):
        some = range(begin, min(nodes, begin + side_by_side))
        load_block(network(model), {name: value.numpy() for name, value in current.items()})
        stacked, _ = _steps_together(model, some)
        for name, value in total.items():
            value.add_(stacked.weights[name].sum(0), alpha=1.0 / nodes)
    return {name: value.to(current[name].dtype) for name, value in total.items()}


def _steps_together(model: str, nodes: Sequence[int]) -> tuple[Stacked, Tensor]:
    """All steps of some nodes from the weights that the network has; and each node's mean loss, (node,)."""
    x, y = _data_together(model, tuple(nodes))
    stacked = Stacked(network(model), len(nodes))
    loss = sum((stacked.step(x[step], y[step], RATE) for step in range(STEPS)), torch.zeros(len(nodes)))
    return stacked, loss / STEPS


@lru_cache(maxsize=1_000)
def _data_together(model: str, nodes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """(step, node, batch, …) samples and classes, laid out once: the nodes live in this process."""
    x, y = (
        torch.stack(each).unflatten(1, (STEPS, BATCH)).movedim(1, 0).contiguous()
        for each in zip(*(data_of(model, node) for node in nodes), strict=True)
    )
    return x, y


def difference(one: Block, other: Block) -> float:
    """The largest difference between two sets of weights."""
    return max(float(np.abs(one[name].astype(np.float64) - other[name]).max()) for name in one)
