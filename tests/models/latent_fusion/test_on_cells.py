"""The classifier on cells against its plain twin, and one matrix worked by hand."""

import pytest
import torch

from models.inference import folded_norms
from models.latent_fusion import LatentFusion, MobileNetV3Small, for_board
from models.latent_fusion.head import STRIDES
from models.latent_fusion.on_cells import OnCells, cell_matrix


def used(network, *inputs):
    """With norms that have seen something."""
    for _ in range(3):
        network.train()(*inputs)
    return network.eval()


def test_what_cells_give_each_other_worked_by_hand():
    """A 3×3 kernel of 1 to 9 on 2×2 cells: each cell reads itself by 5, its neighbour to the right by 6, below by 8."""
    conv = torch.nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.arange(1.0, 10.0).view(1, 1, 3, 3))
    assert cell_matrix(conv, 2)[:, :, 0].tolist() == [[5, 6, 8, 9], [4, 5, 7, 8], [2, 3, 5, 6], [1, 2, 4, 5]]


@pytest.mark.parametrize(
    ("side", "strides"), [(8, STRIDES), (4, STRIDES), (7, (1, 2, 2) + (1,) * 9), (8, (2,) + (1,) * 11)]
)
@pytest.mark.parametrize("width", [0.5, 1.0])
def test_on_cells_it_says_what_the_plain_one_says(side, strides, width):
    """Within 1e-4 of logits about 1."""
    torch.manual_seed(0)
    plain = folded_norms(used(MobileNetV3Small(16, 5, width, strides), torch.randn(4, 16, side, side)))
    grid = torch.randn(3, 16, side, side)
    torch.testing.assert_close(OnCells(plain, side)(grid), plain(grid), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("grid", [16, 8, 4])
def test_a_whole_head_for_a_board(norm, grid):
    torch.manual_seed(0)
    latents = {name: torch.randn(4, 2, 3, grid, grid) for name in ("a", "b")}
    head = used(LatentFusion(("a", "b"), 3, 3, grid, norm=norm), latents)
    quick = for_board(head)
    assert isinstance(quick.classifier, OnCells) == (norm == "batch") and not quick.training
    torch.testing.assert_close(quick(latents), head(latents), atol=1e-4, rtol=1e-4)
    there = {"b": torch.tensor([True, False, True, False])}
    torch.testing.assert_close(quick(latents, there), head(latents, there), atol=1e-4, rtol=1e-4)
    assert not any(each.requires_grad for each in quick.parameters()) and head.training is False


def test_a_norm_that_cannot_be_folded_is_told():
    with pytest.raises(ValueError, match="cannot be folded"):
        OnCells(folded_norms(LatentFusion(("a",), 2, norm="group")).classifier, 8)
