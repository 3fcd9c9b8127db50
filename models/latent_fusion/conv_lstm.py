"""A long short-term memory whose state is a grid (Shi et al., NeurIPS 2015, eq. 3).

    i, f, o = σ(W_x x + W_h h + b)        c ← f ∘ c + i ∘ tanh(W_xc x + W_hc h + b_c)        h ← o ∘ tanh(c)

Departs from the paper in that the gates do not look at the cell (its terms W_c ∘ c): those are bound to one size of grid.
"""

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]  # hidden and cell, each (batch, hidden, height, width)


class ConvLstmCell(nn.Module):
    """One step. Gates stand in the order input, forget, candidate, output; the forget gate begins open (bias 1)."""

    def __init__(self, incoming: int, hidden: int, size: int = 3):
        super().__init__()
        self.hidden = hidden
        self.from_input = nn.Conv2d(incoming, 4 * hidden, size, padding=size // 2)
        self.from_hidden = nn.Conv2d(hidden, 4 * hidden, size, padding=size // 2, bias=False)
        assert self.from_input.bias is not None
        with torch.no_grad():
            self.from_input.bias[hidden : 2 * hidden] = 1.0

    def forward(self, cells: Tensor, state: State | None = None) -> State:
        """(batch, incoming, height, width) and the state before it; None: zeros."""
        return self.step(self.from_input(cells), state)

    def step(self, said: Tensor, state: State | None) -> State:
        """The same from what `from_input` gave, (batch, 4 · hidden, height, width)."""
        if state is not None:
            said = said + self.from_hidden(state[0])
        enter, forget, candidate, out = said.chunk(4, dim=1)
        cell = torch.sigmoid(enter) * torch.tanh(candidate)
        if state is not None:
            cell = cell + torch.sigmoid(forget) * state[1]
        return torch.sigmoid(out) * torch.tanh(cell), cell


class ConvLstm(nn.Module):
    """The cell over a sequence: (batch, window, incoming, h, w) -> the hidden state after the last, (batch, hidden, h, w).

    `seen` (batch, window) bool: a window in which nothing was seen leaves the state as it is, so a sequence may be
    padded at either end; a sample without any window has zeros. What the input says is computed for all windows at
    once; only what the state says waits for the window before.
    """

    def __init__(self, incoming: int, hidden: int, size: int = 3):
        super().__init__()
        self.cell = ConvLstmCell(incoming, hidden, size)

    def forward(self, windows: Tensor, seen: Tensor | None = None) -> Tensor:
        said = self.cell.from_input(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])
        state: State | None = None
        for place in range(windows.shape[1]):
            new = self.cell.step(said[:, place], state)
            if seen is not None:
                here = seen[:, place, None, None, None]
                before = state or (torch.zeros_like(new[0]), torch.zeros_like(new[1]))
                new = torch.where(here, new[0], before[0]), torch.where(here, new[1], before[1])
            state = new
        if state is None:
            return said.new_zeros(len(windows), self.cell.hidden, *said.shape[-2:])
        return state[0]
