"""Local contrastive training: batches that cover all, moments that outlive a round, a loss that falls."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from client.training.contrast import (
    Related,
    contrast_loss,
    even_batches,
    new_contrast,
    train_contrast,
)
from client.training.moments import moments_to_bytes, take_up
from client.training.views import View
from configs.schema import ContrastSettings
from models.augment import Strength
from models.encoders import FEATURE, STEPS, build_encoder
from models.losses import Targets, weighted_contrastive
from models.projection import Projection
from models.schedule import scheduled_rate

SETTINGS = ContrastSettings(batch=4, augment=False, temperature=0.5)
CHANGES = {"gyroscope": Strength(), "ecg": Strength()}


def unit(rows):
    return torch.nn.functional.normalize(torch.tensor(rows), dim=1)


def model(settings=SETTINGS, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoders = {"gyroscope": build_encoder("inertial", 3, 16, 8), "ecg": build_encoder("physiological", 1, 16, 8)}
        projections = {name: Projection(STEPS, FEATURE, 8, 16) for name in encoders}
    return new_contrast(nn.ModuleDict(encoders), nn.ModuleDict(projections), settings)


def views(count=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    phase = torch.rand(count, 1, 1, generator=generator) * 6.28
    made = {}
    for name, channels in (("gyroscope", 3), ("ecg", 1)):
        raw = torch.sin(torch.linspace(0, 6.28, 16)[None, :, None] + phase).expand(-1, -1, channels).clone()
        made[name] = View(
            raw, torch.zeros(count, 1, channels), torch.ones(count, 1, channels), torch.ones(count, dtype=torch.bool)
        )
    return made


def alone(count=9):
    return Related(torch.zeros(count, count), nothing(count, count), torch.arange(count), None)


def nothing(rows, columns):
    return torch.zeros(rows, columns, dtype=torch.bool)


@given(st.integers(0, 60), st.integers(2, 20), st.integers(0, 5))
def test_batches_cover_every_row_once_and_none_is_tiny(rows, size, seed):
    batches = even_batches(rows, size, torch.Generator().manual_seed(seed))
    assert sorted(torch.cat(batches).tolist() if batches else []) == list(range(rows))
    sizes = [len(batch) for batch in batches]
    assert all(sizes) and (not sizes or max(sizes) - min(sizes) <= 1)
    if rows >= size:
        assert min(sizes) >= size / 2 and max(sizes) <= 1.5 * size


def test_batches_are_in_another_order_with_another_seed():
    one, other = (torch.cat(even_batches(40, 8, torch.Generator().manual_seed(seed))).tolist() for seed in (0, 1))
    assert one != other and one != sorted(one)


def test_an_epoch_on_the_toy_lowers_the_loss():
    made = model(SETTINGS.model_copy(update={"rate": 3e-3}))
    losses = [train_contrast(made, views(), alone(), SETTINGS, 1, CHANGES, 0.0, seed) for seed in range(6)]
    assert losses[-1] < losses[0] - 0.2


def test_two_rounds_with_kept_moments_equal_two_epochs_in_one():
    """One batch an epoch, so that the shuffling of rows, which follows from the round's seed, plays no part."""
    settings = SETTINGS.model_copy(update={"batch": 9})
    straight = model(settings)
    train_contrast(straight, views(), alone(), settings, 2, CHANGES, 0.0, 1)
    first = model(settings)
    train_contrast(first, views(), alone(), settings, 1, CHANGES, 0.0, 1)
    second = model(settings, seed=5)
    second.encoders.load_state_dict(first.encoders.state_dict())
    second.projections.load_state_dict(first.projections.state_dict())
    take_up(second.optimiser, moments_to_bytes(first.optimiser), settings.rate)
    train_contrast(second, views(), alone(), settings, 1, CHANGES, 0.0, 2)
    fresh = model(settings, seed=5)
    fresh.encoders.load_state_dict(first.encoders.state_dict())
    fresh.projections.load_state_dict(first.projections.state_dict())
    take_up(fresh.optimiser, None, settings.rate)
    train_contrast(fresh, views(), alone(), settings, 1, CHANGES, 0.0, 2)
    assert distance(second, straight) < 1e-4 < 1e-2 < distance(fresh, straight)


