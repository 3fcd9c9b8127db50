"""The baseline's encoders against published counts, and its fusion."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from models.bev_fusion import BevFusion, alone, frozen, trained_alone
from models.inference import folded_norms
from models.resnet import BLOCKS, BasicBlock, ResNetEncoder, resnet_classifier

NAMES = ("a", "b")


def count(module):
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize(("name", "parameters"), [("resnet18", 11_689_512), ("resnet34", 21_797_672)])
def test_published_numbers_of_parameters(name, parameters):
    """11.69 and 21.80 million with 1000 classes."""
    assert count(resnet_classifier(name, 1000)) == parameters


def test_cut_after_the_third_stage_it_costs_458_million_multiply_adds():
    encoder = ResNetEncoder("resnet18", "L3").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        assert encoder(torch.zeros(1, 3, 128, 128)).shape == (1, 256, 8, 8)
    assert counter.get_total_flops() / 2e6 == pytest.approx(458.0, abs=0.05)
    assert count(encoder) == 2_782_784


@pytest.mark.parametrize("name", list(BLOCKS))
@pytest.mark.parametrize(("stage", "shape"), [("L1", (64, 32)), ("L2", (128, 16)), ("L3", (256, 8)), ("L4", (512, 4))])
def test_every_stage_is_where_it_says(name, stage, shape):
    encoder = ResNetEncoder(name, stage).eval()
    with torch.no_grad():
        assert encoder(torch.zeros(1, 3, 128, 128)).shape == (1, shape[0], shape[1], shape[1])
    assert (encoder.width, 128 // encoder.reduction) == shape
    blocks = sum(isinstance(part, BasicBlock) for part in encoder.modules())
    assert blocks == sum(BLOCKS[name][: int(stage[1])])


def test_a_block_of_zeros_gives_back_its_input():
    block = BasicBlock(4, 4, 1).eval()
    for each in block.parameters():
        torch.nn.init.zeros_(each)
    cells = torch.rand(1, 4, 3, 3)
    assert torch.equal(block(cells), cells)


@pytest.mark.parametrize("wrong", [("resnet50", "L3"), ("resnet18", "L5")])
def test_what_cannot_be_built_says_why(wrong):
    with pytest.raises(ValueError, match="cut after"):
        ResNetEncoder(*wrong)


# --- batch norms ------------------------------------------------------------------------------------------------------


def test_folding_changes_nothing_but_the_form():
    """Within 1e-4 of values about 1."""
    torch.manual_seed(0)
    network = BevFusion(NAMES, 3, stage="L2")
    pictures = {name: torch.rand(2, 1, 3, 64, 64) for name in NAMES}
    for _ in range(2):
        network.train()(pictures)
    folded = folded_norms(network)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())
    assert not any(each.requires_grad for each in folded.parameters())
    torch.testing.assert_close(folded(pictures), network.eval()(pictures), atol=1e-4, rtol=1e-4)
    assert any(isinstance(part, torch.nn.BatchNorm2d) for part in network.modules())


# --- fusion -----------------------------------------------------------------------------------------------------------


def test_any_subset_of_modalities_and_nothing_of_what_is_absent():
    torch.manual_seed(0)
    network = BevFusion(NAMES, 3, stage="L3").eval()
    pictures = {name: torch.rand(2, 2, 3, 128, 128) for name in NAMES}
    with torch.no_grad():
        whole = network(pictures)
        torch.testing.assert_close(network(pictures, {"a": torch.tensor([True, True])}), whole, atol=1e-5, rtol=1e-4)
        alone_ = network({"a": pictures["a"]})
        pictures["b"][:] = math.nan
        masked = network(pictures, {"b": torch.tensor([False, False])})
    torch.testing.assert_close(masked, alone_, atol=1e-5, rtol=1e-4)
    assert whole.shape == (2, 3) and (whole - alone_).abs().max() > 1e-6


def test_what_is_absent_is_not_encoded_so_it_moves_no_norm_and_no_gradient():
    torch.manual_seed(0)
    network = BevFusion(NAMES, 3, stage="L1").train()
    pictures = {name: torch.rand(2, 2, 3, 32, 32) for name in NAMES}
    pictures["b"][1] = math.nan
    network(pictures, {"b": torch.tensor([True, False])}).sum().backward()
    assert all(each.isfinite().all() for each in network.state_dict().values())
    assert all(each.grad is None or each.grad.isfinite().all() for each in network.parameters())
    before = {key: value.clone() for key, value in network.encoder("b").state_dict().items()}
    network(pictures, {"b": torch.tensor([False, False])})
    assert all(torch.equal(before[key], value) for key, value in network.encoder("b").state_dict().items())


def test_encoders_trained_alone_are_spliced_in_as_they_are():
    torch.manual_seed(0)
    whole = alone(ResNetEncoder("resnet18", "L1"), 3)
    optimiser, picture = torch.optim.SGD(whole.parameters(), 0.1), torch.rand(4, 3, 32, 32)
    torch.nn.functional.cross_entropy(whole(picture), torch.tensor([0, 1, 2, 0])).backward()
    optimiser.step()
    encoder = trained_alone(whole)
    network = frozen(BevFusion(NAMES, 3, stage="L1", encoders={"a": encoder}))
    assert network.encoder("a") is encoder and not any(each.requires_grad for each in encoder.parameters())
    assert (
        not network.train().encoders.training
        and network.head.training
        and any(each.requires_grad for each in network.head.parameters())
    )
