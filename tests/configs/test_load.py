"""From a file, overrides or a node's run configuration to one checked experiment; every fault shown, with its key."""

import json
import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from configs.errors import UserError, unknown_name
from configs.load import SHIPPED, check, dump, find, from_run_config, load

SHIPPED_FILES = sorted(SHIPPED.glob("*.yaml"))


@pytest.fixture
def file(tree, tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def refusal(*arguments):
    with pytest.raises(UserError) as caught:
        load(*arguments) if isinstance(arguments[0], str | Path) else check(*arguments)
    return str(caught.value)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED_FILES, ids=lambda path: path.stem)
def test_every_shipped_file_loads_and_comes_back_equal(path):
    experiment = load(path)
    assert experiment.incomplete_groups
    assert check(yaml.safe_load(dump(experiment))) == experiment


def test_at_least_one_file_is_shipped_and_is_found_by_its_bare_name():
    assert SHIPPED_FILES
    stem = SHIPPED_FILES[0].stem
    assert find(stem) == SHIPPED_FILES[0] == find(f"somewhere/else/{stem}.yaml")


def test_a_file_of_ones_own_goes_before_a_shipped_one_of_its_name(tree, tmp_path, monkeypatch):
    name = SHIPPED_FILES[0].name
    (tmp_path / name).write_text(yaml.safe_dump(tree))
    monkeypatch.chdir(tmp_path)
    assert load(name).name == "small"


def test_a_missing_file_names_the_nearest_shipped_one():
    stem = SHIPPED_FILES[0].stem
    text = refusal(f"{stem[:-1]}.yaml")
    assert "no such configuration file" in text and f"did you mean {stem}?" in text


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "a: [1, 2", "\x00\x01"])
def test_what_is_not_a_mapping_in_yaml_is_refused_with_the_file(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    assert str(path) in refusal(path)


def test_bytes_that_are_no_text_are_refused_with_the_file(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_bytes(b"\xff\xfe\xff name: x")
    assert str(path) in refusal(path)


# --- overrides --------------------------------------------------------------------------------------------------------


def test_overrides_are_read_as_yaml_at_any_depth(file):
    experiment = load(
        file,
        [
            "split.a=[7,x9]",
            "rounds.contrast=3",
            "contrast.temperature=0.5",
            "contrast.augment=false",
            "groups.a.labels_per_class=2",
            "data.modalities.gyroscope.frames=24",
            "data.options.place=wrist",
            "data.root=/some/where",
            "name=other",
        ],
    )
    assert experiment.split["a"] == ["7", "x9"]
    assert experiment.rounds.contrast == 3
    assert experiment.contrast.temperature == 0.5 and experiment.contrast.augment is False
    assert experiment.groups["a"].labels_per_class == 2
    assert experiment.data.modalities["gyroscope"].frames == 24
    assert experiment.data.options == {"place": "wrist"}
    assert experiment.data.root == "/some/where"
    assert experiment.name == "other"


def test_the_last_of_two_overrides_holds(file):
    assert load(file, ["rounds.contrast=3", "rounds.contrast=4"]).rounds.contrast == 4


def test_one_word_stands_for_a_list_of_one(file):
    experiment = load(file, ["methods=fedbind", "seeds=7", "split.test=9"])
    assert experiment.methods == ["fedbind"] and experiment.seeds == [7] and experiment.split["test"] == ["9"]


def test_an_override_may_bring_a_whole_new_group(file):
    experiment = load(file, ["split.c=[9]", "groups.c={modalities: [accelerometer]}"])
    assert experiment.incomplete_groups == ["a", "b", "c"]
    assert experiment.groups["c"].nodes == 1


def test_an_override_of_a_key_that_is_not_there_yet_makes_its_section(file):
    assert load(file, ["gaps.rate=0.25"]).gaps.rate == 0.25


@pytest.mark.parametrize("override", ["rounds.contrast", "=3", "rounds..contrast=3", "rounds.=3", ".x=1"])
def test_an_override_out_of_form_is_refused_and_quoted(file, override):
    text = refusal(file, [override])
    assert "key.path=value" in text and override in text


def test_an_override_whose_value_is_not_yaml_is_refused_and_quoted(file):
    assert "split.a=[1" in refusal(file, ["split.a=[1"])


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "path", "nearest"),
    [
        ("round.contrast=3", "round", "rounds"),
        ("rounds.contrst=3", "rounds.contrst", "contrast"),
        ("groups.a.modality=[gyroscope]", "groups.a.modality", "modalities"),
        ("data.window.stride=1", "data.window.stride", "stride_s"),
        ("data.modalities.gyroscope.frame=24", "data.modalities.gyroscope.frame", "frames"),
        ("finetune.encoder_rate=1", "finetune.encoder_rate", "encoder_rate_share"),
    ],
)
def test_an_unknown_key_is_told_with_its_path_and_the_nearest_known_one(file, override, path, nearest):
    assert f"{path}: unknown key; did you mean {nearest}?" in refusal(file, [override])


