"""The user's mistakes about groups, subjects and labels end with one helpful message, before or early in a run."""

from dataclasses import replace

import pytest
from flwr.app import Message

from configs.errors import UserError
from protocol.payload import Payload
from server.progress import ProgressView
from simulation.jobs import run_local
from tests.simulation.smallest import smallest, whole_run


def told(error):
    text = str(error.value)
    assert "Traceback" not in text and len(text.splitlines()) <= 6
    return text


def test_binding_by_a_sensor_that_one_group_lacks_names_the_group_and_what_all_share():
    with pytest.raises(UserError) as error:
        smallest("bind.by=ecg")
    assert "bind.by: 'ecg' is not held by group b" in told(error) and "all groups share: acc" in told(error)


def test_binding_without_any_shared_sensor_points_to_labels():
    with pytest.raises(UserError) as error:
        smallest("groups.a.modalities=[ecg]", "groups.b.modalities=[eda]")
    assert "bind.by=label needs none" in told(error)


def test_an_unknown_subject_is_named_before_anything_is_written(tmp_path):
    with pytest.raises(UserError) as error:
        run_local(smallest("split.a=[77]"), tmp_path / "run", ProgressView(open("/dev/null", "w")))  # noqa: SIM115
    assert "77" in told(error) and not (tmp_path / "run").exists()


def test_a_node_without_a_sample_is_left_out_and_named(tmp_path):
    """One subject's twelve recordings for thirteen nodes: one has none."""
    results, _ = whole_run(smallest("methods=[fedbind]", "groups.a.nodes=13", "rounds.contrast=1"), tmp_path / "run")
    skipped = results["fedbind", 0]["nodes"]["skipped"]
    assert {skip["reason"] for skip in skipped} == {"no sample left after windowing"}
    assert len({skip["node"] for skip in skipped}) == 1


def test_a_group_none_of_whose_nodes_has_a_sample_ends_the_job(tmp_path):
    with pytest.raises(UserError) as error:
        whole_run(
            smallest("methods=[fedbind]", "data.window={kind: sliding, seconds: 30, stride_s: 5}"), tmp_path / "run"
        )
    assert "no node of group a holds a sample" in told(error) and "no sample left after windowing" in told(error)
    assert "split.a" in told(error)


def test_label_sets_that_do_not_overlap_cannot_be_bound_by_label(tmp_path):
    def watch(message, reply):
        payload = Payload.from_records(reply.content)
        nodes = [{**node, "classes": ["other"] * 6} if node["group"] == "b" else node for node in payload.info["nodes"]]
        return Message(replace(payload, info={**payload.info, "nodes": nodes}).to_records(), reply_to=message)

    with pytest.raises(UserError) as error:
        whole_run(smallest("methods=[fedbind]", "bind.by=label"), tmp_path / "run", watch=watch)
    assert "label sets do not overlap" in told(error)
