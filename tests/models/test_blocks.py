"""Networks as named blocks: there and back, the same beginning for the same seed, no array taken on trust."""

import numpy as np
import pytest
import torch
from torch import nn

from configs.errors import UserError
from configs.schema import AutoencoderSettings, ModelSettings
from models.blocks import (
    ModalityShape,
    as_block,
    as_gradient_block,
    head_blocks,
    head_from_projections,
    load_block,
    load_head,
    new_autoencoder,
    new_encoder,
    new_head,
    new_projection,
)

SMALL = ModelSettings(width=8, projection=8, hidden=8)
SHAPE = ModalityShape("inertial", 16, 3)


def equal(one, other):
    return set(one) == set(other) and all(np.array_equal(one[key], other[key]) for key in one)


def test_a_block_is_a_copy_that_comes_back():
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    block = as_block(one)
    load_block(other, block)
    assert equal(as_block(other), block)
    block["weight"][:] = 9
    assert not (one.weight == 9).any() and not (other.weight == 9).any()


def test_a_prefix_takes_a_part_and_puts_it_back_where_it_was():
    both = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    part = as_block(both, "b.")
    assert set(part) == {"weight", "bias"} and np.array_equal(part["weight"], both["b"].weight.detach().numpy())
    before = as_block(both["a"])
    load_block(both, {key: value * 0 for key, value in part.items()}, "b.")
    assert not both["b"].weight.any() and equal(as_block(both["a"]), before)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (2, 1), (2, 3, 1), (3, 2)])
def test_another_shape_is_refused_also_where_it_would_stretch(shape):
    module = nn.Linear(3, 2)
    before = as_block(module)
    with pytest.raises(RuntimeError, match="weight"):
        load_block(module, {"weight": np.ones(shape, np.float32)})
    assert equal(as_block(module), before)


def test_an_unknown_name_is_refused():
    with pytest.raises(KeyError):
        load_block(nn.Linear(3, 2), {"weights": np.ones((2, 3), np.float32)})


def test_names_left_out_stay_and_turned_arrays_are_read_as_they_look():
    module = nn.Linear(3, 2)
    bias = module.bias.detach().clone()
    turned = np.arange(6, dtype=np.float32).reshape(3, 2).T
    load_block(module, {"weight": turned})
    assert np.array_equal(module.weight.detach().numpy(), turned) and torch.equal(module.bias, bias)
    assert module.weight.requires_grad