def distance(one, other):
    """Of the embeddings; biases before a normalisation have no gradient but rounding, which Adam blows up."""
    windows = {name: view.clean() for name, view in views().items()}
    with torch.no_grad():
        pairs = zip(one.embed(windows).values(), other.embed(windows).values(), strict=True)
        return max(float((a - b).abs().max()) for a, b in pairs)


def test_moments_are_taken_up_under_the_rate_of_the_round():
    made = model()
    train_contrast(made, views(), alone(), SETTINGS, 1, CHANGES, 0.0, 0)
    other = model()
    take_up(other.optimiser, moments_to_bytes(made.optimiser), 0.125)
    assert [group["lr"] for group in other.optimiser.param_groups] == [0.125]


def test_the_rate_falls_along_half_a_cosine_to_a_twentieth():
    assert scheduled_rate(1.0, 1, 10) == 1.0
    assert scheduled_rate(2.0, 6, 10) == pytest.approx(2 * (0.05 + 0.95 / 2))
    assert scheduled_rate(1.0, 10, 10) == pytest.approx(0.05 + 0.475 * (1 + math.cos(0.9 * math.pi)))
    rates = [scheduled_rate(1.0, round, 10) for round in range(1, 11)]
    assert rates == sorted(rates, reverse=True) and min(rates) > 0.05


EMBEDDED = {
    "gyroscope": unit([[1.0, 0.2], [0.3, -1.0], [-0.5, 0.5]]),
    "ecg": unit([[0.8, 0.1], [0.0, -1.0], [-1.0, 0.1]]),
}
HERE = {name: torch.ones(3, dtype=torch.bool) for name in EMBEDDED}


def test_the_loss_of_a_batch_is_eq_3_over_its_rows_and_the_foreign_ones():
    foreign = Targets(
        {"skeleton": unit([[1.0, 0.0], [0.0, 1.0]])},
        {"skeleton": torch.ones(2, dtype=torch.bool)},
        {"skeleton": -1 - torch.arange(2)},
    )
    affinity = torch.zeros(3, 5)
    affinity[0, 3] = 0.5
    loss = contrast_loss(EMBEDDED, HERE, torch.arange(3), affinity, nothing(3, 5), foreign, SETTINGS)
    similarity = {(a, b): EMBEDDED[a] @ EMBEDDED[b].T / 0.5 for a in EMBEDDED for b in EMBEDDED}
    total, weight = 0.0, 0.0
    for a, b in (("gyroscope", "ecg"), ("ecg", "gyroscope")):
        for i in range(3):
            others = [j for j in range(3) if j != i]
            total += torch.logsumexp(similarity[a, b][i, others], 0) - similarity[a, b][i, i]
            weight += 1
    for a in EMBEDDED:  # sample 0 and the foreign skeleton bound to it, against the other foreign skeleton
        own = EMBEDDED[a][0] @ foreign.views["skeleton"].T / 0.5
        total += 0.5 * (own[1] - own[0])
        weight += 0.5
    assert float(loss) == pytest.approx(float(total / weight), abs=1e-5)


def test_without_foreign_rows_it_is_the_plain_loss():
    loss = contrast_loss(EMBEDDED, HERE, torch.arange(3), torch.zeros(3, 3), nothing(3, 3), None, SETTINGS)
    plain = weighted_contrastive(EMBEDDED, HERE, torch.ones(3), dict.fromkeys(EMBEDDED, torch.arange(3)), 0.5)
    assert float(loss) == pytest.approx(float(plain))


