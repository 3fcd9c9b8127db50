"""One cell worked by hand, then sequences: order, padding, what was not seen."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.latent_fusion import ConvLstm, ConvLstmCell


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def by_hand(input_weight, hidden_weight, bias, x, hidden, cell):
    """Four gates of one number each: input, forget, candidate, output."""
    i, f, g, o = (w * x + u * hidden + b for w, u, b in zip(input_weight, hidden_weight, bias, strict=True))
    cell = sigmoid(i) * math.tanh(g) + sigmoid(f) * cell
    return sigmoid(o) * math.tanh(cell), cell


def single():
    """A cell of one channel and a 1×1 kernel with known weights."""
    cell = ConvLstmCell(1, 1, size=1)
    weights = (0.5, -0.3, 0.8, 0.1), (0.2, 0.4, -0.6, 0.7), (0.1, 1.0, -0.2, 0.3)
    with torch.no_grad():
        cell.from_input.weight.copy_(torch.tensor(weights[0]).view(4, 1, 1, 1))
        cell.from_hidden.weight.copy_(torch.tensor(weights[1]).view(4, 1, 1, 1))
        cell.from_input.bias.copy_(torch.tensor(weights[2]))
    return cell, weights


def test_two_steps_of_one_number_worked_by_hand():
    cell, weights = single()
    state, hidden, inner = None, 0.0, 0.0
    for x in (2.0, -1.0):
        state = cell(torch.full((1, 1, 1, 1), x), state)
        hidden, inner = by_hand(*weights, x, hidden, inner)
        assert state[0].item() == pytest.approx(hidden, abs=1e-6)
        assert state[1].item() == pytest.approx(inner, abs=1e-6)


def test_the_forget_gate_begins_open_and_the_others_do_not():
    torch.manual_seed(0)
    bias = ConvLstmCell(3, 4).from_input.bias
    assert (bias[4:8] == 1).all() and (torch.cat([bias[:4], bias[8:]]).abs() < 0.5).all()


def test_a_cell_sees_its_neighbours_and_not_further():
    torch.manual_seed(0)
    cell, grid = ConvLstmCell(2, 3), torch.zeros(1, 2, 8, 8)
    moved = grid.clone()
    moved[0, 0, 4, 4] = 1.0
    differ = (cell(grid)[0] != cell(moved)[0])[0].any(dim=0)
    assert differ[3:6, 3:6].all() and differ.sum() == 9


@given(windows=st.integers(1, 5), seed=st.integers(0, 1000))
def test_a_sequence_is_its_steps_one_by_one(windows, seed):
    """Within 1e-6: the input part is computed at once, the plain cell step by step."""
    torch.manual_seed(seed)
    memory, given_ = ConvLstm(2, 3), torch.randn(2, windows, 2, 4, 4)
    state = None
    for place in range(windows):
        state = memory.cell(given_[:, place], state)
    torch.testing.assert_close(memory(given_), state[0], atol=1e-6, rtol=1e-5)


@given(seen=st.lists(st.booleans(), min_size=1, max_size=6), seed=st.integers(0, 1000))
def test_windows_in_which_nothing_was_seen_might_as_well_not_be_there(seen, seed):
    torch.manual_seed(seed)
    memory, windows = ConvLstm(2, 3), torch.randn(1, len(seen), 2, 4, 4)
    found = memory(windows, torch.tensor([seen]))
    wanted = memory(windows[:, [place for place, here in enumerate(seen) if here]])
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
    if not any(seen):
        assert not found.any()


def test_the_order_of_windows_matters():
    torch.manual_seed(0)
    memory, windows = ConvLstm(2, 3), torch.randn(1, 3, 2, 4, 4)
    assert (memory(windows) - memory(windows.flip(1))).abs().max() > 1e-3