MAKERS = {
    "encoder": lambda seed, name="gyroscope": new_encoder(name, SHAPE, SMALL, seed),
    "projection": lambda seed, name="gyroscope": new_projection(name, SMALL, seed),
    "head": lambda seed, name="gyroscope": new_head([name, "ecg"], 3, SMALL, seed),
    "autoencoder": lambda seed, name="gyroscope": new_autoencoder(
        name, SHAPE, AutoencoderSettings(latent=4, width=8, objective="reconstruction"), seed
    ),
    "instance": lambda seed, name="gyroscope": new_autoencoder(
        name, SHAPE, AutoencoderSettings(latent=4, width=8), seed
    ),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_same_seed_begins_alike_whatever_else_is_built_and_leaves_torch_s_generator_alone(make):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = as_block(make(0))
    assert torch.rand(1) == expected
    torch.manual_seed(6)
    MAKERS["encoder"](1)
    assert equal(as_block(make(0)), first)
    assert not equal(as_block(make(1)), first)
    if make is not MAKERS["head"]:
        assert not equal(as_block(make(0, "accelerometer")), first)


def test_a_maker_that_fails_leaves_torch_s_generator_alone_too():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with pytest.raises(ValueError, match="unknown kind"):
        new_encoder("x", ModalityShape("smell", 16, 3), SMALL, 0)
    assert torch.rand(1) == expected


def test_the_layout_makes_the_encoder_of_pictures_and_clouds():
    depth = new_encoder("depth", ModalityShape("depth", 4, 48, (6, 8, 1)), SMALL, 0)
    assert depth(torch.zeros(2, 4, 48)).shape == (2, 8, 64)
    for objective in ("instance", "reconstruction"):
        settings = AutoencoderSettings(latent=4, width=8, members=2, objective=objective)
        model = new_autoencoder("depth", ModalityShape("depth", 4, 48, (6, 8, 1)), settings, 0)
        assert model.encode(torch.zeros(2, 4, 48)).shape[0] == 2


def test_a_layout_from_a_message_is_the_same_shape():
    assert ModalityShape("depth", 4, 48, [6, 8, 1]) == ModalityShape("depth", 4, 48, (6, 8, 1))
    assert hash(ModalityShape("depth", 4, 48, [6, 8, 1])) == hash(ModalityShape("depth", 4, 48, (6, 8, 1)))


def test_a_single_picture_can_be_reconstructed():
    settings = AutoencoderSettings(latent=4, width=8, objective="reconstruction")
    model = new_autoencoder("photo", ModalityShape("image", 1, 75, (5, 5, 3)), settings, 0)
    assert model(torch.zeros(2, 1, 75)).shape == (2, 1, 75)


def test_another_family_may_be_chosen_for_its_kind_alone():
    chosen = ModelSettings(width=8, projection=8, hidden=8, inertial="inertial2d", skeleton="skeleton_graph")
    skeleton = ModalityShape("skeleton", 16, 60, (20, 3))
    assert type(new_encoder("a", SHAPE, chosen, 0)).__name__ == "PlaneEncoder"
    assert type(new_encoder("a", SHAPE, SMALL, 0)).__name__ == "ConvRecurrentEncoder"
    assert type(new_encoder("b", skeleton, chosen, 0)).__name__ == "GraphEncoder"
    assert type(new_encoder("c", ModalityShape("physiological", 16, 3), chosen, 0)).__name__ == "ConvRecurrentEncoder"


def test_a_cloud_is_told_apart_but_never_reconstructed():
    cloud = ModalityShape("points", 4, 30, (10, 3))
    settings = AutoencoderSettings(latent=4, width=8, members=2)
    assert new_autoencoder("radar", cloud, settings, 0).encode(torch.zeros(2, 4, 30)).shape == (2, 8)
    for objective in ("reconstruction", "denoising"):
        with pytest.raises(UserError, match="no order"):
            new_autoencoder("radar", cloud, settings.model_copy(update={"objective": objective}), 0)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_every_network_is_float_tensors_that_average(make):
    block = as_block(make(0))
    assert block and all(value.dtype == np.float32 and value.ndim for value in block.values())
    assert set(block) == {name for name, _ in make(0).named_parameters()}  # no buffer travels


def test_a_head_is_one_block_per_modality_and_one_that_all_share():
    head, other = MAKERS["head"](0), MAKERS["head"](1)
    blocks = head_blocks(head)
    assert set(blocks) == {"head.gyroscope", "head.ecg", "head.fusion"}
    assert sum(value.size for block in blocks.values() for value in block.values()) == sum(
        p.numel() for p in head.parameters()
    )
    load_head(other, blocks)
    assert equal(as_block(other), as_block(head))


def test_a_head_begins_as_its_projections_where_there_are_any():
    fresh = head_blocks(MAKERS["head"](0))
    learnt = {"projection.gyroscope": as_block(new_projection("gyroscope", SMALL, 3)), "encoder.gyroscope": {}}
    head = head_from_projections(["gyroscope", "ecg"], 3, SMALL, 0, learnt).eval()
    begun = head_blocks(head)
    assert equal(begun["head.ecg"], fresh["head.ecg"]) and equal(begun["head.fusion"], fresh["head.fusion"])
    whole, features = new_projection("gyroscope", SMALL, 3), torch.randn(2, 8, 64)
    part = head.block("gyroscope")
    assert torch.equal(part.projection(features), whole(features))
    assert torch.allclose(part.hidden(features), whole.layers[:3](features), atol=1e-6)
    assert np.array_equal(begun["head.gyroscope"]["prototypes"], fresh["head.gyroscope"]["prototypes"])


def test_a_head_without_projections_is_the_fresh_one():
    begun = head_blocks(head_from_projections(["gyroscope", "ecg"], 3, SMALL, 0, {}))
    fresh = head_blocks(MAKERS["head"](0))
    assert set(begun) == set(fresh) and all(equal(begun[name], fresh[name]) for name in fresh)


def test_the_blocks_of_a_head_are_named_by_what_they_are():
    blocks = head_blocks(MAKERS["head"](0))
    assert {name.split(".")[0] for name in blocks["head.gyroscope"]} == {"projection", "hidden", "prototypes"}
    assert blocks["head.gyroscope"]["prototypes"].shape == (3, 8)
    assert {name: value.shape for name, value in blocks["head.fusion"].items()} == {"2.weight": (3, 8), "2.bias": (3,)}


def test_gradients_go_under_their_parameters_names_with_zeros_where_there_is_none():
    module = nn.ModuleDict({"used": nn.Linear(2, 1, bias=False), "idle": nn.Linear(2, 1)})
    module["used"](torch.tensor([[3.0, -1.0]])).sum().backward()
    block = as_gradient_block(module)
    assert set(block) == {"used.weight", "idle.weight", "idle.bias"}
    assert block["used.weight"].tolist() == [[3, -1]] and not block["idle.weight"].any()
    block["used.weight"][:] = 0
    assert module["used"].weight.grad.tolist() == [[3, -1]]
