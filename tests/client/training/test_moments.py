"""An optimiser goes on from saved moments as if it had never stopped."""

import pytest
import torch
from torch import nn

from client.training.moments import moments_to_bytes, take_up


def steps(model, optimiser, inputs):
    for x in inputs:
        optimiser.zero_grad(set_to_none=True)
        model(x).square().sum().backward()
        optimiser.step()


def network(width=3):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(width, 4), nn.Tanh(), nn.Linear(4, 1))


def adam(model):
    return torch.optim.AdamW(model.parameters(), lr=0.01)


def test_ten_steps_equal_four_saved_and_six_more_bit_by_bit():
    inputs = [torch.randn(5, 3, generator=torch.Generator().manual_seed(n)) for n in range(10)]
    straight = network()
    steps(straight, adam(straight), inputs)
    first = network()
    optimiser = adam(first)
    steps(first, optimiser, inputs[:4])
    second = network()
    second.load_state_dict(first.state_dict())
    later = adam(second)
    take_up(later, moments_to_bytes(optimiser))
    steps(second, later, inputs[4:])
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), second.parameters(), strict=True))


def test_a_parameter_that_never_had_a_gradient_is_left_out_and_does_no_harm():
    model = network()
    unused = nn.Linear(2, 2)
    optimiser = torch.optim.AdamW([*unused.parameters(), *model.parameters()], lr=0.01)
    steps(model, optimiser, [torch.ones(1, 3)])
    other = torch.optim.AdamW([*unused.parameters(), *model.parameters()], lr=0.01)
    take_up(other, moments_to_bytes(optimiser))
    assert sorted(other.state_dict()["state"]) == [2, 3, 4, 5]


def test_nothing_saved_leaves_the_optimiser_fresh_under_the_rate_asked_for():
    optimiser = adam(network())
    take_up(optimiser, None, 0.5)
    assert optimiser.state_dict()["state"] == {}
    assert optimiser.param_groups[0]["lr"] == 0.5


def test_moments_of_another_network_are_refused():
    model = network()
    optimiser = adam(model)
    steps(model, optimiser, [torch.ones(1, 3)])
    with pytest.raises(KeyError, match="another shape"):
        take_up(adam(network(width=7)), moments_to_bytes(optimiser))
