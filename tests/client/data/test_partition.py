"""Recordings to nodes and labels kept: nothing lost, nothing doubled, subjects together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.partition import NodeShare, dirichlet, hide_labels, labels_of_nodes, part_of, subjects_to_nodes
from configs.errors import UserError

seeds = st.integers(0, 2**32 - 1)


def test_neighbouring_subjects_share_a_node():
    assert subjects_to_nodes(["1", "2", "3", "4", "5"], 2) == [NodeShare(("1", "2", "3")), NodeShare(("4", "5"))]


def test_more_nodes_than_subjects_share_a_subject():
    one, other, alone = subjects_to_nodes(["1", "2"], 3)
    assert (one, other) == (NodeShare(("1",), 0, 2), NodeShare(("1",), 1, 2))
    assert alone == NodeShare(("2",), 0, 1)


@pytest.mark.parametrize(("subjects", "nodes"), [([], 1), (["1"], 0), (["1", "1"], 1)])
def test_impossible_divisions_of_subjects_are_refused(subjects, nodes):
    with pytest.raises(UserError):
        subjects_to_nodes(subjects, nodes)


def test_the_parts_of_a_subject_look_alike():
    label = np.array([0, 0, 1, 1, 2, 2])
    assert part_of(label, 0, 2).tolist() == [0, 2, 4] and part_of(label, 1, 2).tolist() == [1, 3, 5]


@given(subjects=st.integers(1, 30), nodes=st.integers(1, 60))
def test_every_subject_is_given_once_or_in_whole_parts_and_nodes_are_balanced(subjects, nodes):
    names = [str(number) for number in range(subjects)]
    shares = subjects_to_nodes(names, nodes)
    assert len(shares) == nodes
    whole = [subject for share in shares for subject in share.subjects if share.part == 0]
    assert whole == names
    for subject in names:
        parts = [share for share in shares if subject in share.subjects]
        assert [share.part for share in parts] == list(range(parts[0].parts))
    sizes = [len(share.subjects) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@given(label=st.lists(st.integers(0, 4), max_size=60), nodes=st.integers(1, 12))
def test_no_recording_is_lost_or_doubled_when_subjects_go_to_nodes(label, nodes):
    label, subject = np.array(label, dtype=np.int64), np.array([str(each % 3) for each in range(len(label))], dtype=str)
    given_out = []
    for share in subjects_to_nodes(["0", "1", "2"], nodes):
        own = np.flatnonzero(np.isin(subject, share.subjects))
        given_out.append(own[part_of(label[own], share.part, share.parts)])
    assert sorted(np.concatenate(given_out).tolist()) == list(range(len(label)))


@given(label=st.lists(st.integers(0, 4), max_size=60), parts=st.integers(1, 9))
def test_parts_lose_and_double_nothing_and_share_each_label_evenly(label, parts):
    label = np.array(label, dtype=np.int64)
    held = [part_of(label, part, parts) for part in range(parts)]
    assert sorted(np.concatenate(held).tolist()) == list(range(len(label)))
    for each in range(5):
        counts = [int((label[items] == each).sum()) for items in held]
        assert max(counts) - min(counts) <= 1


@given(
    label=st.lists(st.integers(0, 5), min_size=8, max_size=80),
    nodes=st.integers(1, 8),
    alpha=st.floats(1e-3, 1e3),
    seed=seeds,
)
def test_label_skew_loses_and_doubles_nothing(label, nodes, alpha, seed):
    held = dirichlet(np.array(label), nodes, alpha, np.random.default_rng(seed))
    assert len(held) == nodes and min(len(items) for items in held) >= 1
    assert sorted(np.concatenate(held).tolist()) == list(range(len(label)))


def test_alpha_says_how_skewed():
    label = np.repeat(np.arange(10), 100)

    def unlike(alpha):
        held = dirichlet(label, 10, alpha, np.random.default_rng(0))
        shares = np.array([np.bincount(label[items], minlength=10) / len(items) for items in held])
        return np.abs(shares - 0.1).sum(axis=1).mean()

    assert unlike(1e4) < 0.1 < 0.8 < unlike(0.05)


@pytest.mark.parametrize(("nodes", "alpha"), [(3, 1.0), (1, 0.0), (1, -1.0), (0, 1.0), (1, float("nan"))])
def test_impossible_skews_are_refused(nodes, alpha):
    with pytest.raises(UserError):
        dirichlet(np.array([0, 1]), nodes, alpha, np.random.default_rng(0))


@given(label=st.lists(st.integers(-1, 3), max_size=40), count=st.integers(0, 5), seed=seeds)
def test_so_many_labels_of_each_class_stay_and_none_changes(label, count, seed):
    before = np.array(label, dtype=np.int64)
    after = hide_labels(before, np.random.default_rng(seed), labels_per_class=count)
    assert ((after == before) | (after == -1)).all()
    for each in range(4):
        assert (after == each).sum() == min(count, (before == each).sum())


def test_a_group_s_labels_go_where_its_recordings_went():
    label = np.array([0, 0, 0, 0, 1, 1, 2])
    held = [np.array([0, 1, 2, 6]), np.array([3, 4, 5])]
    # class 0: 1.5 and 0.5, the odd one to the first; class 1 wholly on the second; class 2 has one recording alone
    assert labels_of_nodes(label, held, 2) == [{0: 2, 1: 0, 2: 1}, {0: 0, 1: 2, 2: 0}]


@given(
    label=st.lists(st.integers(0, 3), min_size=8, max_size=40),
    nodes=st.integers(1, 8),
    alpha=st.sampled_from([0.05, 1.0, 100.0]),
    count=st.integers(0, 6),
    seed=seeds,
)
def test_no_label_of_a_group_is_lost_however_skewed(label, nodes, alpha, count, seed):
    label = np.array(label, dtype=np.int64)
    held = dirichlet(label, nodes, alpha, np.random.default_rng(seed))
    kept = np.concatenate(
        [
            hide_labels(label[rows], np.random.default_rng(seed), labels_per_class=labels)
            for rows, labels in zip(held, labels_of_nodes(label, held, count), strict=True)
        ]
    )
    for each in range(4):
        assert (kept == each).sum() == min(count, (label == each).sum())


def test_a_share_of_the_labels_keeps_one_at_least_of_each_class():
    label = np.repeat([0, 1], [10, 1])
    kept = hide_labels(label, np.random.default_rng(0), share=0.25)
    assert [(kept == each).sum() for each in (0, 1)] == [3, 1]
    assert (hide_labels(label, np.random.default_rng(0), share=0.0) == -1).all()
    assert hide_labels(label, np.random.default_rng(0)).tolist() == label.tolist()


def test_whole_recordings_keep_or_lose_their_label():
    label, recording = np.zeros(12, np.int64), np.repeat(np.arange(4), 3)
    kept = hide_labels(label, np.random.default_rng(0), labels_per_class=2, recording=recording) == 0
    assert kept.sum() == 6
    assert all(len(set(kept[recording == each])) == 1 for each in range(4))


@pytest.mark.parametrize("asked", [{"labels_per_class": -1}, {"share": 1.5}, {"labels_per_class": 1, "share": 0.5}])
def test_impossible_labels_are_refused(asked):
    with pytest.raises(UserError):
        hide_labels(np.zeros(3, np.int64), np.random.default_rng(0), **asked)
