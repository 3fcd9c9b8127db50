"""YAML that says a thing twice, or is none, is told in one line with its place."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import UserError
from configs.load import load
from configs.yaml_text import is_file, is_folder, parse_yaml, read_yaml

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_said_once_is_read_as_by_the_safe_loader(value):
    text = yaml.safe_dump(value, allow_unicode=True)
    assert parse_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' stands twice in line 3, column 1"),
        ("a:\n  b: {c: 1, c: 2}\n", "'c' stands twice in line 2, column 13"),
        ("1: x\n1: y\n", "1 stands twice"),
        ("a:\n\tb: 1\n", "line 2, column 1; indent with spaces"),
        ("a: [1, 2\n", "line 2"),
        ("a: !!python/object/apply:os.system [true]\n", "could not determine a constructor"),
        ("a: 2001-99-99\n", "month"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested too deep"),
        ("a: \x00\n", "#x0000"),
    ],
)
def test_a_fault_is_told_in_one_line(text, told):
    with pytest.raises(ValueError) as error:
        parse_yaml(text)
    assert told in str(error.value) and "\n" not in str(error.value)


def test_merged_keys_may_be_said_again():
    assert parse_yaml("one: &one {a: 1, b: 2}\ntwo: {<<: *one, a: 3}\n")["two"] == {"a": 3, "b": 2}


@pytest.mark.parametrize("content", [b"\xff\xfea\x00", bytes(range(128, 256)), b"a: [\n"])
def test_a_file_that_is_no_yaml_is_named_with_its_role(tmp_path, content):
    (tmp_path / "c.yaml").write_bytes(content)
    with pytest.raises(UserError, match="the study cannot be read as YAML") as error:
        read_yaml(tmp_path / "c.yaml", "the study")
    assert str(tmp_path / "c.yaml") in str(error.value)


def test_a_file_that_the_system_refuses_is_the_user_s_to_mend(tmp_path):
    with pytest.raises(UserError, match="Is a directory"):
        read_yaml(tmp_path, "the configuration")
    with pytest.raises(UserError, match="the configuration is a folder"):
        load(tmp_path)


def test_nothing_lies_under_a_name_that_is_too_long(tmp_path):
    assert not is_file(tmp_path / ("x" * 5000)) and not is_folder(tmp_path / ("x" * 5000))
    assert is_folder(tmp_path) and not is_file(tmp_path)
    with pytest.raises(UserError, match="no such configuration file") as error:
        load("x" * 5000)
    assert len(str(error.value)) < 1000


def test_an_override_says_a_key_once():
    with pytest.raises(UserError, match="'contrast' stands twice"):
        load("demo", ["rounds={contrast: 2, contrast: 3}"])
