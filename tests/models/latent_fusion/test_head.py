"""Any subset of modalities: what is absent has no influence, whatever stands in its place."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.latent_fusion import Join, LatentFusion

NAMES = ("accelerometer", "ecg", "eda")


def latents(batch=2, windows=3, numbers=3, side=16, seed=0, names=NAMES):
    drawn = torch.Generator().manual_seed(seed)
    return {name: torch.randn(batch, windows, numbers, side, side, generator=drawn) for name in names}


def head(**settings_):
    torch.manual_seed(0)
    made = LatentFusion(NAMES, 4, **settings_)
    for name in NAMES:
        torch.nn.init.normal_(made.join.block(name).gate)
    return made.eval()


# --- join -------------------------------------------------------------------------------------------------------------


def test_a_join_worked_by_hand():
    """Two modalities, one number, one channel: gates 0 and log 3 weigh a quarter and three quarters."""
    join = Join({"a": 1, "b": 1}, width=1, patch=1)
    with torch.no_grad():
        for name, weight, bias, gate in (("a", 2.0, 1.0, 0.0), ("b", -1.0, 0.0, math.log(3))):
            join.block(name).read.weight.fill_(weight)
            join.block(name).read.bias.fill_(bias)
            join.block(name).gate.fill_(gate)
    given_ = {"a": torch.full((1, 2, 1, 1, 1), 3.0), "b": torch.full((1, 2, 1, 1, 1), 4.0)}  # read as 7 and -4
    both, seen = join(given_)
    assert both.flatten().tolist() == pytest.approx([0.25 * 7 - 0.75 * 4] * 2) and seen is None
    some, seen = join(given_, {"b": torch.tensor([[False, True]])})
    assert some.flatten().tolist() == pytest.approx([7.0, 0.25 * 7 - 0.75 * 4]) and seen.all()
    none, seen = join(given_, {"a": torch.tensor([False]), "b": torch.tensor([[True, False]])})
    assert none.flatten().tolist() == pytest.approx([-4.0, 0.0]) and seen.tolist() == [[True, False]]


@settings(max_examples=25)
@given(there=st.lists(st.booleans(), min_size=3, max_size=3), seed=st.integers(0, 1000))
def test_marked_absent_is_as_good_as_not_given(there, seed):
    made, whole = head(), latents(seed=seed)
    kept = {name: each for (name, each), here in zip(whole.items(), there, strict=True) if here}
    present = {name: torch.full((2,), here) for name, here in zip(NAMES, there, strict=True)}
    found = made(whole, present)
    if kept:
        torch.testing.assert_close(found, made(kept), atol=1e-6, rtol=1e-5)
    else:
        torch.testing.assert_close(found, made({name: each[:, :0] for name, each in whole.items()}))


# --- what is absent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("training", [False, True])
def test_neither_a_value_nor_a_nan_of_what_is_absent_reaches_logits_or_gradients(value, training):
    made = head().train(training)
    present = {"ecg": torch.tensor([[True, False, True], [False, False, False]]), "eda": torch.tensor([True, False])}

    def run(bad):
        given_ = latents()
        for name, here in present.items():
            gone = ~(here if here.ndim == 2 else here[:, None].expand(2, 3))
            given_[name][gone] = bad
        given_ = {name: each.requires_grad_() for name, each in given_.items()}
        made.zero_grad()
        torch.manual_seed(1)
        logits = made(given_, present)
        logits.square().sum().backward()
        return logits.detach(), given_, [each.grad.clone() for each in made.parameters()]

    logits, given_, gradients = run(value)
    plain, _, as_plain = run(0.0)
    assert torch.equal(logits, plain) and logits.isfinite().all()
    assert all(torch.equal(one, other) for one, other in zip(gradients, as_plain, strict=True))
    assert not given_["ecg"].grad[1].any() and not given_["ecg"].grad[0, 1].any() and not given_["eda"].grad[1].any()
    assert given_["ecg"].grad[0, 0].any() and given_["accelerometer"].grad.any()


def test_a_modality_that_is_absent_everywhere_does_not_learn():
    made = head().train()
    made(latents(), {"ecg": torch.zeros(2, dtype=torch.bool)}).square().sum().backward()
    assert not any(each.grad is not None and each.grad.any() for each in made.join.block("ecg").parameters())
    assert made.join.block("eda").gate.grad.any()


def test_a_sample_of_which_nothing_is_present_is_defined_and_disturbs_no_gradient():
    made = head().train()
    nobody = {name: torch.tensor([False, True]) for name in NAMES}
    logits = made(latents(), nobody)
    logits.sum().backward()
    assert logits.isfinite().all() and all(each.grad.isfinite().all() for each in made.parameters())
    made.eval()
    alone = made(latents(seed=5), {name: torch.tensor([False, False]) for name in NAMES})
    torch.testing.assert_close(made(latents(), nobody)[0], alone[0])  # whatever the values: an empty state


@pytest.mark.parametrize("strength", [0.0, 80.0, -200.0])
def test_gates_far_apart_stay_finite_and_can_shut_a_modality_out(strength):
    made = head()
    torch.nn.init.constant_(made.join.block("ecg").gate, strength)
    given_ = latents()
    only = made(given_, {"accelerometer": torch.tensor([False, False]), "eda": torch.tensor([False, False])})
    assert made(given_).isfinite().all() and only.isfinite().all()
    if strength < -100:  # the two others speak as if it were not there
        rest = {name: given_[name] for name in ("accelerometer", "eda")}
        torch.testing.assert_close(made(given_), made(rest), atol=1e-5, rtol=1e-4)


# --- the head ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("numbers", "side"), [(3, 16), (16, 16), (256, 8), (512, 4)])
def test_latents_of_every_grid_end_in_classes(numbers, side):
    made = LatentFusion(NAMES, 4, numbers, side).eval()
    assert made(latents(numbers=numbers, side=side)).shape == (2, 4)


def test_modalities_may_have_different_widths():
    made = LatentFusion(("a", "b"), 2, {"a": 9, "b": 3}).eval()
    given_ = {**latents(numbers=9, names=("a",)), **latents(numbers=3, names=("b",))}
    torch.testing.assert_close(made(given_), made(given_, {"a": torch.tensor([True, True])}), atol=1e-6, rtol=1e-5)


def test_one_sample_alone_trains_and_every_parameter_learns():
    made = head().train()
    made(latents(batch=1)).square().sum().backward()
    assert [name for name, each in made.named_parameters() if each.grad is None] == []


def test_a_modality_more_adds_its_block_and_nothing_else():
    small, large = (sum(p.numel() for p in LatentFusion(names, 2).parameters()) for names in (("a",), ("a", "b")))
    assert large - small == 3 * 2 * 2 * 16 + 16 + 16


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_it_learns_which_modality_to_heed(norm):
    """The class stands in one modality's strength, the other is noise: after a few steps the head knows, and the noisy
    modality may be there or not."""
    torch.manual_seed(0)
    label = torch.arange(32) % 2
    told = torch.randn(32, 2, 3, 16, 16) * 0.3 + (label * 2.0 - 1)[:, None, None, None, None]
    given_ = {"told": told, "noise": torch.randn_like(told)}
    made = LatentFusion(("told", "noise"), 2, norm=norm, dropout=0.0)
    optimiser = torch.optim.AdamW(made.parameters(), lr=3e-3)
    for _ in range(25):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(made(given_), label).backward()
        optimiser.step()
    made.eval()
    for there in (given_, {"told": told}):
        assert (made(there).argmax(dim=1) == label).float().mean() > 0.9


def test_a_modality_that_was_never_seen_is_read_as_the_mean_of_the_others():
    made = head()
    one = latents(names=("never",))["never"]
    with pytest.raises(KeyError):
        made({"never": one})
    made.adopt("never")
    torch.testing.assert_close(
        made.join.block("never").gate, torch.stack([made.join.block(name).gate for name in NAMES]).mean(dim=0)
    )
    assert made({**latents(), "never": one}).isfinite().all()
    torch.testing.assert_close(
        made.join({"never": one})[0],
        torch.stack([made.join({name: one})[0] for name in NAMES]).mean(dim=0), atol=1e-5, rtol=1e-4,
    )  # fmt: skip
    with pytest.raises(ValueError, match="known already"):
        made.adopt("ecg")
    with pytest.raises(ValueError, match="no mean"):
        LatentFusion(("a", "b"), 2, {"a": 9, "b": 3}).adopt("c")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (((), 2), "modalities"),
        ((("a", "a"), 2), "different"),
        ((("a",), 1), "classes"),
        ((("a",), 2, 3, 16, 8, 8, 1.0, "layer"), "norm"),
    ],
)
def test_what_cannot_be_built_says_why(arguments, match):
    with pytest.raises(ValueError, match=match):
        LatentFusion(*arguments)


def test_nothing_given_is_refused():
    with pytest.raises(ValueError, match="no modality"):
        head()({})
