"""`fedbind retrieve` on a run of the smallest demo: the run's own figures, its recordings, and the user's mistakes."""

import json
import shutil

import numpy as np
import pytest
import yaml

from cli.app import call
from client.data import catalogue
from client.data.holdings import _read_once, holdings_of
from client.data.wearable_sim import WearableSim
from client.resident import forget_holdings
from configs.errors import UserError
from configs.nodes import node_places
from simulation.retrieve import Question, retrieve
from simulation.retrieve_text import lines
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

EXPERIMENT = smallest(*TWO_NODES_A_GROUP, "methods=[lower_bound, fedbind, mpm, upper_bound]")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    path = tmp_path_factory.mktemp("retrieve") / "run"
    return path, whole_run(EXPERIMENT, path)[0]


@pytest.mark.parametrize("method", ["fedbind", "mpm", "upper_bound"])
@pytest.mark.parametrize(("source", "target"), [("ecg", "eda"), ("eda", "ecg")])
def test_the_whole_group_s_figures_are_those_that_the_run_measured(ran, method, source, target):
    """Here without a message, there by every node under handles: the same networks see the same windows."""
    path, results = ran
    found = retrieve(path, Question(method=method, source=source, target=target))
    measured = results[method, 0]["embeddings"]["by_pair"][f"{source}->{target}"]
    for notion in ("same_recording", "same_class"):
        assert vars(getattr(found, notion)) == pytest.approx(measured[notion])


def test_queries_and_answers_are_the_group_s_recordings_the_best_first(ran):
    found = retrieve(ran[0], Question(source="ecg", target="eda", top=24, count=24))
    held = [holdings_of(EXPERIMENT, p, None, 0, None) for p in node_places(EXPERIMENT) if p.group == "test"]
    subject = np.concatenate([h.samples.subject for h in held]).tolist()
    label = [held[0].classes[index] for h in held for index in h.samples.label]
    assert [query.index for query, _ in found.queries] == list(range(24))
    ranks = []
    for query, answers in found.queries:
        assert (query.subject, query.label) == (subject[query.index], label[query.index])
        assert sorted(answer.recording.index for answer in answers) == list(range(24))
        assert [a.similarity for a in answers] == sorted((a.similarity for a in answers), reverse=True)
        same = [at for at, answer in enumerate(answers, start=1) if answer.relation == "same"]
        assert len(same) == 1 and answers[same[0] - 1].recording == query
        ranks.append(same[0])
    assert found.same_recording.mean_average_precision == pytest.approx(np.mean(1 / np.array(ranks)))


def test_another_window_of_the_query_s_recording_is_said_to_be_one(tmp_path):
    windows = ["data.window={kind: sliding, seconds: 4, stride_s: 4}", "methods=[fedbind]"]
    whole_run(smallest(*windows), tmp_path / "run")
    found = retrieve(tmp_path / "run", Question(recording=3, top=99))
    relations = [answer.relation for answer in found.queries[0][1]]
    assert relations.count("same") == 1 and relations.count("window") == 1 and set(relations) > {"other"}
    (near,) = (answer for answer in found.queries[0][1] if answer.relation == "window")
    assert near.recording.index == 2 and "<- another window of it" in "\n".join(lines(found))


def test_other_groups_and_the_first_sensors_where_none_is_named(ran):
    found = retrieve(ran[0], Question(group="a"))
    assert (found.method, found.seed, found.source, found.target, len(found.queries)) == ("fedbind", 0, "acc", "ecg", 3)
    assert retrieve(ran[0], Question(group="a", method="upper_bound", target="acc", source="eda")).same_recording
    tuning = retrieve(ran[0], Question(group="finetune", count=24))
    assert None in {query.label for query, _ in tuning.queries}  # labels_per_class hides some, here as on the nodes
    assert "no class" in "\n".join(lines(tuning))


