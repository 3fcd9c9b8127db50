"""Joints as a graph over time."""

import math

import torch
from torch import Tensor, nn

from models.encoders.steps import WindowEncoder, group_norm, moved, strided
from models.skeletons import adjacency

SQUEEZED = 16  # numbers a joint keeps when all joints are joined


class GraphBlock(nn.Module):
    """Each joint gathers from its neighbours, then a convolution over time: (batch, c, time, joint) -> the same form."""

    def __init__(self, incoming: int, outgoing: int, graphs: int, stride: int):
        super().__init__()
        self.gather = nn.Conv2d(incoming * graphs, outgoing, 1)
        self.time = nn.Conv2d(outgoing, outgoing, (5, 1), stride=(stride, 1), padding=(2, 0))
        self.norms = nn.ModuleList([group_norm(outgoing), group_norm(outgoing)])

    def forward(self, joints: Tensor, graphs: Tensor) -> Tensor:
        near = torch.einsum("bctj,gij->bgcti", joints, graphs).flatten(1, 2)  # (batch, graph · c, time, joint)
        here = nn.functional.gelu(self.norms[0](self.gather(near)))
        return nn.functional.gelu(self.norms[1](self.time(here)))


class GraphEncoder(WindowEncoder):
    """Graph convolutions over the joints (Yan et al., AAAI 2018) with positions and their changes, then the steps.

    Two graphs, both learnt: one begins as the skeleton with so many joints where one is known (`models.skeletons`),
    else as the joints by themselves; the other begins as the mean of all joints.
    """

    def __init__(self, layout: tuple[int, ...], frames: int, width: int, feature: int):
        if len(layout) != 2 or min(layout) < 1:
            raise ValueError(f"a graph of joints needs the layout (joints, numbers per joint), got {layout}")
        super().__init__(math.prod(layout), frames)
        self.size = layout
        joints, numbers = layout
        self.graphs = nn.Parameter(torch.stack([adjacency(joints), torch.full((joints, joints), 1.0 / joints)]))
        narrow = max(8, width // 2)
        self.first = GraphBlock(2 * numbers, narrow, len(self.graphs), stride=1)
        self.second = GraphBlock(narrow, width, len(self.graphs), stride=2)
        self.squeeze = nn.Conv2d(width, SQUEEZED, 1)
        self.join = nn.Sequential(nn.Linear(SQUEEZED * joints, width), nn.GELU())
        self.end_in_steps(strided(frames, 5, 2), width, feature)

    def forward(self, window: Tensor) -> Tensor:
        place = self.checked(window).view(len(window), self.frames, *self.size)  # (batch, time, joint, number)
        change = moved(place.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # (batch, time, joint, number)
        joints = torch.cat([place, change], dim=3).permute(0, 3, 1, 2)  # (batch, number, time, joint)
        joints = self.squeeze(self.second(self.first(joints, self.graphs), self.graphs))
        signal = self.join(joints.permute(0, 2, 1, 3).flatten(2))  # (batch, time, width)
        return self.steps(signal.transpose(1, 2))