def test_an_unknown_key_like_none_there_is_told_with_all_that_are(file):
    assert "partition.zzz: unknown key; known here: alpha, kind" in refusal(file, ["partition.zzz=3"])


def test_several_faults_are_shown_together_with_path_value_and_what_is_allowed(file):
    text = refusal(file, ["rounds.contrast=-1", "contrast.form=moco", "bind.wheights=log", "data.root=[1]"])
    assert text.startswith("4 faults in the configuration")
    for part in ("rounds.contrast: -1", "greater than or equal to 0", "contrast.form: 'moco'", "'mmbind' or 'supcon'",
                 "bind.wheights: unknown key; did you mean weights?", "data.root"):  # fmt: skip
        assert part in text


def test_faults_between_sections_are_shown_beside_faults_of_single_fields(tree):
    tree["rounds"] = {"finetune": 7, "contrst": 1}
    tree["split"]["b"] = [2, 4]
    text = refusal(tree)
    assert text.startswith("3 faults")
    assert "rounds.contrst: unknown key" in text
    assert "subject 2 is already in split.a" in text
    assert "rounds.finetune: 7 must divide epochs.finetune = 200" in text


def test_what_is_missing_is_named(tree):
    del tree["data"]["name"], tree["seeds"]
    text = refusal(tree)
    assert "data.name: missing" in text and "seeds: missing" in text


def test_subjects_never_mix_between_parts(tree):
    tree["split"]["test"] = [6, "1"]
    assert "split.test: subject 1 is already in split.a" in refusal(tree)


def test_a_modality_of_a_group_must_be_among_the_data_s(tree):
    tree["groups"]["a"]["modalities"] = ["accelerometer", "gyro"]
    assert "groups.a.modalities: 'gyro' is not in data.modalities (accelerometer, gyroscope, skeleton)" in refusal(tree)


def test_binding_by_what_a_group_lacks_names_the_group_and_what_all_share(tree):
    text = refusal({**tree, "bind": {"by": "gyroscope"}})
    assert "bind.by: 'gyroscope' is not held by group b (it has accelerometer, skeleton)" in text
    assert "all groups share: accelerometer" in text


def test_groups_that_share_nothing_are_pointed_to_the_label(tree):
    tree["groups"]["a"]["modalities"] = ["gyroscope"]
    assert "bind.by=label needs none" in refusal(tree)
    assert check({**tree, "bind": {"by": "label"}}).bind.by == "label"


def test_what_is_bound_does_not_matter_where_nothing_is_bound(tree):
    assert check({**tree, "methods": ["lower_bound"], "bind": {"by": "gyroscope"}}).methods == ["lower_bound"]


