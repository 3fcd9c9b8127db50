"""Fine-tuning on toy windows: pieces that go on bit by bit, probe epochs, folds, averaged weights."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from client.training.finetune import (
    Labelled,
    _added,
    _auxiliary,
    begin_from_prototypes,
    count_correct,
    folds,
    kept_blocks,
    left_over,
    new_tuning,
    stacked,
    tune_epoch,
)
from client.training.local_part import LocalCorrection
from client.training.views import View
from configs.schema import FineTuneSettings
from models.encoders import FEATURE, STEPS, build_encoder
from models.fusion import FusionClassifier, nearest_prototype
from models.projection import Projection

FRAMES = 16


def labelled(count=12, seed=0):
    """Two classes: a slow wave and its negative, in two sensors, a fifth of one sensor's windows absent."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(count) % 2
    wave = torch.sin(torch.linspace(0, 6.28, FRAMES))[None, :, None] * (1 - 2 * label)[:, None, None]
    views = {}
    for name, channels in (("gyroscope", 3), ("ecg", 1)):
        raw = wave.expand(-1, -1, channels) + 0.1 * torch.randn(count, FRAMES, channels, generator=generator)
        present = torch.ones(count, dtype=torch.bool) if name == "gyroscope" else torch.arange(count) % 5 != 4
        views[name] = View(raw, torch.zeros(count, 1, channels), torch.ones(count, 1, channels), present)
    return Labelled(views, label)


def tuning(settings, seed=0, slow_share=0.2, fresh=()):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoders = nn.ModuleDict({
            "gyroscope": build_encoder("inertial", 3, FRAMES, 8),
            "ecg": build_encoder("physiological", 1, FRAMES, 8),
        })  # fmt: skip
        projections = {name: Projection(STEPS, FEATURE, 8, 8) for name in encoders}
        head = FusionClassifier(["gyroscope", "ecg"], STEPS, FEATURE, 2, projections, dropout=0.2)
    return new_tuning(encoders, head, settings, slow_share, fresh)


def jittered(views, generator):
    return {m: view.clean() + 0.1 * torch.randn(view.raw.shape, generator=generator) for m, view in views.items()}


def run(made, settings, epochs, data=None):
    return [tune_epoch(made, data or labelled(), settings, 7, jittered) for _ in range(epochs)]


def bits(made):
    state = {**made.named_state(), **{f"average.{k}": v for k, v in (made.average or {}).items()}}
    return {name: value.numpy().tobytes() for name, value in state.items()}


SETTINGS = FineTuneSettings(batch=5, probe_epochs=1, averaging=0.5, decay_epochs=4)


@pytest.mark.parametrize("averaging", [0.0, 0.5])
@pytest.mark.parametrize("stop", [1, 2, 3])
def test_four_epochs_equal_some_then_saved_and_taken_up_elsewhere_bit_by_bit(stop, averaging):
    settings = SETTINGS.model_copy(update={"averaging": averaging})
    straight = tuning(settings)
    losses = run(straight, settings, 4)
    first = tuning(settings)
    before = run(first, settings, stop)
    torch.rand(5)  # what else the process drew has no influence
    second = tuning(settings, seed=99)  # a fresh process, other beginnings
    second.restore(first.to_bytes())
    assert before + run(second, settings, 4 - stop) == losses
    assert bits(second) == bits(straight) and second.epoch == straight.epoch == 4
    ours, theirs = kept_blocks(second), kept_blocks(straight)
    assert all(np.array_equal(ours[name][key], theirs[name][key]) for name in ours for key in ours[name])


def test_training_leaves_torch_s_own_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    run(tuning(SETTINGS), SETTINGS, 1)
    assert torch.rand(1) == expected


def test_another_seed_trains_otherwise_and_the_same_alike():
    one, other = tuning(SETTINGS), tuning(SETTINGS)
    run(one, SETTINGS, 2)
    run(other, SETTINGS, 2)
    assert bits(one) == bits(other)
    third = tuning(SETTINGS)
    for _ in range(2):
        tune_epoch(third, labelled(), SETTINGS, 8, jittered)
    assert bits(third) != bits(one)


