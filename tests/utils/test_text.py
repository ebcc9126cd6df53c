"""Foreign text becomes one bounded line without control characters."""

import numpy as np
import pytest

from mnistcnn.utils.text import (
    MAX_CHARS,
    describe_error,
    did_you_mean,
    escape,
    quote,
    quote_names,
)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("scans/page 1.png", "scans/page 1.png"),
        ("größe ×", "größe ×"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("a\nmnistcnn: forged\r", r"a\nmnistcnn: forged\r"),
        ("\u202etxt.exe\u2028\x9b", r"\u202etxt.exe\u2028\x9b"),
        ("a\udcff.png", r"a\udcff.png"),
        (np.dtype([("a\x1b", "i4")]), r"[('a\x1b', '<i4')]"),
    ],
)
def test_text_is_escaped(text, escaped):
    assert escape(text) == escaped


def test_long_text_keeps_its_beginning_and_end():
    assert escape("a" * MAX_CHARS) == "a" * MAX_CHARS
    shortened = escape("begin" + "x" * 2_000_000 + "end")
    assert len(shortened) == MAX_CHARS
    assert shortened.startswith("begin")
    assert shortened.endswith("end")
    assert "..." in shortened


@pytest.mark.parametrize(
    "value",
    ["\x1b" * 2_000_000, "a" * MAX_CHARS, ["\n" * 1000] * 9, {"a": "\u2028" * 199}, 10**5000,
     np.zeros((99, 99))],
    ids=["string", "just too long", "list", "dictionary", "integer", "array"],
)  # fmt: skip
def test_quotes_are_bounded_and_printable(value):
    for function in (quote, escape):
        text = function(value)
        assert len(text) <= MAX_CHARS
        assert text.isprintable()


def test_quoted_values_look_as_in_python():
    assert quote("a'b") == '"a\'b"'
    assert quote(-1) == "-1"
    assert quote("x" * 300).endswith("x'")


def test_only_the_first_names_are_listed():
    names = [f"{number}" * 999 for number in range(10)]
    listed = quote_names(names)
    assert listed.startswith("'000")
    assert listed.endswith(", ...")
    assert len(listed) < 8 * 42 + 10
    assert quote_names(["a", 1]) == "'a', 1"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: No such file or directory"),
        (OSError(27, "File too large"), "File too large"),
        (OSError("of our own"), "of our own"),
        (ValueError(3), "3"),
    ],
)  # fmt: skip
def test_errors_are_described_without_their_number(error, message):
    assert describe_error(error) == message
    assert escape(error) == message


def test_bytes_that_are_not_text_are_described_without_the_codec():
    with pytest.raises(UnicodeDecodeError) as caught:
        b"ab\xe9".decode()
    assert escape(caught.value) == "text that is not UTF-8 (byte 0xe9 at 2)"


@pytest.mark.parametrize(
    ("value", "suggestion"),
    [
        ("trian", "; did you mean 'train'?"),
        ("Best", "; did you mean 'best'?"),
        ("zebra", ""),
        ("x" * 10**6, ""),
        (3, ""),
        (None, ""),
    ],
)
def test_misspelled_choices_are_suggested(value, suggestion):
    assert did_you_mean(value, ("train", "best", 3)) == suggestion
