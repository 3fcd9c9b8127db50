"""A trained network in the form that it is run in."""

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=nn.Module)


def folded_norms(network: Network) -> Network:
    """A copy in evaluation mode, without gradients, its batch norms folded into the convolutions before them.

    A convolution and its norm are found as the two parts of one nn.Sequential; what they give stays the same but for
    rounding. Norms that look at each sample by itself cannot be folded and stay.
    """
    whole = copy.deepcopy(network).eval().requires_grad_(False)
    for part in list(whole.modules()):
        for name, child in part.named_children():
            if isinstance(child, nn.Sequential) and len(child) == 2:
                first, norm = child[0], child[1]
                if isinstance(first, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    setattr(part, name, fuse_conv_bn_eval(first, norm))
    return whole