def test_fine_tuning_epochs_are_handed_out_in_equal_messages(tree):
    text = refusal({**tree, "rounds": {"finetune": 3}, "epochs": {"finetune": 10}})
    assert "rounds.finetune: 3 must divide epochs.finetune = 10" in text
    assert check({**tree, "rounds": {"finetune": 5}, "epochs": {"finetune": 10}}).rounds.finetune == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t["split"].pop("test"), "split.test: missing"),
        (lambda t: t["groups"].pop("finetune"), "groups.finetune: missing"),
        (lambda t: t["split"].pop("b"), "groups.b: has no split.b"),
        (lambda t: t["groups"].pop("b"), "split.b: has no groups.b"),
        (lambda t: t["split"].update(a=[]), "split.a: empty"),
        (lambda t: t["groups"]["test"].update(modalities=["accelerometer"]), "none is among groups.finetune.modalities"),
        (lambda t: (t["groups"].pop("a"), t["groups"].pop("b"), t["split"].pop("a"), t["split"].pop("b")),
         "no group besides finetune and test"),
        (lambda t: t.update(seeds=[1, 1]), "seeds: at least one, each named once"),
        (lambda t: t.update(seeds=[]), "seeds: at least one, each named once"),
        (lambda t: t.update(methods=["fedbind", "fedbind"]), "methods: at least one, each named once"),
        (lambda t: t["groups"]["a"].update(modalities=[]), "at least one modality"),
        (lambda t: t["groups"]["a"].update(modalities=["gyroscope", "gyroscope"]), "each named once"),
        (lambda t: t["groups"]["a"].update(nodes=0), "groups.a.nodes: 0"),
        (lambda t: t.update(models={"width": 12}), "models.width: 12"),
        (lambda t: t.update(gaps={"rate": 1.0}), "gaps.rate: 1.0"),
        (lambda t: t.update(privacy={"clip_norm": float("nan")}), "privacy.clip_norm: nan"),
        (lambda t: t.update(contrast={"temperature": float("inf")}), "contrast.temperature: inf"),
        (lambda t: t.update(name="../elsewhere"), "name: '../elsewhere'"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_where_it_stands(tree, change, said):
    change(tree)
    assert said in refusal(tree)


# --- there and back ---------------------------------------------------------------------------------------------------

WORD = st.text(string.ascii_letters + string.digits + "é:#' ", min_size=1, max_size=8)


@given(
    rate=st.floats(0.0, 0.99),
    temperature=st.floats(1e-6, 1e6),
    seeds=st.lists(st.integers(0, 2**53), min_size=1, max_size=4, unique=True),
    subjects=st.lists(WORD, min_size=1, max_size=4, unique=True),
    root=st.none() | WORD,
    labels=st.none() | st.integers(1, 10**6),
    options=st.dictionaries(WORD, st.booleans() | st.integers() | WORD, max_size=3),
    weights=st.sampled_from(["normalized", "cosine", "log", "none"]),
)
def test_what_is_dumped_loads_as_the_same(rate, temperature, seeds, subjects, root, labels, options, weights):
    from_file = check(yaml.safe_load(SMALL))
    tree = from_file.model_dump(mode="json")
    tree["split"]["a"] = [f"a {each}" for each in subjects]
    tree |= {
        "seeds": seeds,
        "gaps": {"rate": rate},
        "contrast": {"temperature": temperature},
        "bind": {"weights": weights},
    }
    tree["data"] |= {"root": root, "options": options}
    tree["groups"]["finetune"]["labels_per_class"] = labels
    experiment = check(tree)
    assert check(yaml.safe_load(dump(experiment))) == experiment
    assert from_run_config({"json": experiment.model_dump_json()}) == experiment
    assert (experiment.gaps.rate, experiment.contrast.temperature, experiment.seeds) == (rate, temperature, seeds)


SMALL = """
name: small
seeds: [0]
methods: [fedbind]
data: {name: utd_mhad, modalities: {accelerometer: {}, gyroscope: {}, skeleton: {}}}
split: {a: [1], b: [3], finetune: [5], test: [6]}
groups:
  a: {modalities: [accelerometer, gyroscope]}
  b: {modalities: [accelerometer, skeleton]}
  finetune: {modalities: [gyroscope, skeleton]}
  test: {modalities: [gyroscope]}
"""


# --- a node's run configuration ---------------------------------------------------------------------------------------


def test_a_run_configuration_names_a_file_and_overrides(file):
    experiment = from_run_config({"config": str(file), "set": "rounds.contrast=3 split.a=[8,9]"})
    assert experiment == load(file, ["rounds.contrast=3", "split.a=[8,9]"])


def test_a_resolved_experiment_in_a_run_configuration_stands_before_the_file(tree):
    text = check(tree).model_dump_json()
    assert from_run_config({"json": text, "config": "no such file", "set": "no=override"}) == check(tree)


def test_a_run_configuration_with_faults_is_the_user_s_mistake(tree):
    with pytest.raises(UserError, match=r"rounds.contrast: -1"):
        from_run_config({"json": json.dumps({**tree, "rounds": {"contrast": -1}})})
    with pytest.raises(UserError, match="JSON"):
        from_run_config({"json": "{half"})


# --- the value --------------------------------------------------------------------------------------------------------


def test_an_experiment_cannot_be_changed(tree):
    experiment = check(tree)
    with pytest.raises(ValidationError, match="frozen"):
        experiment.name = "other"
    with pytest.raises(ValidationError, match="frozen"):
        experiment.rounds.contrast = 3
    with pytest.raises(ValidationError, match="frozen"):
        experiment.groups["a"].nodes = 9


def test_an_error_tells_what_where_expected_and_what_to_do_and_survives_pickling():
    import pickle

    error = UserError("it broke", where="here", expected="otherwise", todo="mend it")
    assert str(error).splitlines() == ["it broke", "  where: here", "  expected: otherwise", "  to do: mend it"]
    assert str(UserError("it broke")) == "it broke"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_an_unknown_name_suggests_the_nearest_whatever_its_case():
    assert "did you mean 'WESAD'?" in str(unknown_name("data set", "wesat", ["WESAD", "MotionSense"]))
    far = str(unknown_name("data set", "qqqq", ["WESAD"]))
    assert "one of WESAD" in far and "did you mean" not in far


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("groups.a.nodes=1000000000", "groups.a.nodes"), ("data.modalities.acc.frames=1000000000", "frames"),
        ("models.width=8000000", "models.width"), ("name=" + "x" * 5000, "name"),
        ("data.modalities={a/b: {}}", "data.modalities.a/b: a modality's name"),
        ("data.modalities={a.b: {}}", "data.modalities.a.b: a modality's name"),
        ("data.modalities={a+b: {}}", "data.modalities.a+b: a modality's name"),
        ("groups={../a: {modalities: [acc]}}", "groups.../a: a group's name"),
    ],
)  # fmt: skip
def test_what_would_take_all_memory_or_name_no_file_is_refused_before_anything_is_read(override, key):
    with pytest.raises(UserError) as error:
        load("demo", [override])
    assert key in str(error.value) and len(str(error.value)) < 3000


