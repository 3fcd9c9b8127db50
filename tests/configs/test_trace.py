"""Traces: what a CSV says, and every way it can be wrong, with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import UserError
from configs.trace import Moment, Trace, read_trace

HEAD = "node,time_s,speed,bandwidth_bytes_s,online"


def written(tmp_path, *rows, head=HEAD):
    path = tmp_path / "trace.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_by_hand_in_any_order_of_rows_and_columns(tmp_path):
    head = "online,time_s,speed,bandwidth_bytes_s,node"
    trace = read_trace(written(tmp_path, "yes,0,2,100,1", "0,10,1,1,1", "1,0,0.5,50,0", head=head))
    assert trace.at(1, 0) == trace.at(1, 9.9) == Moment(0, 2, 100, True) and trace.at(0, 3) == Moment(0, 0.5, 50, True)
    assert trace.online(1, 9.9) and not trace.online(1, 10) and not trace.online(1, 1e9) and trace.online(0, 1e9)
    assert trace.at(7, 5) is None and trace.online(7, 5)
    assert trace.next_change(0) == 10 and trace.next_change(10) is None


@pytest.mark.parametrize(
    ("rows", "said", "line"),
    [(["0,0,1,1,1", "0,5,fast,1,1"], "speed is 'fast'", 3), (["0,0,1,1,maybe"], "online is 'maybe'", 2),
     (["0,0,-1,1,1"], "speed is '-1'", 2), (["0,0,nan,1,1"], "speed is 'nan'", 2), (["0,0,inf,1,1"], "speed is 'inf'", 2),
     (["0,0,0,1,1"], "above 0", 2), (["0,0,1,0,1"], "above 0", 2), (["0.5,0,1,1,1"], "node is 0.5", 2),
     (["0,0,1,1"], "too many or too few", 2), (["0,0,1,1,1,1"], "too many or too few", 2),
     (["0,0,1,1,1", "0,0,2,1,1"], "two rows at 0 s", 3), (["0,0,1,1,\"1"], "no CSV", 2)],
)  # fmt: skip
def test_a_bad_row_is_told_with_its_line(tmp_path, rows, said, line):
    with pytest.raises(UserError, match=said) as caught:
        read_trace(written(tmp_path, *rows))
    assert f"line {line}" in caught.value.where


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no column node"), ("node,time_s,speed,online\n", "no column bandwidth_bytes_s"), (HEAD, "no rows"),
     (f"{HEAD}\n0,3,1,1,1\n", "no row at time_s = 0")],
)  # fmt: skip
def test_a_bad_file_is_told(tmp_path, text, said):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        read_trace(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_trace(tmp_path / "none.csv")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is no text"):
        read_trace(path)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20, unique=True), st.floats(0, 1e6))
def test_the_last_moment_that_began_holds(times, at):
    own = [Moment(time, 1.0, 1.0, True) for time in sorted({0.0, *times})]
    found = Trace({0: own}).at(0, at)
    assert found.time_s == max(each.time_s for each in own if each.time_s <= at)