def taught(made):
    """What pre-training taught: the encoders, and the head's projections."""
    return {
        name: value.clone()
        for name, value in made.named_state().items()
        if name.startswith("encoders.") or ".projection." in name
    }


def moved(made, before):
    return any(not torch.equal(value, before[name]) for name, value in taught(made).items())


def test_in_probe_epochs_the_rest_of_the_head_learns_alone():
    settings = SETTINGS.model_copy(update={"probe_epochs": 2, "weight_decay": 0.1})
    made = tuning(settings)
    before = taught(made)
    fresh = {name: value.clone() for name, value in made.named_state().items() if name not in before}
    run(made, settings, 2)
    assert not moved(made, before)  # not by weight decay either
    after = made.named_state()
    assert all(not torch.equal(after[name], value) for name, value in fresh.items())
    run(made, settings, 1)
    assert moved(made, before)


def test_every_parameter_is_in_one_group_and_what_was_taught_in_the_slow_one():
    made = tuning(SETTINGS, slow_share=0.25)
    fast, slow = made.optimiser.param_groups
    assert (fast["share"], slow["share"]) == (1.0, 0.25)
    named = {**dict(made.encoders.named_parameters()), **dict(made.head.named_parameters())}
    everything = [*made.encoders.parameters(), *made.head.parameters()]
    assert sorted(map(id, [*fast["params"], *slow["params"]])) == sorted(map(id, everything))
    of_fast = {name.split(".")[2] for name, p in named.items() if name.startswith("blocks.") and contains(fast, p)}
    assert of_fast == {"hidden", "prototypes"}
    assert all(contains(slow, p) for p in made.encoders.parameters())


def test_a_modality_that_pre_training_did_not_know_learns_at_the_full_rate():
    made = tuning(SETTINGS, slow_share=0.25, fresh=["ecg"])
    fast, slow = made.optimiser.param_groups
    everything = [*made.encoders.parameters(), *made.head.parameters()]
    assert sorted(map(id, [*fast["params"], *slow["params"]])) == sorted(map(id, everything))
    for modality, group in (("ecg", fast), ("gyroscope", slow)):
        ours = [*made.encoders[modality].parameters(), *made.head.block(modality).projection.parameters()]
        assert ours and all(contains(group, p) for p in ours)


def contains(group, parameter):
    return any(parameter is each for each in group["params"])


def test_a_share_of_zero_freezes_what_was_taught_for_good():
    settings = SETTINGS.model_copy(update={"probe_epochs": 0})
    made = tuning(settings, slow_share=0.0)
    before = taught(made)
    run(made, settings, 2)
    assert not moved(made, before)


def test_what_was_taught_learns_at_its_share_of_the_rate_that_falls_along_half_a_cosine():
    settings = SETTINGS.model_copy(update={"rate": 0.01, "final_rate_share": 0.1, "decay_epochs": 2, "probe_epochs": 0})
    made, rates = tuning(settings, slow_share=0.2), []
    for _ in range(4):
        run(made, settings, 1)
        rates.append([group["lr"] for group in made.optimiser.param_groups])
    assert np.allclose(rates, [[0.01, 0.002], [0.0055, 0.0011], [0.001, 0.0002], [0.001, 0.0002]])


def test_the_head_begins_as_the_nearest_prototype_of_the_labelled_samples_that_are_there():
    made, data = tuning(SETTINGS), labelled()
    begin_from_prototypes(made, data)
    with torch.no_grad():
        embedded = {m: made.head.block(m).projection(made.encoders[m](w)) for m, w in data.clean().items()}
        for name, rows in embedded.items():
            for value in (0, 1):
                mine = (data.label == value) & data.present[name]
                assert torch.allclose(made.head.block(name).prototypes[value], rows[mine].mean(0), atol=1e-6)
        windows = labelled(12, seed=1).clean()["gyroscope"]
        query = made.head.block("gyroscope").projection(made.encoders["gyroscope"](windows))
        expected = nearest_prototype(embedded["gyroscope"], data.label, query)
        assert torch.equal(made.logits({"gyroscope": windows}, {}).argmax(1), expected)


