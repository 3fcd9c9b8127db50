"""Point clouds over time: radar and lidar."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.encoders.steps import FrameByFrame


class PointBlock(nn.Module):
    """One pre-norm transformer layer without positions: (n, point, width) -> the same."""

    def __init__(self, width: int):
        super().__init__()
        self.heads = math.gcd(2, width // 8)  # each head costs a softmax over all pairs of points
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.join = nn.Linear(width, 3 * width)
        self.part = nn.Linear(width, width)
        self.hidden = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, point: Tensor, seen: Tensor) -> Tensor:
        n, count, width = point.shape
        parts = self.join(self.before(point)).view(n, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (n, head, point, share)
        looked = F.scaled_dot_product_attention(query, key, value, attn_mask=seen[:, None, None, :])
        point = point + self.part(looked.transpose(1, 2).reshape(n, count, width))
        return point + self.hidden(self.between(point))


class PointEncoder(FrameByFrame):
    """A small transformer over the points of each frame, read off at a learnt token; then time.

    The order of a frame's points does not matter. A point that is NaN anywhere, or zero everywhere, is padding: it has
    no influence at all. A frame without any point gives the token's own answer, and finite gradients.
    """

    def __init__(self, layout: tuple[int, ...], frames: int, width: int, feature: int, blocks: int = 2):
        if len(layout) != 2 or min(layout) < 1:
            raise ValueError(f"a point cloud needs the layout (points, features), got {layout}")
        super().__init__(math.prod(layout), frames)
        self.size = layout
        inner = max(
            8, width // 2
        )  # a window has a thousand points and more: at the full width it costs four times that
        self.enter = nn.Sequential(nn.Linear(layout[1], inner), nn.GELU(), nn.Linear(inner, inner))
        self.token = nn.Parameter(torch.randn(inner) / math.sqrt(inner))
        self.blocks = nn.ModuleList(PointBlock(inner) for _ in range(blocks))
        self.leave = nn.Sequential(nn.LayerNorm(inner), nn.Linear(inner, width))
        self.follow_in_time(width, feature)

    def frame_vectors(self, frame: Tensor) -> Tensor:
        cloud = frame.view(-1, *self.size)  # (n, point, feature)
        there = torch.isfinite(cloud).all(2) & (cloud != 0).any(2)  # (n, point)
        cloud = torch.where(there[:, :, None], cloud, torch.zeros(()))
        token = self.token.expand(len(cloud), 1, -1)
        point = torch.cat([token, self.enter(cloud)], dim=1)  # (n, 1 + point, width)
        seen = torch.cat([torch.ones_like(there[:, :1]), there], dim=1)
        for block in self.blocks:
            point = block(point, seen)
        return self.leave(point[:, 0])
