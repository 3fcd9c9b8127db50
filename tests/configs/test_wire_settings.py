"""Lists of codecs that make sense, and what is said of those that do not."""

import pytest

from configs.errors import UserError
from configs.load import check


def wire(tree, **settings):
    return check({**tree, "methods": ["fedbind"], "wire": settings}).wire


def test_one_name_is_a_list_of_one_and_float32_is_nothing_done(tree):
    told = wire(tree, up="bf16", down="float32", embeddings=["float32"])
    assert (told.up, told.down, told.embeddings) == (["bf16"], [], [])
    assert wire(tree).up == [] and wire(tree).models == "held"


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize(
    "codecs", [["delta", "top_k", "int8"], ["delta"], ["int8"], ["delta", "float16"], ["delta", "top_k"]]
)
def test_these_lists_are_taken_either_way(tree, way, codecs):
    assert getattr(wire(tree, **{way: codecs}), way) == codecs


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"up": ["int8", "delta"]}, r"wire.up: \['int8', 'delta'\] has delta behind another"),
        ({"down": ["top_k", "int8"]}, r"wire.down: \['top_k', 'int8'\] has top_k without delta"),
        ({"up": ["delta", "int8", "top_k"]}, "has something behind int8, which leaves no 32-bit number"),
        ({"up": ["bf16", "int8"]}, "stores the same numbers more than once; name one of float16, bf16, int8"),
        ({"down": ["delta", "delta"]}, "names a codec twice"),
        ({"embeddings": ["delta", "int8"]}, "wire.embeddings: delta needs what the receiver has already"),
        ({"embeddings": ["top_k"]}, "wire.embeddings: top_k needs what the receiver has already"),
        (
            {"embeddings": ["bf16", "int8"]},
            r"wire.embeddings: \['bf16', 'int8'\] stores the same numbers more than once",
        ),
        ({"up": ["gzip"]}, "wire.up.0: 'gzip' is not allowed"),
        ({"top_k_share": 1.0}, "wire.top_k_share: 1.0 is not allowed"),
        ({"models": "all"}, "wire.models: 'all' is not allowed"),
        ({"Up": ["int8"]}, "wire.Up: unknown key; known here: down, embeddings, models"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(tree, settings, says):
    with pytest.raises(UserError, match=says):
        wire(tree, **settings)


def test_embeddings_are_rounded_in_one_place_alone(tree):
    with pytest.raises(UserError, match=r"wire.embeddings: \['bf16'\] beside privacy.quantise=int8 would round twice"):
        wire({**tree, "privacy": {"quantise": "int8"}}, embeddings=["bf16"])


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"up": ["int8"]}, "wire.up: contrast.mode=exact"), ({"models": "whole"}, "wire.models: 'whole'")],
)
def test_exact_gradients_are_not_made_coarse(tree, settings, says):
    with pytest.raises(UserError, match=says):
        wire({**tree, "contrast": {"mode": "exact"}}, **settings)
    assert wire({**tree, "contrast": {"mode": "exact"}}, embeddings=["int8"]).embeddings == ["int8"]
