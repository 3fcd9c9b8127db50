"""Augmentations of windows: pure functions of (batch, generator), so a seed gives the same batch anywhere.

Every function takes (batch, time, channel) and returns a new tensor of the same shape. Strengths are in the signal's
own terms: degrees, seconds as shares of the window, standard deviations of the normalised signal.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor


@dataclass(frozen=True)
class Strength:
    """How strongly one modality's windows are changed; 0 switches a part off."""

    turn_deg: float = 0.0  # standard deviation of a rotation of every channel triple about a random axis
    yaw_deg: float = 0.0  # largest rotation of every triple about the vertical (`up`), uniform both ways
    scale: float = 0.0  # standard deviation of the logarithm of one gain per window
    jitter: float = 0.0  # standard deviation of white noise
    crop: float = 0.0  # largest share cut off at either end before stretching back to the window
    warp: float = 0.0  # standard deviation of a smooth change of speed
    joint_drop: float = 0.0  # probability that a channel triple is held at its mean over time
    up: int = 2  # which number of a triple is the vertical
    item: int = 3  # numbers per sensor, joint or point; what turns is the first three of each
    nearest: bool = False  # frames are picked, not mixed: the points of two frames do not belong together
    point_drop: float = 0.0  # probability that an item of one frame becomes NaN, an absent point
    shift: float = 0.0  # largest move of the picture, as a share of its height and width
    picture: tuple[int, ...] = ()  # (height, width, bands) of the picture that moves


def rotate_triples(window: Tensor, rotation: Tensor, item: int = 3) -> Tensor:
    """Applies (batch, 3, 3) to the first three of every `item` channels: a sensor's axes, each joint, each point."""
    batch, time, channel = window.shape
    items = window.view(batch, time, channel // item, item)
    turned = torch.einsum("btjx,byx->btjy", items[..., :3], rotation)
    return torch.cat([turned, items[..., 3:]], dim=3).reshape(batch, time, channel)


def rotations(axis: Tensor, angle: Tensor) -> Tensor:
    """Rodrigues' formula: unit axes (batch, 3) and angles (batch,) in radians -> (batch, 3, 3)."""
    x, y, z = axis.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    sine, cosine = angle.sin()[:, None, None], angle.cos()[:, None, None]
    return torch.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)


def resample(window: Tensor, position: Tensor, nearest: bool = False) -> Tensor:
    """Linear interpolation at (batch, time) positions in frames, held at the ends; or the nearest frame itself."""
    last = window.shape[1] - 1
    position = position.clamp(0, last)
    if nearest:
        return window.gather(1, position.round().long()[:, :, None].expand(-1, -1, window.shape[2]))
    left = position.floor().long().clamp(max=max(last - 1, 0))
    share = (position - left)[:, :, None]
    index = left[:, :, None].expand(-1, -1, window.shape[2])
    return window.gather(1, index) * (1 - share) + window.gather(1, (index + 1).clamp(max=last)) * share


def time_positions(batch: int, frames: int, crop: float, warp: float, generator: Generator) -> Tensor:
    """Where each new frame is read from, (batch, frames): a random stretch of the window at a smoothly changing speed.

    A single frame is read where it is.
    """
    if frames < 2:
        return torch.zeros(batch, frames)
    start = torch.rand(batch, 1, generator=generator) * crop
    stop = 1 - torch.rand(batch, 1, generator=generator) * crop
    knots = (torch.randn(batch, 1, 4, generator=generator) * warp).exp()
    speed = torch.nn.functional.interpolate(knots, size=frames - 1, mode="linear", align_corners=True)[:, 0]
    share = torch.cat([torch.zeros(batch, 1), speed.cumsum(1) / speed.sum(1, keepdim=True)], dim=1)
    return (start + share * (stop - start)) * (frames - 1)


def shifted(window: Tensor, picture: tuple[int, ...], share: float, generator: Generator) -> Tensor:
    """Each window's pictures moved together by whole pixels, at most `share` of either side; edges are repeated."""
    height, breadth, bands = picture
    batch, time, channel = window.shape
    pixels = []
    for length in (height, breadth):
        move = ((2 * torch.rand(batch, 1, generator=generator) - 1) * share * length).round().long()
        pixels.append((torch.arange(length) + move).clamp(0, length - 1))  # (batch, length)
    pictures = window.view(batch, time, height, breadth, bands)
    sample = torch.arange(batch)[:, None, None]
    moved = pictures[sample, :, pixels[0][:, :, None], pixels[1][:, None, :]]  # (batch, height, width, time, band)
    return moved.permute(0, 3, 1, 2, 4).reshape(batch, time, channel)


def augment(window: Tensor, strength: Strength, generator: Generator) -> Tensor:
    """One random change of every window of the batch: time, rotation, gain, dropped joints, noise, place, points.

    A change that the channels do not fit (a rotation without triples, a move without a picture) is left out.
    """
    batch, frames, channels = window.shape
    whole_items = channels % strength.item == 0
    if strength.crop or strength.warp:
        position = time_positions(batch, frames, strength.crop, strength.warp, generator)
        window = resample(window, position, strength.nearest)
    if strength.turn_deg and whole_items:
        axis = torch.nn.functional.normalize(torch.randn(batch, 3, generator=generator), dim=1)
        angle = torch.randn(batch, generator=generator) * torch.pi / 180 * strength.turn_deg
        window = rotate_triples(window, rotations(axis, angle), strength.item)
    if strength.yaw_deg and whole_items:
        axis = torch.eye(3)[strength.up].expand(batch, 3)
        angle = (2 * torch.rand(batch, generator=generator) - 1) * torch.pi / 180 * strength.yaw_deg
        window = rotate_triples(window, rotations(axis, angle), strength.item)
    if strength.scale:
        window = window * (torch.randn(batch, 1, 1, generator=generator) * strength.scale).exp()
    if strength.joint_drop and channels % 3 == 0:
        dropped = torch.rand(batch, 1, channels // 3, generator=generator) < strength.joint_drop
        window = torch.where(dropped.repeat_interleave(3, dim=2), window.mean(1, keepdim=True), window)
    if strength.jitter:
        window = window + torch.randn(window.shape, generator=generator) * strength.jitter
    if strength.shift and strength.picture:
        window = shifted(window, strength.picture, strength.shift, generator)
    if strength.point_drop and whole_items:
        gone = torch.rand(batch, frames, channels // strength.item, generator=generator) < strength.point_drop
        window = torch.where(gone.repeat_interleave(strength.item, dim=2), torch.nan, window)
    return window
