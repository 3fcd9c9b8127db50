"""The benchmark of matching at its smallest: three that agree, and the form of what it tells."""

import json

import numpy as np
import pytest
import torch

from cli.app import call
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


def test_the_command_ends_with_one_json_object(capsys):
    code = call(["bench", "match", "--queries", "300", "--candidates", "900", "--width", "16", "--nearest", "2",
                 "--slices", "3", "--threads", "1", "--json"])  # fmt: skip
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert code == 0 and told["ratios"]["match_over_matmul"] > 0
    assert told["extra_bytes"] is None or told["extra_bytes"] >= 0
    if told["agreement"] is not None:
        assert told["agreement"] == {"same_index": 1.0, "furthest_cosine": pytest.approx(0, abs=1e-5), "close": True}
        assert told["ratios"]["match_over_faiss"] > 0
