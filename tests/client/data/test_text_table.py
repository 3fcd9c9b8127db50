"""Text with separators: what is read as what, and that no text at all makes more than one kind of error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.text_table import TextTable, Unreadable

NAN = float("nan")


def test_a_row_of_empty_cells_is_a_record_and_a_blank_line_is_none():
    table = TextTable.of("a,b\n1,2\n,\n\n3,4\n")
    np.testing.assert_array_equal(table.numbers(["a", "b"]), [[1, 2], [NAN, NAN], [3, 4]])


def test_a_column_of_words_stays_words_and_one_of_numbers_becomes_numbers():
    table = TextTable.of('what;n\n"sit; still";1\nwalk;\n')
    assert table.values("what").tolist() == ["sit; still", "walk"]
    np.testing.assert_array_equal(table.values("n"), [1, NAN])
    assert table.values(0).tolist() == ["sit; still", "walk"]


def test_the_quick_and_the_slow_way_agree():
    text = "a,b,c\n" + "".join(f"{n},{n / 7:.6f},-{n}e-3\n" for n in range(50))
    quick = TextTable.of(text)
    slow = TextTable.of(text + ",,\n")
    np.testing.assert_array_equal(quick.numbers(["c", "a"]), slow.numbers(["c", "a"])[:-1])


def test_what_is_not_there_is_told():
    for column, said in (("z", "no column 'z'; there is a, b"), (2, "no column 2; they count from 0 to 1")):
        with pytest.raises(Unreadable, match=said):
            TextTable.of("a,b\n1,2\n").numbers([column])
    with pytest.raises(Unreadable, match="cells cannot be told apart"):
        TextTable.of('a,b\n1,"' + "x" * 200_000).numbers(["b"])


@given(st.text(alphabet='01.,;\t \n"\r\x00aé-', max_size=60))
def test_any_text_is_read_or_unreadable(text):
    try:
        table = TextTable.of(text)
        for column in range(table.width):
            assert table.values(column).ndim == 1
            assert table.numbers([column]).shape[1] == 1
    except Unreadable:
        pass


@pytest.mark.parametrize("text", ["", "\n", "  \n\t\n"])
def test_nothing_is_no_table(text):
    with pytest.raises(Unreadable, match="the file is empty"):
        TextTable.of(text)


def test_bytes_that_are_no_text_do_not_fill_the_message():
    with pytest.raises(Unreadable) as error:
        TextTable.of("\0" * 100_000).numbers(["ax"])
    assert "no column 'ax'" in str(error.value) and len(str(error.value)) < 200 and "\0" not in str(error.value)
