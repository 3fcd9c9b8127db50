"""Shapes, sizes and the masks of the networks."""

import pytest
import torch

from models.autoencoder import SharedAutoencoder, interpolation_matrix, reconstruction_error
from models.encoders import FEATURE, STEPS, build_encoder, pooling_matrix
from models.fusion import FusionClassifier, borrowed_prototypes, nearest_prototype
from models.projection import Projection

SHAPES = [("inertial", 3, 120), ("physiological", 1, 256), ("skeleton", 60, 40), ("inertial", 1, 5)]


def parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("kind", "channels", "frames"), SHAPES)
def test_eight_steps_come_out_and_the_encoder_is_small(kind, channels, frames):
    encoder = build_encoder(kind, channels, frames)
    assert encoder(torch.zeros(3, frames, channels)).shape == (3, STEPS, FEATURE)
    assert 40_000 < parameters(encoder) < 150_000
    assert all(v.is_floating_point() for v in encoder.state_dict().values())
    assert not any("running" in name or "pooling" in name for name in encoder.state_dict())


def test_a_burst_shows_most_in_its_own_steps():
    torch.manual_seed(0)
    encoder = build_encoder("inertial", 3, 120)
    quiet = encoder(torch.zeros(1, 120, 3))
    for own, other, frames in [(0, -1, slice(0, 10)), (-1, 0, slice(110, 120))]:
        burst = torch.zeros(1, 120, 3)
        burst[:, frames] = 5.0
        moved = (encoder(burst) - quiet).abs().mean(dim=2)[0]
        assert moved[own] > 1.3 * moved[other]


def test_encoder_says_what_it_cannot_do():
    with pytest.raises(ValueError, match="inertial, physiological, skeleton"):
        build_encoder("thermal", 3, 120)
    with pytest.raises(ValueError, match="multiple of 8"):
        build_encoder("inertial", 3, 120, width=30)
    with pytest.raises(ValueError, match=r"expected \(batch, 120, 3\)"):
        build_encoder("inertial", 3, 120)(torch.zeros(2, 100, 3))


@pytest.mark.parametrize(("frames", "steps"), [(15, 8), (30, 8), (8, 8), (3, 8)])
def test_pooling_matrix_is_adaptive_average_pooling(frames, steps):
    signal = torch.randn(2, 5, frames, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.adaptive_avg_pool1d(signal, steps)
    torch.testing.assert_close(signal @ pooling_matrix(frames, steps).T, expected)


def test_interpolation_by_hand():
    torch.testing.assert_close(interpolation_matrix(2, 3), torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))


def test_projection_has_unit_rows():
    rows = Projection(STEPS, FEATURE)(torch.randn(4, STEPS, FEATURE))
    assert rows.shape == (4, 128)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(4))


def spoken_head(classes=5):
    """A head whose hidden part says something too (it starts at zero)."""
    torch.manual_seed(0)
    head = FusionClassifier(["gyroscope", "skeleton"], STEPS, FEATURE, classes).eval()
    torch.nn.init.normal_(head.classes[2].weight)
    return head


def test_absent_modalities_have_no_influence_on_logits_or_gradients():
    head = spoken_head()
    features = {m: torch.randn(3, STEPS, FEATURE) for m in ("gyroscope", "skeleton")}
    present = {"gyroscope": torch.tensor([True, True, False]), "skeleton": torch.tensor([True, False, True])}
    logits = head(features, present)
    spoilt = {m: torch.where(present[m][:, None, None], v, torch.nan).requires_grad_() for m, v in features.items()}
    again = head(spoilt, present)
    assert torch.equal(again, logits)
    again.sum().backward()
    for m, v in spoilt.items():
        assert torch.isfinite(v.grad).all() and (v.grad[~present[m]] == 0).all()
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())
    alone = head({"gyroscope": features["gyroscope"][1:2]})
    torch.testing.assert_close(alone[0], logits[1])


def test_a_sample_without_any_modality_gets_finite_logits():
    head = spoken_head()
    logits = head({"skeleton": torch.ones(1, STEPS, FEATURE)}, {"skeleton": torch.tensor([False])})
    torch.testing.assert_close(logits, head.classes(torch.zeros(1, 256)))


def test_the_head_starts_as_the_nearest_prototype_in_the_bound_space():
    torch.manual_seed(1)
    projections = {m: Projection(STEPS, FEATURE) for m in "ab"}
    head = FusionClassifier("ab", STEPS, FEATURE, classes=3, projections=projections).eval()
    features, label = {m: torch.randn(9, STEPS, FEATURE) for m in "ab"}, torch.arange(9) % 3
    head.set_prototypes(features, label)
    joined = torch.cat([projections[m](features[m]) for m in "ab"], dim=1)
    expected = nearest_prototype(joined, label, joined)
    assert torch.equal(head(features).argmax(dim=1), expected)
    one = nearest_prototype(projections["a"](features["a"]), label, projections["a"](features["a"]))
    assert torch.equal(head({"a": features["a"]}).argmax(dim=1), one)


