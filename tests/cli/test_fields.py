"""The file of --fields."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn import CorruptFileError
from mnistcnn.cli.fields import Field, load_fields


@pytest.fixture
def load(tmp_path):
    """Write a text, or a value as JSON, and load the fields."""

    def load(content):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "fields.json").write_text(text, encoding="utf-8")
        return load_fields(tmp_path / "fields.json")

    return load


def test_fields_have_a_name_a_region_and_a_pattern(load):
    assert load(
        [
            {"name": "invoice", "region": [0.6, 0, 1, 0.1], "pattern": r"\d{5}"},
            {"name": "Datum (Tag)", "region": [10, 20, 300, 80]},
            {"name": "n", "pattern": 3, "region": None},
        ]
    ) == [
        Field("invoice", (0.6, 0.0, 1.0, 0.1), r"\d{5}"),
        Field("Datum (Tag)", (10, 20, 300, 80), None),
        Field("n", None, 3),
    ]


SHAPE = "must be a list of 1...1,000 objects with the keys name, region, pattern, signs"
NAME = "name must be a text of 1...100 printable characters"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": it must be JSON; received "),
        ("[" * 9, ": it must nest at most 3 levels; it nests more"),
        ({"name": "a"}, f": it {SHAPE}; received {{'name': 'a'}}"),
        ([], f": it {SHAPE}; received 0"),
        ([{"name": "a"}] * 1001, f": it {SHAPE}; received 1,001"),
        ([{"name": "a"}, 7], ": field 2: it must be an object with the keys name, region, pattern, signs"),
        ([{"name": "a", "box": 1}], ": field 1: its keys must be among name, region, pattern, signs; received 'box'"),
        ([{}], f": field 1: {NAME}; received None"),
        ([{"name": ""}], f": field 1: {NAME}; received ''"),
        ([{"name": "a\n"}], f": field 1: {NAME}; received 'a\\n'"),
        ([{"name": "a" * 101}], f": field 1: {NAME}; received 'aaa"),
        ([{"name": "a", "region": [1, 2, 3]}], ": field 1: region must be four numbers: left, top, right and bottom; received [1, 2, 3]"),
        ([{"name": "a", "region": [0.5, 0, 0.1, 1]}], ": field 1: region must have left < right and top < bottom; received (0.5, 0.0, 0.1, 1.0)"),
        ('[{"name": "a", "region": [0, 0, 1e999, 1]}]', ": field 1: a region of floats must lie in [0, 1]; received (0.0, 0.0, inf, 1.0)"),
        ([{"name": "a", "pattern": "x"}], ": field 1: pattern must consist of "),
        ([{"name": "a", "pattern": 0}], ": field 1: pattern must be at least 1; received 0"),
        ([{"name": "a", "pattern": [5]}], ": field 1: pattern must be a length, a regular expression or a function; received [5]"),
        ([{"name": "a"}, {"name": "a"}], ": the fields must have different names other than 'image', 'page' and 'error'; received 'a' twice"),
        ([{"name": "error"}], ": the fields must have different names other than 'image', 'page' and 'error'; received 'error'"),
    ],
)  # fmt: skip
def test_other_files_are_rejected(content, message, load, tmp_path):
    with pytest.raises(
        CorruptFileError, match=f"^{re.escape(str(tmp_path / 'fields.json') + message)}"
    ):
        load(content)


def test_a_large_file_is_rejected(load):
    with pytest.raises(
        CorruptFileError, match=r"must hold at most 1,000,000 bytes; it holds 1,200,002$"
    ):
        load("[" + " " * 1_200_000 + "]")


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.json"):
        load_fields(tmp_path / "absent.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["name", "region", "pattern"]), inner),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_any_json_is_loaded_or_rejected(load, value):
    try:
        fields = load(value)
    except CorruptFileError:
        pass
    else:
        assert [field.name for field in fields] == [entry["name"] for entry in value]
