"""Channel state information of Wi-Fi over time."""

import math

import torch
from torch import Tensor, nn

from models.encoders.steps import FrameByFrame, group_norm, pooling_matrix, strided

CELLS = 4  # stretches of neighbouring subcarriers that a frame keeps apart


class CsiEncoder(FrameByFrame):
    """Convolutions over (subcarrier, packet) of each frame, the antennas as input channels; then time.

    layout (antennas, subcarriers), or (antennas, subcarriers, packets) where a frame holds a burst of packets.
    """

    def __init__(self, layout: tuple[int, ...], frames: int, width: int, feature: int):
        if len(layout) not in (2, 3) or min(layout) < 1:
            raise ValueError(f"CSI needs the layout (antennas, subcarriers) or that with packets, got {layout}")
        super().__init__(math.prod(layout), frames)
        antennas, subcarriers, packets = (*layout, 1)[:3]
        self.size = (antennas, subcarriers, packets)
        layers: list[nn.Module] = []
        incoming, carriers, burst = antennas, subcarriers, packets
        for outgoing, kernel, stride in ((max(8, width // 4), 7, 3), (max(8, width // 2), 5, 3), (width, 3, 2)):
            across = 3 if burst > 1 else 1
            layers += [
                nn.Conv2d(incoming, outgoing, (kernel, across), (stride, across - 1 or 1), (kernel // 2, across // 2)),
                group_norm(outgoing),
                nn.GELU(),
            ]
            carriers, burst = strided(carriers, kernel, stride), strided(burst, across, across - 1 or 1)
            incoming = outgoing
        self.convolutions = nn.Sequential(*layers)
        self.register_buffer("cells", pooling_matrix(carriers, CELLS), persistent=False)  # (cell, subcarrier)
        self.place = nn.Linear(incoming * CELLS, width)
        self.follow_in_time(width, feature)

    def frame_vectors(self, frame: Tensor) -> Tensor:
        features = self.convolutions(frame.view(-1, *self.size)).mean(3)  # (n, width, subcarrier)
        return torch.nn.functional.gelu(self.place((features @ self.cells.T).flatten(1)))
