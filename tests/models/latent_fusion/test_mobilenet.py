"""MobileNetV3-small against its published table and counts."""

import pytest
import torch

from models.latent_fusion import MobileNetV3Small, SqueezeExcite
from models.latent_fusion.mobilenet import NORMS, Bottleneck, batch_norm, scaled


def count(module):
    return sum(each.numel() for each in module.parameters())


def test_squeeze_excite_worked_by_hand():
    """Means 2 and -1; squeezed to ReLU(2 - (-1)) = 3 and ReLU(-3) = 0; excited to 3 and -6; hard sigmoid of these."""
    layer = SqueezeExcite(32)
    assert (layer.squeeze.out_features, layer.squeeze.in_features) == (8, 32)
    layer.squeeze, layer.excite = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    with torch.no_grad():
        layer.squeeze.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
        layer.excite.weight.copy_(torch.tensor([[1 / 3, 5.0], [-1.0, 0.0]]))
        layer.squeeze.bias.zero_()
        layer.excite.bias.copy_(torch.tensor([0.5, 1.5]))
    cells = torch.tensor([[[[1.0, 3.0]], [[-3.0, 1.0]]]])  # (1, 2, 1, 2)
    factor = torch.tensor([1.5 / 6 + 0.5, -1.5 / 6 + 0.5])
    torch.testing.assert_close(layer(cells), cells * factor[None, :, None, None])


def test_published_number_of_parameters():
    """Table 3 of the paper: 2.5 million with 1000 classes; exactly 2,542,856 counted layer by layer."""
    assert count(MobileNetV3Small(3, 1000)) == 2_542_856


def test_sides_and_channels_of_the_published_table():
    network, seen = MobileNetV3Small(3, 10).eval(), []
    for layer in network.features:
        if isinstance(layer, Bottleneck | torch.nn.Sequential):
            layer.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[1:3])))
    network(torch.zeros(1, 3, 224, 224))
    assert seen == [
        (16, 112), (16, 56), (24, 28), (24, 28), (40, 14), (40, 14), (40, 14), (48, 14), (48, 14), (96, 7), (96, 7),
        (96, 7), (576, 7),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("channels", "width", "wanted"),
    [(16, 1.0, 16), (16, 0.5, 8), (88, 0.5, 48), (24, 0.75, 24), (16, 0.1, 8), (40, 0.35, 16)],
)
def test_widths_are_multiples_of_8_that_lose_a_tenth_at_most(channels, width, wanted):
    assert scaled(channels, width) == wanted


def test_a_width_multiplier_makes_it_smaller():
    assert count(MobileNetV3Small(3, 10, width=0.5)) < 0.35 * count(MobileNetV3Small(3, 10))


def test_a_bottleneck_adds_its_input_where_shapes_agree():
    torch.manual_seed(0)
    same = Bottleneck(8, 16, 8, 3, 1, True, True, batch_norm).eval()
    for each in same.parameters():
        torch.nn.init.zeros_(each)
    cells = torch.randn(2, 8, 4, 4)
    assert torch.equal(same(cells), cells)
    assert not Bottleneck(8, 16, 8, 3, 2, True, True, batch_norm).added
    assert not Bottleneck(8, 16, 16, 3, 1, True, True, batch_norm).added


@pytest.mark.parametrize("norm", list(NORMS))
def test_every_parameter_learns(norm):
    torch.manual_seed(0)
    network = MobileNetV3Small(3, 4, 0.5, norm=NORMS[norm])
    network(torch.randn(4, 3, 96, 96)).square().sum().backward()
    assert [name for name, each in network.named_parameters() if each.grad is None or not each.grad.abs().sum()] == []
