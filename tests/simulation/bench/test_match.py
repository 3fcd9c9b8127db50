"""The benchmark of matching at its smallest: three that agree, and the form of what it tells."""

import json

import numpy as np
import pytest
import torch

from cli.app import call
from simulation.bench.match.clustered import SPREAD, clustered_rows
from simulation.bench.match.run import faiss_flat, products, rows
from simulation.bench.memory import extra_bytes


def test_what_is_beyond_the_inputs_is_seen_and_what_was_there_is_not():
    held = np.ones(8 * 2**20, dtype=np.uint8)
    _, extra = extra_bytes(lambda: np.ones(64 * 2**20, dtype=np.uint8).sum() + held.sum())
    if extra is None:
        pytest.skip("no /proc here")
    assert 60 * 2**20 < extra < 80 * 2**20


def test_the_products_take_any_number_of_rows_and_faiss_finds_what_numpy_finds():
    own, theirs = rows(70, 16, 1), rows(200, 16, 2)
    assert np.allclose(np.linalg.norm(own, axis=1), 1, atol=1e-6)
    products(theirs, torch.float32)(own)
    pytest.importorskip("faiss")
    index, cosine = faiss_flat(theirs, 2, 1)(own)
    plain = own @ theirs.T
    assert (index[:, 0] == plain.argmax(axis=1)).all() and np.allclose(cosine[:, 0], plain.max(axis=1), atol=1e-5)


def test_made_rows_lie_in_clusters_that_all_seeds_share():
    rows = [clustered_rows(600, 5, 64, seed) for seed in (1, 2)]
    assert np.allclose(np.linalg.norm(rows[0], axis=1), 1, atol=1e-6)
    cosine = rows[0] @ rows[1].T
    near = cosine > 0.4
    assert 0.15 < near.mean() < 0.25 and cosine[near].mean() == pytest.approx(1 / (1 + SPREAD**2), abs=0.02)


def test_the_approximate_way_tells_its_recall_and_goes_on_where_it_stopped(tmp_path, capsys):
    pytest.importorskip("faiss")
    command = ["bench", "match", "--approximate", "--queries", "900", "--candidates", "3000", "--width", "16", "--slices",
               "3", "--threads", "1", "--recall", "0.9", "--out", str(tmp_path), "--json"]  # fmt: skip
    assert call(command) == 0
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert told["recall_on_sample"] > 0.85 and told["probes"] <= told["lists"] / 8 and told["lists"] == 219
    assert told["seconds"]["search"] > 0 and told["ratios"]["approximate_recall"] == told["recall_on_sample"]
    (tmp_path / "piece-1.npz").unlink()
    with np.load(tmp_path / "piece-2.npz") as before:
        np.savez(tmp_path / "piece-2.npz", index=before["index"], seconds=[1000.0, 2000.0])
    assert call(command) == 0
    again = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert again["seconds"]["search"] > 1000 and again["seconds"]["build"] == told["seconds"]["build"]
    assert again["recall_on_sample"] == told["recall_on_sample"]


def test_the_command_ends_with_one_json_object(capsys):
    code = call(["bench", "match", "--queries", "300", "--candidates", "900", "--width", "16", "--nearest", "2",
                 "--slices", "3", "--threads", "1", "--json"])  # fmt: skip
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert code == 0 and told["ratios"]["match_over_matmul"] > 0
    assert told["extra_bytes"] is None or told["extra_bytes"] >= 0
    if told["agreement"] is not None:
        assert told["agreement"] == {"same_index": 1.0, "furthest_cosine": pytest.approx(0, abs=1e-5), "close": True}
        assert told["ratios"]["match_over_faiss"] > 0