def test_undecided_rows_leave_the_denominator_and_become_no_positives():
    """Rows 0 and 1 are too alike: either has row 2 alone as a negative, and still its own other view as its positive."""
    near = nothing(3, 3)
    near[0, 1] = near[1, 0] = True
    loss = contrast_loss(EMBEDDED, HERE, torch.arange(3), torch.zeros(3, 3), near, None, SETTINGS)
    against = {0: [2], 1: [2], 2: [0, 1]}
    total = 0.0
    for a, b in (("gyroscope", "ecg"), ("ecg", "gyroscope")):
        similarity = EMBEDDED[a] @ EMBEDDED[b].T / 0.5
        total += sum(torch.logsumexp(similarity[i, against[i]], 0) - similarity[i, i] for i in range(3))
    assert float(loss) == pytest.approx(float(total) / 6, abs=1e-5)


def test_training_sees_how_the_batch_s_own_rows_and_all_foreign_ones_relate(monkeypatch):
    """Affinity [i, j] = 100 i + j: what arrives with a batch must be its rows, its own columns, then the foreign ones."""
    import client.training.contrast as contrast

    seen = []
    monkeypatch.setattr(
        contrast, "contrast_loss",
        lambda embedded, present, identity, affinity, undecided, foreign, settings: (
            seen.append((identity.tolist(), affinity.tolist(), undecided.tolist())),
            sum(e.sum() for e in embedded.values()) * 0.0)[1],
    )  # fmt: skip
    affinity = torch.tensor(np.add.outer(100.0 * np.arange(9), np.arange(12)))
    related = Related(affinity, affinity % 7 == 0, torch.arange(9), None)
    train_contrast(model(), views(), related, SETTINGS, 1, CHANGES, 0.0, 0)
    assert sorted(row for rows, *_ in seen for row in rows) == list(range(9))
    for rows, given_, near in seen:
        expected = [[100.0 * i + j for j in [*rows, 9, 10, 11]] for i in rows]
        assert given_ == expected and near == [[value % 7 == 0 for value in row] for row in expected]


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("form", ["mmbind", "supcon"])
def test_masked_views_have_no_influence_on_training_at_all(form, augmented):
    """Other numbers, even NaN, where a view is absent: after two epochs every weight is the same, bit by bit."""
    settings = SETTINGS.model_copy(update={"form": form, "augment": augmented})
    changes = {"gyroscope": Strength(turn_deg=20, crop=0.1, warp=0.2), "ecg": Strength(scale=0.1, crop=0.1)}
    here = {"gyroscope": torch.arange(9) % 3 != 1, "ecg": torch.arange(9) % 4 != 2}
    some = torch.arange(99).reshape(9, 11) % 4 == 0
    related = Related(0.2 * some, nothing(9, 11), torch.arange(9), foreign_rows(here=[True, False]))

    def trained(fill, foreign_fill):
        made, held = model(settings), {}
        for name, view in views().items():
            gone = ~here[name][:, None, None]
            held[name] = View(view.raw.masked_fill(gone, fill), view.mean, view.std, here[name])
        related.foreign.views["ecg"][1] = foreign_fill
        loss = train_contrast(made, held, related, settings, 2, changes, 0.05, 3)
        weights = {**made.encoders.state_dict(), **{f"p.{k}": v for k, v in made.projections.state_dict().items()}}
        return loss, {name: value.numpy().tobytes() for name, value in weights.items()}

    first = trained(0.0, 0.0)
    assert math.isfinite(first[0]) and first[0] > 0
    assert trained(1e6, 7.0) == first
    assert trained(math.nan, math.nan) == first
    here["ecg"] = torch.ones(9, dtype=torch.bool)
    assert trained(0.0, 0.0) != first  # a view that is there does matter


def foreign_rows(here):
    count = len(here)
    values = torch.nn.functional.normalize(torch.randn(count, 8, generator=torch.Generator().manual_seed(4)), dim=1)
    return Targets({"ecg": values}, {"ecg": torch.tensor(here)}, {"ecg": -1 - torch.arange(count)})