def test_the_loss_falls_and_the_toy_is_learnt():
    settings = SETTINGS.model_copy(update={"rate": 5e-3, "averaging": 0.0, "decay_epochs": 100})
    made = tuning(settings)
    losses = run(made, settings, 8)
    assert losses[-1] < 0.7 * losses[0]
    assert count_correct(made, labelled(12, seed=1)) == 12


def test_augmentation_is_left_out_where_it_is_switched_off():
    def forbidden(views, generator):
        raise AssertionError("augmented")

    settings = SETTINGS.model_copy(update={"augment": False})
    tune_epoch(tuning(settings), labelled(), settings, 0, forbidden)
    with pytest.raises(AssertionError, match="augmented"):
        tune_epoch(tuning(SETTINGS), labelled(), SETTINGS, 0, forbidden)


# --- modality drop ----------------------------------------------------------------------------------------------------


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_share_that_is_masked_is_the_probability_but_for_the_last_ones():
    """Two sensors, each masked at 0.3: both would go in 0.09, where one stays. So 0.255 of each is masked."""
    many = torch.ones(40_000, dtype=torch.bool)
    kept = left_over({"a": many, "b": many}, 0.3, generator())
    for name in "ab":
        assert float(kept[name].float().mean()) == pytest.approx(1 - 0.255, abs=0.01)
    assert (kept["a"] | kept["b"]).all()
    alone = left_over({"a": many}, 0.9, generator())
    assert alone["a"].all()


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=8),
    st.floats(0, 0.99),
    st.integers(0, 99),
)
def test_nothing_absent_appears_and_no_sample_loses_its_last(held, drop, seed):
    present = dict(zip("abc", torch.tensor(held).unbind(dim=1), strict=True))
    kept = left_over(present, drop, generator(seed))
    assert all(not (kept[name] & ~present[name]).any() for name in "abc")
    before, after = (torch.stack([each[name] for name in "abc"]).any(dim=0) for each in (present, kept))
    assert torch.equal(before, after)
    if drop == 0:
        assert all(torch.equal(kept[name], present[name]) for name in "abc")


def test_what_is_masked_changes_neither_the_order_nor_the_augmentation():
    seen = {}

    def watched(views, generator):
        windows = jittered(views, generator)
        seen.setdefault(drop, []).append(windows)
        return windows

    losses = {}
    for drop in (0.0, 0.6):
        settings = SETTINGS.model_copy(update={"modality_drop": drop})
        made = tuning(settings)
        losses[drop] = [tune_epoch(made, labelled(), settings, 7, watched) for _ in range(2)]
    assert len(seen[0.0]) == len(seen[0.6])
    for one, other in zip(seen[0.0], seen[0.6], strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert losses[0.0] != losses[0.6]
    assert losses[0.0] == run(tuning(SETTINGS), SETTINGS, 2)


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_what_is_kept_is_the_average_and_training_goes_on_from_the_live_weights():
    made = tuning(SETTINGS)
    run(made, SETTINGS, 2)
    live = bits(made)
    blocks = kept_blocks(made)
    name = "encoder.gyroscope"
    assert set(blocks) == {"encoder.gyroscope", "encoder.ecg", "head.gyroscope", "head.ecg", "head.fusion"}
    for key, value in blocks[name].items():
        assert np.array_equal(value, made.average[f"encoders.gyroscope.{key}"].numpy())
    assert not np.array_equal(blocks[name]["mix.weight"], made.encoders["gyroscope"].mix.weight.detach().numpy())
    count_correct(made, labelled())
    assert bits(made) == live


def test_blocks_of_epochs_are_stacked():
    history = [{"head.fusion": {"w": np.full(3, float(epoch))}} for epoch in (1, 2)]
    assert stacked(history)["head.fusion"]["w"].tolist() == [[1, 1, 1], [2, 2, 2]]
    assert stacked([]) == {}


# --- folds ------------------------------------------------------------------------------------------------------------


def test_whole_subjects_are_left_out_where_there_are_enough():
    subject = np.array(["s5", "s6", "s5", "s7", "s6", "s7"])
    assert folds(np.zeros(6, int), subject, 2, 0).tolist() == [0, 1, 0, 0, 1, 0]
    assert folds(np.zeros(6, int), subject, 3, 0).tolist() == [0, 1, 0, 2, 1, 2]


def test_with_too_few_subjects_every_class_is_spread_evenly():
    label = np.array([0] * 6 + [1] * 4)
    fold = folds(label, np.array(["s5"] * 10), 2, 3)
    assert np.bincount(fold[label == 0]).tolist() == [3, 3] and np.bincount(fold[label == 1]).tolist() == [2, 2]
    assert fold.tolist() == folds(label, np.array(["s5"] * 10), 2, 3).tolist()


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcde")), min_size=1, max_size=40),
    st.integers(2, 4),
    st.integers(0, 9),
)
def test_every_sample_is_left_out_exactly_once(samples, count, seed):
    label, subject = np.array([each[0] for each in samples]), np.array([each[1] for each in samples])
    fold = folds(label, subject, count, seed)
    assert fold.shape == label.shape and ((fold >= 0) & (fold < count)).all()
    if len(set(subject)) >= count:
        assert set(fold.tolist()) == set(range(count))
        assert all(len(set(fold[subject == each].tolist())) == 1 for each in set(subject))
    else:
        for value in set(label.tolist()):
            sizes = np.bincount(fold[label == value], minlength=count)
            assert sizes.max() - sizes.min() <= 1