def test_the_command_prints_queries_with_answers_or_one_json_object(ran, capsys):
    path = str(ran[0])
    assert call(["retrieve", path, "--from", "eda", "--to", "ecg", "--recording", "4", "--top", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "SIMULATED data (wearable_sim), fedbind seed 0, group test: from eda to ecg\n\nrecording 4: subject "
    )
    assert out.count("\n    1  ") == 1 and "    2  " in out and "    3  " not in out
    assert "same recording, 24 queries among 24: recall@1 " in out and "same class, 24 queries" in out
    assert call(["retrieve", path, "--count", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["queries"]) == 2 and len(told["queries"][0]["found"]) == 5
    assert told["same_recording"]["mean_average_precision"] > 0 and told["data"]["simulated"] is True


MISTAKES = {
    "no run": (["retrieve", "{empty}"], "No run lies here"),
    "no projection": (["retrieve", "{run}", "--method", "lower_bound"], "lower_bound left no embeddings"),
    "not in the run": (["retrieve", "{run}", "--method", "dcm"], "unknown method 'dcm'"),
    "no such seed": (["retrieve", "{run}", "--seed", "7"], "unknown seed '7'"),
    "no such group": (["retrieve", "{run}", "--group", "tset"], "did you mean 'test'?"),
    "modality elsewhere": (["retrieve", "{run}", "--from", "acc"], "one of ecg, eda"),
    "modality nowhere": (["retrieve", "{run}", "--to", "smell"], "unknown modality 'smell'"),
    "one sensor twice": (["retrieve", "{run}", "--from", "ecg", "--to", "ecg"], "two of ecg, eda"),
    "out of range": (["retrieve", "{run}", "--recording", "24"], "a number from 0 to 23"),
    "another setting": (["retrieve", "{run}", "rounds.contrast=3"], "data.root=FOLDER, or further_data"),
    "not finished": (["retrieve", "{begun}"], "no job of this run has finished"),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_of_the_user_ends_with_2_and_one_message(ran, tmp_path, capsys, arguments, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "begun" / "jobs" / "fedbind-seed0").mkdir(parents=True)
    shutil.copy(ran[0] / "config.yaml", tmp_path / "begun")
    named = {"{run}": str(ran[0]), "{empty}": str(tmp_path / "empty"), "{begun}": str(tmp_path / "begun")}
    assert call([named.get(each, each) for each in arguments]) == 2
    out, err = capsys.readouterr()
    assert not out and said in err and err.startswith("error: ") and "Traceback" not in err


class Rooted(WearableSim):
    """The simulation, as if it lay in a folder."""

    def load(self, root, **options):
        if root is None or not root.is_dir():
            raise UserError("no such folder", where=str(root))
        return super().load(root, **options)


def test_recordings_that_were_moved_are_found_where_the_user_says(tmp_path, monkeypatch):
    monkeypatch.setitem(catalogue.DATASETS, "wearable_sim", Rooted())
    _read_once.cache_clear()
    (tmp_path / "here").mkdir()
    whole_run(smallest("methods=[fedbind]", f"data.root={tmp_path}/here"), tmp_path / "run")
    before = retrieve(tmp_path / "run", Question())
    (tmp_path / "here").rename(tmp_path / "there")
    _read_once.cache_clear()
    forget_holdings()
    with pytest.raises(UserError, match="no such folder"):
        retrieve(tmp_path / "run", Question())
    assert retrieve(tmp_path / "run", Question(), [f"data.root={tmp_path}/there"]) == before
    _read_once.cache_clear()
    forget_holdings()


def test_real_recordings_whose_folder_the_run_withholds_are_asked_for(ran, tmp_path):
    config = yaml.safe_load((ran[0] / "config.yaml").read_text())
    config["data"] |= {"name": "utd_mhad", "options": {}, "modalities": {"gyroscope": {}, "skeleton": {}}}
    config["groups"] = {g: {"modalities": ["gyroscope", "skeleton"]} for g in config["groups"]}
    config |= {"bind": {"by": "label"}, "methods": ["fedbind"]}
    shutil.copytree(ran[0], tmp_path / "run")
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match="read from a folder, and none is named"):
        retrieve(tmp_path / "run", Question())