def test_names_in_other_scripts_are_names():
    from configs.fit_data import _is_name

    assert (
        all(_is_name(name) for name in ("μ_1", "加速度", "a-b", "Größe")) and not _is_name("a b") and not _is_name("")
    )


@pytest.mark.parametrize("how", ["on", "off", "auto"])
def test_a_switch_may_be_written_bare(how):
    assert load("demo", [f"run.batched_nodes={how}"]).run.batched_nodes == how


def test_self_training_with_nobody_who_could_learn_from_it_is_refused():
    with pytest.raises(UserError) as error:
        load("demo", ["rounds.self_training=2", "groups.a.modalities=[acc]", "groups.b.modalities=[acc]"])
    assert "rounds.self_training: no incomplete group holds a modality that is fine-tuned" in str(error.value)


def learning(experiment):
    tuned = experiment.finetune
    return experiment.autoencoder.rate, experiment.contrast.rate, tuned.rate, tuned.auxiliary


def test_adapters_learn_at_their_own_rates_where_none_is_named():
    assert learning(load("demo")) == (0.002, 0.001, 0.001, 0.0)
    unified = load("demo", ["models.encoder=unified"])
    assert learning(unified) == (0.003, 0.003, 0.003, 1.0)
    named = ["models.encoder=unified", "contrast.rate=0.002", "finetune.auxiliary=0", "finetune.batch=8"]
    assert learning(load("demo", named)) == (0.003, 0.002, 0.003, 0.0)
    assert (
        check(yaml.safe_load(dump(unified))) == unified == type(unified).model_validate_json(unified.model_dump_json())
    )
    assert unified.finetune.batch == load("demo").finetune.batch
    stored = unified.model_dump(mode="json")
    del stored["finetune"]["auxiliary"], stored["contrast"]["rate"]  # as a run wrote it before there was such a key
    assert learning(check(stored)) == (0.003, 0.001, 0.003, 0.0)


@pytest.mark.parametrize("override", ["finetune=3", "finetune=[1]", "contrast={rate: fast}"])
def test_a_fault_beside_the_adapters_rates_is_told_as_ever(override):
    key = override.partition("=")[0]
    assert key in refusal("demo", ["models.encoder=unified", override])
