"""The engine `ray`: the local engine's figures to the bit, with any number of actors, also when one dies."""

import pytest

from server.report.finish import start_run
from server.report.summary import summarise, summary_without_times
from simulation.bench.rounds.app import app
from simulation.bench.rounds.asked import Asked
from simulation.bench.rounds.server import rounds_over
from simulation.jobs import node_configs, run_on
from simulation.local import LocalGrid
from simulation.ray_engine.actors import Actors
from simulation.ray_engine.grid import RayGrid
from simulation.ray_engine.session import session
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

pytestmark = pytest.mark.slow
ONE_METHOD = ["methods=[fedbind]", "rounds.autoencoder=2", "rounds.self_training=2"]


@pytest.fixture(scope="module", autouse=True)
def ray():
    import ray

    with session(smallest().run, 2):
        yield ray


def told(path, summary):
    weights = {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*.safetensors"))}
    return summary_without_times(summary), weights


def on_ray(experiment, path, count, app="client.app:app", **of_nodes):
    """Every job on so many actors; returns the summary without times, all weights, and the events."""
    folder = start_run(experiment, path)
    actors = Actors(experiment.run, count, 8, app)
    results = []
    try:
        for seed in experiment.seeds:
            for method in experiment.methods:
                configs = [{**each, **of_nodes} for each in node_configs(experiment, seed)]
                grid = RayGrid(actors, configs, {"json": experiment.model_dump_json()})
                results.append(run_on(grid, experiment, method, seed, folder))
    finally:
        actors.close()
    summary = summarise("run", results[0]["data"], list(experiment.seeds), results, list(experiment.methods))
    return *told(path, summary), "".join(file.read_text() for file in path.rglob("metrics.jsonl"))


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    path = tmp_path_factory.mktemp("local") / "run"
    return told(path, whole_run(smallest(*TWO_NODES_A_GROUP, *ONE_METHOD), path)[1])


def test_one_actor_and_two_give_the_local_engines_summary_and_weights_bit_by_bit(tmp_path, local):
    experiment = smallest(*TWO_NODES_A_GROUP, *ONE_METHOD)
    assert any("encoder.ecg" in name for name in local[1])
    for count in (1, 2):
        summary, weights, events = on_ray(experiment, tmp_path / str(count), count)
        assert weights == local[1] and summary == local[0]
        assert "died" not in events


def test_many_nodes_are_added_up_where_they_live_and_few_replies_travel(monkeypatch):
    """48 nodes, six groups of neighbours, three in each of two actors; where their times were uneven one group is split.

    The first messages of a process tell nothing of times: it still reads its libraries.
    """
    gathered = []
    send = RayGrid.send_and_sum

    def kept(self, *given, **named):
        gathered.append(send(self, *given, **named))
        return gathered[-1]

    monkeypatch.setattr(RayGrid, "send_and_sum", kept)
    asked = Asked("mlp", 48, 0, 4, 2)
    actors = Actors(smallest().run, 2, 48, "simulation.bench.rounds.app:app")
    try:
        there, _ = rounds_over(RayGrid(actors, [{}] * 48, {}), asked, 0.0)
    finally:
        actors.close()
    here, _ = rounds_over(LocalGrid(app, [{}] * 48, {}), asked, 0.0)
    assert all(there[name].tobytes() == here[name].tobytes() for name in here)
    whole = [each for each in gathered if len(each.told) == 48]
    assert len(whole) == 4 and sum(len(single) for single in whole[-1].single.values()) <= 8
    assert all(2 <= len(parts) <= 5 for parts in whole[-1].parts.values())


def test_codecs_give_the_local_engines_weights_too(tmp_path):
    coarse = "wire={up: [delta, top_k, int8], down: [delta, int8], embeddings: [int8]}"
    experiment = smallest(*TWO_NODES_A_GROUP, *ONE_METHOD, coarse)
    summary, weights, events = on_ray(experiment, tmp_path / "ray", 2)
    path = tmp_path / "local"
    assert (summary, weights) == told(path, whole_run(experiment, path)[1]) and '"skip"' not in events


def test_an_actor_that_dies_in_a_round_changes_nothing_but_a_note(tmp_path, local):
    """It dies after the node has put its moments of round 2 away: made again with them, the weights would differ."""
    experiment = smallest(*TWO_NODES_A_GROUP, *ONE_METHOD)
    flag = tmp_path / "died"
    summary, weights, events = on_ray(
        experiment, tmp_path / "run", 1, "tests.simulation.dying:app", **{"dies-once": str(flag)}
    )
    assert flag.exists() and "actor 0 died and was started again" in events
    assert weights == local[1] and summary == local[0]


def test_a_node_that_always_ends_its_process_is_left_out_and_the_round_goes_on(tmp_path):
    experiment = smallest(*TWO_NODES_A_GROUP, "methods=[dcm]", "rounds.contrast=1")
    summary, _, events = on_ray(experiment, tmp_path / "run", 2, "tests.simulation.dying:always")
    assert [skip["node"] for skip in summary["nodes"]["skipped"]] == [1]
    assert "node 101 ended its actor 2 times" in events
