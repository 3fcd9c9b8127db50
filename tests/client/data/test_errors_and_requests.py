"""The user's mistakes in what is asked, and how they are told."""

import pickle

import pytest
import torch

from client.data.cards import ModalityCard
from client.data.catalogue import DATASETS, dataset
from client.data.request import checked_modalities, checked_options, checked_subjects, natural
from client.training.views import strength_for
from configs.errors import UserError, unknown_name
from configs.schema import AugmentSettings
from models.augment import augment
from models.encoders import FEATURE, STEPS, build_encoder

UTD = DATASETS["utd_mhad"].card


def test_a_message_has_a_line_for_each_part_that_is_given():
    assert str(UserError("no such folder", "/a", "a folder", "name it")) == (
        "no such folder\n  where: /a\n  expected: a folder\n  to do: name it"
    )
    assert str(UserError("no such folder", todo="name it")) == "no such folder\n  to do: name it"


def test_an_error_survives_pickling_between_processes():
    error = pickle.loads(pickle.dumps(UserError("a", "b", "c", "d")))
    assert (error.what, error.where, error.expected, error.todo) == ("a", "b", "c", "d")


def test_an_unknown_name_suggests_the_nearest_whatever_its_case():
    assert "did you mean 'Gyroscope'?" in str(unknown_name("modality", "gyroscop", ["Gyroscope", "skeleton"]))
    assert "did you mean" not in str(unknown_name("modality", "zzz", ["gyroscope"]))


def test_an_unknown_data_set_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'utd_mhad'"):
        dataset("utd-mhad")


def test_an_unknown_modality_suggests_the_nearest_and_none_at_all_is_refused():
    with pytest.raises(UserError, match="did you mean 'accelerometer'"):
        checked_modalities(UTD, ["acelerometer"])
    with pytest.raises(UserError, match="no modality"):
        checked_modalities(UTD, [])


def test_an_unknown_subject_lists_the_known_and_numbers_are_names():
    with pytest.raises(UserError, match="unknown subject '9'") as raised:
        checked_subjects(UTD, [9], ["1", "2"])
    assert "1, 2" in str(raised.value)
    assert checked_subjects(UTD, [2], ["1", "2"]) == ["2"]


@pytest.mark.parametrize("options", [{"centre": "hip"}, {"center": "knee"}])
def test_unknown_options_and_values_are_refused(options):
    with pytest.raises(UserError, match="unknown"):
        checked_options(UTD, options)


@pytest.mark.parametrize(
    "options", [{"subjects": 0}, {"subjects": "many"}, {"seconds": float("nan")}, {"subjects": 2.5}, {"noise": True}]
)
def test_numbers_out_of_range_and_of_the_wrong_kind_are_refused(options):
    with pytest.raises(UserError):
        checked_options(DATASETS["wearable_sim"].card, options)


def test_natural_order_counts_numbers():
    assert sorted(["S10", "S2", "S1"], key=natural) == ["S1", "S2", "S10"]


@pytest.mark.parametrize("name", [name for name, each in DATASETS.items() if not each.card.simulated])
def test_a_missing_an_empty_and_a_wrong_folder_each_show_the_tree(name, tmp_path):
    source = DATASETS[name]
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "holiday.txt").write_text("sun")
    for root, what in (
        (None, "needs a folder"),
        (tmp_path / "nowhere", "no such folder"),
        (tmp_path / "empty", "the folder is empty"),
        (tmp_path / "wrong", "this is not the folder of"),
    ):
        with pytest.raises(UserError, match=what) as raised:
            source.subjects(root, {})
        assert source.card.tree.splitlines()[0] in str(raised.value)
        assert source.card.published_at in str(raised.value)


def test_every_card_is_whole():
    for name, source in DATASETS.items():
        card = source.card
        assert card.name == name and card.citation and card.terms and len(set(card.classes)) == len(card.classes)
        assert card.described_by_folder == (not card.classes) == (not card.modalities)
        assert source.card_for({}, None) == card
        assert all(each.channels > 0 and each.rate_hz > 0 for each in card.modalities.values())


def test_a_layout_that_does_not_make_the_channels_is_refused():
    with pytest.raises(ValueError, match="does not make 12 channels"):
        ModalityCard("depth", 12, 1.0, "m", (3, 5, 1))


@pytest.mark.parametrize(
    ("name", "modality"), [(name, modality) for name, each in DATASETS.items() for modality in each.card.modalities]
)
def test_every_modality_of_every_data_set_has_its_changes_and_its_encoder(name, modality):
    card = DATASETS[name].card.modalities[modality]
    windows = torch.randn(2, 9, card.channels, generator=torch.Generator().manual_seed(0))
    strength = strength_for(card.kind, AugmentSettings(), card.layout)
    changed = augment(windows, strength, torch.Generator().manual_seed(1))
    assert changed.shape == windows.shape and not torch.equal(changed, windows)
    features = build_encoder(card.kind, card.channels, 9, width=16, layout=card.layout)(changed)
    assert features.shape == (2, STEPS, FEATURE) and torch.isfinite(features).all()
