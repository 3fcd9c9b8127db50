"""What a modality promises, on made clusters where the answer is clear."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import server.binding.score
from server.binding.score import MOST_ROWS, Score, _thinned, node_guess, score, separability


def made(spread, apart, nodes=3, events=6, repeats=5, width=16, seed=0):
    """Unit rows by node: `events` centres that all nodes share, noise of `spread`, each node moved by `apart`."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(events, width))
    found = {}
    for partition in range(nodes):
        rows = centres.repeat(repeats, axis=0) + spread * generator.normal(size=(events * repeats, width))
        rows = rows + apart * generator.normal(size=width)
        found[partition] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


def noise(apart=0.0, seed=0):
    """No events at all."""
    return made(spread=100.0, apart=100 * apart, seed=seed)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_clear_events_on_mixed_nodes_go_before_clear_events_on_nodes_apart_before_noise(seed):
    mixed, moved, nothing = score(made(0.1, 0.0, seed=seed)), score(made(0.1, 1.0, seed=seed)), score(noise(seed=seed))
    assert mixed.score > moved.score + 0.1 and moved.score > nothing.score + 0.05
    assert mixed.separability > 0.7 and mixed.node_guess < 0.3
    assert moved.node_guess > 0.8
    assert nothing.separability < 0.3 and nothing.node_guess < 0.3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nodes_that_lie_apart_do_not_pass_for_events(seed):
    """Over all nodes at once the silhouette of the three nodes' clouds would be high."""
    clouds = noise(apart=5.0, seed=seed)
    assert separability(np.concatenate(list(clouds.values()))) > 0.5
    assert score(clouds).score < score(noise(seed=seed)).score < score(made(0.1, 0.0, seed=seed)).score


def test_the_clearer_the_events_the_higher_the_score():
    scores = [score(made(spread, 0.0)).separability for spread in (0.05, 0.3, 0.6, 1.2)]
    assert scores == sorted(scores, reverse=True) and scores[0] > scores[-1] + 0.3


def test_by_hand_two_tight_opposite_events():
    """Two clusters without spread: silhouette 1. Two nodes with the same rows: nothing tells them apart."""
    rows = np.float32([[1, 0]] * 4 + [[-1, 0]] * 4)
    assert score({0: rows, 1: rows}) == Score(1.0, 1.0, 0.0)
    apart = score({0: np.float32([[1, 0]] * 6), 1: np.float32([[0, 1]] * 6)})
    assert apart == Score(-0.5, 0.0, 1.0)


def test_one_node_cannot_be_told_from_another():
    assert node_guess({0: np.eye(4, dtype=np.float32)}) == 0.0


def test_nodes_with_a_handful_of_samples_have_no_say_and_nobody_else_is_refused():
    rows = made(0.1, 0.0)
    assert score({**rows, 9: np.ones((2, 16), np.float32)}) == score(rows)
    with pytest.raises(ValueError, match="more than 3 samples"):
        score({0: np.ones((3, 2), np.float32)})
    with pytest.raises(ValueError, match="more than 3 samples"):
        score({})


def test_many_samples_are_thinned_out_evenly():
    rows = np.arange(5000, dtype=np.float32)[:, None]
    few = _thinned(rows, MOST_ROWS)[:, 0]
    assert len(few) == MOST_ROWS and few[0] == 0 and few[-1] == 4999 and np.diff(few).max() <= 11
    assert np.array_equal(_thinned(rows[:7], MOST_ROWS), rows[:7])


def test_of_many_nodes_evenly_picked_ones_have_the_say(monkeypatch):
    monkeypatch.setattr(server.binding.score, "MOST_NODES", 2)
    clear, nothing = made(0.1, 0.0), noise()
    mixed = {0: clear[0], 1: nothing[0], 2: nothing[1], 3: clear[1]}
    assert score(mixed) == score({0: clear[0], 3: clear[1]})


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(4, 12))
def test_any_rows_have_a_finite_score_that_the_order_of_nodes_does_not_change(seed, nodes, count):
    generator = np.random.default_rng(seed)
    rows = {p: generator.integers(-1, 2, (count, 3)).astype(np.float32) for p in range(nodes)}
    found = score(rows)
    assert found == score(dict(reversed(rows.items())))
    assert 0 <= found.separability <= 1 and 0 <= found.node_guess <= 1
    assert found.score == found.separability - found.node_guess / 2
