"""A whole comparison through the command line at its smallest, resumed after a result was lost."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.app import call
from strategies.fedavg import FedAvg
from tests.simulation.smallest import SMALLEST, TWO_NODES_A_GROUP
from tests.simulation.study import recordings

QUICK = [
    *SMALLEST, *TWO_NODES_A_GROUP, "evaluation.folds=2", "evaluation.embeddings=false", "evaluation.audit_pairs=false",
    "rounds={autoencoder: 1, contrast: 2, finetune: 1}", "run.workers=1",
]  # fmt: skip


@dataclass(frozen=True)
class Mine(FedAvg):
    """A rule of one's own, with a rate of its own."""

    server_rate: float = 1.0


OWN = f"{__name__}:Mine"


def compare(out, *words, over=("strategy=fedavg,per_node," + OWN, "alpha=0.5,10")):
    return call(["compare", "demo", *QUICK, *(f"--over={each}" for each in over), "--out", str(out), *words])


@pytest.mark.slow
def test_three_strategies_two_settings_two_seeds(tmp_path, capsys):
    out = tmp_path / "out"
    assert compare(out, "--seeds=2", "--tries=2", "--json") == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out.splitlines()[-1])
    assert list(told["strategies"]) == ["fedavg", "per_node", OWN]
    for figures in told["strategies"].values():
        assert len(figures["accuracy"]["per_seed"]) == 2 and 0 <= figures["accuracy"]["mean"] <= 1
        assert {"worst_decile", "rounds_to_target", "bytes_to_target"} <= set(figures)
        assert set(figures["settings"]) == {"0.5", "10"} and figures["tuning"]["tries"] == 2
        assert 0 <= figures["worst_decile"] <= 1 and figures["shared"] is not None
    assert told["strategies"]["per_node"]["personal"] is not None and told["strategies"]["fedavg"]["personal"] is None
    judged = told["strategies"]["per_node"]
    assert judged["personal_worst_decile"] <= judged["personal"] and judged["personal_node_std"] >= 0
    assert judged["shared_worst_decile"] <= judged["shared"]
    assert {each["strategy"] for each in told["ranking"]} == set(told["strategies"])
    assert "12 jobs, 0 finished before" in captured.err

    result = json.loads((out / "cells" / "per_node-10" / "jobs" / "fedbind-seed1" / "result.json").read_text())
    (line,) = [
        e for e in csv.DictReader((out / "jobs.csv").read_text().splitlines())
        if (e["strategy"], e["alpha"], e["seed"]) == ("per_node", "10", "1")
    ]  # fmt: skip
    assert float(line["accuracy"]) == result["accuracy"] and len(result["by_node"]["nodes"]) == 2
    assert result["round_curve"]["round"] == [1, 2] and "why" not in result["personal"]
    page = (out / "index.html").read_text()
    assert "Finished." in page and "SIMULATED" in page and page.count("data:image/png") == 2 and "CPU-seconds" in page
    tuning = json.loads((out / "tuning.json").read_text())
    assert [len(each["tries"]) for each in tuning] == [2, 2, 2]

    (lost,) = out.glob("cells/fedavg-0.5/jobs/fedbind-seed0/result.json")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("jobs/*/result.json")}
    lost.unlink()
    assert compare(out, "--seeds=2", "--tries=2", "--json") == 0
    captured = capsys.readouterr()
    again = json.loads(captured.out.splitlines()[-1])
    assert "12 jobs, 11 finished before" in captured.err and "tuning" not in captured.err
    assert [p for p in before if p.stat().st_mtime_ns != before[p]] == [lost]  # not even the search ran again
    assert again["ranking"] == told["ranking"]
    assert again["strategies"]["fedavg"]["accuracy"] == told["strategies"]["fedavg"]["accuracy"]

    assert compare(out, "--seeds=2", "--tries=2", "contrast.temperature=0.3") == 2
    assert "other settings" in capsys.readouterr().err


@pytest.mark.slow
def test_without_tuning_and_with_a_strategy_that_fails_the_others_are_told(tmp_path, capsys):
    out = tmp_path / "out"
    over = ("strategy=fedavg,fedadam", "data.window={kind: whole},{kind: sliding, seconds: 30, stride_s: 5}")
    code = compare(out, "--no-tune", "seeds=[0]", "--quiet", over=over)
    captured = capsys.readouterr()
    assert code == 2 and "2 jobs failed" in captured.err
    assert captured.out.startswith("strategy,data.window,accuracy") and not (out / "tune").exists()
    assert "What failed" in (out / "index.html").read_text()


@pytest.mark.parametrize(
    ("words", "over", "said"),
    [([], ("strategy=fedavg,fedadm",), "did you mean fedadam"), ([], ("strategy=nowhere:Rule",), "cannot be read"),
     (["methods=[fedbind, dcm]"], ("strategy=fedavg",), "one method"), (["--tries=99"], ("strategy=fedavg",), "99 tries"),
     ([], ("strategy",), "key=value"), (["--parameter=krum.faulty=1"], ("strategy=fedavg",), "not compared")],
)  # fmt: skip
def test_mistakes_end_with_one_message_before_anything_runs(tmp_path, capsys, words, over, said):
    assert compare(tmp_path / "out", *words, over=over) == 2
    assert said in capsys.readouterr().err and not Path(tmp_path / "out" / "cells").exists()


@pytest.mark.slow
def test_the_shipped_comparison_runs_reduced_on_recordings_of_its_layout_side_by_side(tmp_path, capsys):
    recordings.write_utd_mhad(tmp_path / "data")
    out = tmp_path / "out"
    words = [
        "compare", "utd_mhad_nodes", f"data.root={tmp_path / 'data'}", "--over=strategy=fedavg,scaffold",
        "--over=alpha=10", "--no-tune", "--json", "seeds=[0]", "--workers=2", "--out", str(out),
        "data.modalities={accelerometer: {frames: 16}, gyroscope: {frames: 16}, skeleton: {frames: 12}}",
        "rounds={autoencoder: 1, contrast: 1, finetune: 1}", "epochs={autoencoder: 1, contrast: 1, finetune: 1}",
        "models={width: 8, projection: 8, hidden: 8}", "autoencoder.width=8", "autoencoder.latent=4",
    ]  # fmt: skip
    assert call(words) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(told["strategies"]) == ["fedavg", "scaffold"] and "settings" not in told["strategies"]["fedavg"]
    assert (out / "cells" / "fedavg-10" / "report.html").is_file() and not (out / "tune").exists()
