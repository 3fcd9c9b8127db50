import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.report.plots import Line, dot_strip, line_figure, matrix_svg, nice_ticks, shade


def parsed(svg):
    return ET.fromstring(str(svg))


def texts(svg):
    return ["".join(node.itertext()) for node in parsed(svg).iter("text")]


def test_ticks_by_hand():
    assert nice_ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert nice_ticks(0.13, 0.9) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert nice_ticks(1, 200, inside=True, whole=True) == [50, 100, 150, 200]
    assert nice_ticks(1, 3, inside=True, whole=True) == [1, 2, 3]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_cover_the_range_and_are_few(low, length):
    ticks = nice_ticks(low, low + length)
    assert ticks[0] <= low + length * 1e-3 and ticks[-1] >= low + length - length * 1e-3
    assert 2 <= len(ticks) <= 8


def test_points_lie_where_their_numbers_are():
    figure = line_figure(
        "t", [Line("a", [0, 10], [0.0, 1.0], "#000")], x_label="x", y_label="y", percent=True, width=164, height=154
    )  # the plot's field is 100 by 100 at (52, 12)
    path = next(node for node in parsed(figure.svg).iter("path"))
    assert path.get("d") == "M52.0 112.0L152.0 12.0"
    assert "100" in texts(figure.svg) and [name for name, _ in figure.legend] == ["a"]


def test_a_gap_stays_a_gap_and_a_lone_point_is_a_dot():
    line = Line("a", [1, 2, 3, 4], [1.0, None, 2.0, 3.0], "#000")
    root = parsed(line_figure("t", [line], x_label="x", y_label="y").svg)
    assert len(list(root.iter("path"))) == 1 and len(list(root.iter("circle"))) == 1


@pytest.mark.parametrize("lines", [[], [Line("a", [1, 2], [None, None], "#000")]])
def test_a_chart_without_numbers_says_so(lines):
    figure = line_figure("t", lines, x_label="x", y_label="y")
    assert "nothing recorded" in texts(figure.svg) and figure.legend == []


def matrix(counts, names):
    return matrix_svg(counts, names, names, row_title="class", column_title="predicted", share_title="recognised")


def test_a_matrix_shows_counts_and_the_share_on_its_diagonal():
    svg = matrix([[3, 1], [0, 0]], ["rest", "move"])
    assert [t for t in texts(svg) if t[:1].isdigit() or t == "–"] == ["3", "1", "75 %", "–"]
    assert "rest → move: 1 of 4" in str(svg)


def test_labels_from_strangers_are_escaped_and_cut():
    svg = matrix([[1, 0], [0, 1]], ["<script>alert(1)</script>", "x" * 200 + "\x1b"])
    assert "<script>" not in svg and "&lt;script&gt;" in svg
    assert max(len(t) for t in texts(svg) if t.startswith("xxx") and not t.endswith("\ufffd")) <= 231
    parsed(svg)


@pytest.mark.parametrize("size", [1, 2, 27, 60, 61])
def test_every_class_keeps_its_label_and_nothing_leaves_the_picture(size):
    names = [f"class number {i}" for i in range(size)]
    root = parsed(matrix([[int(i == j) for j in range(size)] for i in range(size)], names))
    width, height = float(root.get("width")), float(root.get("height"))
    for node in root.iter("text"):
        assert 0 <= float(node.get("x")) <= width and 0 <= float(node.get("y")) <= height
    assert sum("".join(node.itertext()) == names[-1] for node in root.iter("text")) == 2


def test_shades_go_from_white_to_dark_and_something_is_never_white():
    assert shade(0) == "#ffffff" and shade(1) == "#08306b"
    assert shade(0.001) != "#ffffff"
    darkness = [int(shade(i / 10)[1:3], 16) for i in range(1, 11)]
    assert darkness == sorted(darkness, reverse=True)


def test_dots_share_one_scale_and_missing_seeds_have_none():
    dots = list(parsed(dot_strip([0.0, None, 1.0], 0.0, 1.0, "#000", "said")).iter("circle"))
    assert [dot.get("cx") for dot in dots] == ["8.0", "142.0"]
    assert len(list(parsed(dot_strip([0.5], 0.5, 0.5, "#000", "said")).iter("circle"))) == 1