def told(weight=None):
    """Two samples of classes 0 and 1, and logits of both parts."""
    batch = Labelled({}, torch.tensor([0, 1]), weight)
    return (torch.zeros(2, 2), torch.tensor([[math.log(3.0), 0.0], [math.log(7.0), 0.0]])), batch


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (None, math.log(2) + (math.log(4 / 3) + math.log(8)) / 2),
        (torch.tensor([3.0, 1.0]), math.log(2) + (3 * math.log(4 / 3) + math.log(8)) / 4),
    ],
)
def test_the_auxiliary_loss_is_that_of_each_part_by_itself(weight, expected):
    settings = FineTuneSettings(auxiliary=0.5, label_smoothing=0.0)
    parts, batch = told(weight)
    head = tuning(settings).head
    assert float(_auxiliary(head, parts, batch, settings)) == pytest.approx(0.5 * expected)
    for takes in ("bound", "latents"):
        head.takes = takes
        assert _auxiliary(head, parts, batch, settings) is None
    head.takes = "both"
    assert _auxiliary(head, parts, batch, FineTuneSettings()) is None


def test_with_an_auxiliary_loss_the_hidden_layer_learns_what_the_cosine_knows_already():
    data, losses = labelled(40), {}
    for weight in (0.0, 1.0):
        settings = FineTuneSettings(batch=8, rate=0.01, auxiliary=weight, averaging=0.0)
        made = tuning(settings)
        begin_from_prototypes(made, data)
        run(made, settings, 12, data)
        made.encoders.eval()
        made.head.eval()
        with torch.no_grad():
            _, second = made.head.parts({m: made.encoders[m](w) for m, w in data.clean().items()}, data.present)
        losses[weight] = float(F.cross_entropy(second, data.label))
    assert losses[1.0] < 0.8 * losses[0.0]


def test_the_correction_s_term_is_added_to_the_auxiliary_one():
    one, two = torch.tensor(1.0), torch.tensor(2.0)
    assert _added(None, None) is None
    assert float(_added(one, None)) == 1 and float(_added(None, two)) == 2 and float(_added(one, two)) == 3


class Silent(LocalCorrection):
    """Looks at every batch, and adds nothing, or as much as it is told."""

    looks = True

    def __init__(self, model, term):
        super().__init__(model, {}, {})
        self.term = term

    def further_loss(self, batch):
        return self.term


@pytest.mark.parametrize("term", [None, torch.zeros(())])
def test_a_correction_without_a_term_takes_nothing_from_the_auxiliary_loss(term):
    settings = SETTINGS.model_copy(update={"auxiliary": 1.0})
    alone, beside, without = tuning(settings), tuning(settings), tuning(SETTINGS)
    run(alone, settings, 2)
    run(without, SETTINGS, 2)
    for _ in range(2):
        tune_epoch(beside, labelled(), settings, 7, jittered, Silent(beside, term))
    assert bits(beside) == bits(alone) != bits(without)
