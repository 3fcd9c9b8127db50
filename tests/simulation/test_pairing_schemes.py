"""Every pairing scheme in whole runs over simulated nodes; the oracle only with everyone's labels, and said to be one."""

import json

import pytest

import client.app
from configs.errors import UserError
from configs.load import load
from protocol.payload import ProtocolError
from tests.simulation.smallest import smallest, whole_run

SCHEMES = ["nearest", "threshold", "topk_sum", "mutual", "random", "oracle"]


def run(path, *overrides):
    """The fedbind job's result and the text of its notes."""
    results, _ = whole_run(smallest("methods=[fedbind]", *overrides), path)
    events = (path / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text().splitlines()
    notes = [event["text"] for event in map(json.loads, events) if event["event"] == "note"]
    return results["fedbind", 0], notes


@pytest.mark.parametrize("pairing", SCHEMES)
def test_a_run_goes_through_and_only_the_oracle_is_always_right_and_marked(tmp_path, pairing):
    result, notes = run(tmp_path / "run", f"bind.pairing={pairing}", "bind.threshold=0.0")
    assert 0 <= result["accuracy"] <= 1
    marked = any("a ceiling for studies" in note for note in notes)
    assert marked == (pairing == "oracle") and (result["pairing_accuracy"] == 1.0) == marked


def test_a_threshold_nobody_reaches_binds_nothing_and_says_so(tmp_path):
    result, notes = run(tmp_path / "run", "bind.pairing=threshold", "bind.threshold=1.0")
    assert result["pairing_accuracy"] is None
    assert any("nothing was bound (bind.pairing=threshold" in note for note in notes)


def test_the_oracle_is_refused_where_one_node_keeps_its_labels(tmp_path, monkeypatch):
    permitted = client.app.handlers.audit

    def audit(node, question):
        if node.place.partition == 1:
            raise ProtocolError("labels are not given: node-config allow-audit is not set on this node")
        return permitted(node, question)

    monkeypatch.setattr(client.app.handlers, "audit", audit)
    with pytest.raises(UserError) as caught:
        run(tmp_path / "run", "bind.pairing=oracle")
    told = str(caught.value)
    assert "1 of 2 nodes give no labels, such as node 1" in told and "allow-audit=true" in told
    assert run(tmp_path / "nearest", "bind.pairing=nearest")[0]["accuracy"] >= 0  # an audit may be refused


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["bind.by=label", "bind.pairing=mutual"], "bind.pairing: 'mutual' picks few among samples of one text"),
        (["bind.by=label", "bind.pairing=topk_sum"], "threshold, random or oracle"),
        (["bind.pairing=random", "contrast.rebind_every=2"], "contrast.rebind_every: 2 has no meaning"),
        (["bind.pairing=best"], "bind.pairing: 'best' is not allowed"),
        (["bind.threshold=1.5"], "bind.threshold: 1.5 is not allowed"),
    ],
)
def test_what_cannot_be_joined_is_told_before_anything_is_read(overrides, told):
    with pytest.raises(UserError) as caught:
        load("demo", overrides)
    assert told in str(caught.value)


@pytest.mark.parametrize("pairing", ["threshold", "random", "oracle"])
def test_by_label_the_controls_and_the_threshold_serve_too(tmp_path, pairing):
    result, _ = run(tmp_path / "run", "bind.by=label", f"bind.pairing={pairing}", "bind.threshold=0.99")
    if pairing == "random":
        assert result["pairing_accuracy"] < 1
    else:
        assert result["pairing_accuracy"] == 1