def test_nearest_prototype_by_hand():
    embedding = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    query = torch.tensor([[1.0, 0.2], [0.1, 1.0]])
    assert nearest_prototype(embedding, torch.tensor([4, 4, 7]), query).tolist() == [4, 7]


# --- a modality that was never fine-tuned -----------------------------------------------------------------------------


def test_borrowed_prototypes_by_hand():
    """Class 0: directions at right angles, lengths 3 and 1. Class 1: one direction, lengths 2 and 4."""
    one, other = torch.tensor([[3.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 1.0], [0.0, 4.0]])
    torch.testing.assert_close(borrowed_prototypes([one, other]), torch.tensor([[1.0, 1.0], [0.0, 3.0]]))
    torch.testing.assert_close(borrowed_prototypes([other]), other)


def head_with_unseen(classes=5):
    """A tuned gyroscope whose hidden part and bias say something, and a skeleton that borrows its prototypes."""
    torch.manual_seed(3)
    head = FusionClassifier(["gyroscope", "skeleton"], STEPS, FEATURE, classes, unseen=["skeleton"]).eval()
    torch.nn.init.normal_(head.classes[2].weight)
    torch.nn.init.normal_(head.classes[2].bias)
    with torch.no_grad():
        head.block("skeleton").prototypes.copy_(borrowed_prototypes([head.block("gyroscope").prototypes]))
    return head


def test_what_was_never_tuned_is_judged_by_its_cosine_alone():
    head, features = head_with_unseen(), torch.randn(4, STEPS, FEATURE)
    logits = head({"skeleton": features})
    prototypes = torch.nn.functional.normalize(head.block("gyroscope").prototypes, dim=1)
    torch.testing.assert_close(logits, head.scale * head.block("skeleton").projection(features) @ prototypes.T)


def test_beside_a_tuned_modality_both_are_judged_by_the_joined_cosine_alone():
    head = head_with_unseen()
    features = {m: torch.randn(4, STEPS, FEATURE) for m in ("gyroscope", "skeleton")}
    both, alone = head(features), head({"gyroscope": features["gyroscope"]})
    prototypes = torch.nn.functional.normalize(head.block("gyroscope").prototypes, dim=1)
    each = [head.block(m).projection(features[m]) @ prototypes.T for m in features]
    torch.testing.assert_close(both, head.scale * (each[0] + each[1]) / 2)  # prototypes of one length: the mean cosine
    some = {"gyroscope": torch.tensor([True, False, True, True]), "skeleton": torch.tensor([True, True, False, False])}
    mixed = head(features, some)
    torch.testing.assert_close(mixed[0], both[0])
    torch.testing.assert_close(mixed[1], head({"skeleton": features["skeleton"]})[1])
    torch.testing.assert_close(mixed[2:], alone[2:])


def test_a_head_that_knows_of_it_is_otherwise_the_head_that_was_tuned():
    head, features = head_with_unseen(), torch.randn(3, STEPS, FEATURE)
    tuned = FusionClassifier(["gyroscope"], STEPS, FEATURE, 5).eval()
    tuned.load_state_dict({k: v for k, v in head.state_dict().items() if not k.startswith("blocks.skeleton")})
    assert torch.equal(head({"gyroscope": features}), tuned({"gyroscope": features}))


def test_fusion_blocks_are_named_by_modality():
    names = FusionClassifier(["a", "b"], STEPS, FEATURE, classes=2).state_dict()
    assert {n.split(".")[0] + "." + n.split(".")[1] for n in names if n.startswith("blocks")} == {
        "blocks.a",
        "blocks.b",
    }


def test_autoencoder_has_a_bottleneck_and_learns():
    torch.manual_seed(0)
    model = SharedAutoencoder(3, 120, latent=16)
    window = torch.randn(8, 3, 1).cumsum(0).sin() * torch.linspace(0, 3, 120)
    window = window.transpose(1, 2)  # (batch, time, channel)
    assert model.encode(window).shape == (8, 16)
    assert model(window).shape == window.shape
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    before = reconstruction_error(model, window).item()
    for _ in range(30):
        optimiser.zero_grad()
        loss = reconstruction_error(model, window)
        loss.backward()
        optimiser.step()
    assert reconstruction_error(model, window).item() < 0.3 * before
