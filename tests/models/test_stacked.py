"""Copies of a network side by side: the same as each by itself, whatever their number and sizes."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from models.stacked import Stacked, can_stack

CLOSE = 2e-6  # float32, sums in another order, a few steps


def network(width, hidden):
    torch.manual_seed(width)
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 4), nn.Tanh(), nn.Linear(4, 3))


def alone(net, x, y, rate):
    net = copy.deepcopy(net)
    optimiser = torch.optim.SGD(net.parameters(), lr=rate)
    losses = []
    for batch, label in zip(x, y, strict=True):
        optimiser.zero_grad()
        loss = cross_entropy(net(batch), label)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return dict(net.named_parameters()), losses


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(1, 7), st.integers(1, 9), st.integers(1, 6), st.integers(1, 4))
def test_every_copy_learns_what_it_would_learn_alone(copies, batch, width, hidden, steps):
    net = network(width, hidden)
    x, y = torch.randn(steps, copies, batch, width), torch.randint(3, (steps, copies, batch))
    stacked = Stacked(net, copies)
    losses = torch.stack([stacked.step(x[at], y[at], 0.3) for at in range(steps)])
    for at in range(copies):
        learnt, told = alone(net, x[:, at], y[:, at], 0.3)
        assert torch.allclose(losses[:, at], torch.tensor(told), atol=CLOSE)
        for name, value in stacked.of(at).items():
            assert torch.allclose(value, learnt[name].detach(), atol=CLOSE)
            assert (
                not torch.equal(value, dict(net.named_parameters())[name]) or batch == 0 or not learnt[name].grad.any()
            )


def test_a_network_that_looks_over_time_is_not_stacked():
    assert can_stack(network(3, 2))
    for net in (nn.GRU(2, 2), nn.Sequential(nn.Conv1d(1, 1, 3)), nn.Sequential(nn.Linear(2, 2, bias=False))):
        assert not can_stack(net)
        with pytest.raises(ValueError, match="only chains"):
            Stacked(net, 2)
