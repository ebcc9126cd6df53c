"""CSV tables of pixels: every layout, exact values, and errors that name the row."""

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn.data.formats import csv_table
from mnistcnn.data.formats.csv_table import read_csv
from mnistcnn.data.formats.limits import UnpackingLimit
from tests.helpers import strategies

PIXELS = [f"pixel{i}" for i in range(784)]


def read(content):
    content = content.encode() if isinstance(content, str) else content
    return read_csv(io.BytesIO(content), UnpackingLimit(0))


def rows(table, delimiter=","):
    return "".join(delimiter.join(map(str, row)) + "\n" for row in table)


def header(*names):
    return ",".join(names) + "\n"


@pytest.fixture
def table(digits):
    """Labels in the first of 785 columns."""
    images, labels = (array[:6] for array in digits.train)
    return np.column_stack([labels, images.reshape(6, 784)]).tolist()


LAYOUTS = {
    "with a header": lambda t: header("label", *PIXELS) + rows(t),
    "without a header": rows,
    "label last": lambda t: header(*PIXELS, "class") + rows([r[1:] + r[:1] for r in t]),
    "label last without a header": lambda t: rows([r[1:] + r[:1] for r in t]),
    "unknown name of the label": lambda t: header("digit_0_to_9", *PIXELS) + rows(t),
    "index of pandas": lambda t: header("", "label", *PIXELS) + rows([[i, *r] for i, r in enumerate(t)]),
    "id between": lambda t: header("label", "id", *PIXELS) + rows([[r[0], 1000 + i, *r[1:]] for i, r in enumerate(t)]),
    "label between": lambda t: header(*PIXELS[:9], "Label", *PIXELS[9:]) + rows([r[1:10] + r[:1] + r[10:] for r in t]),
    "CRLF": lambda t: rows(t).replace("\n", "\r\n"),
    "no line feed at the end": lambda t: rows(t)[:-1],
    "blank lines": lambda t: "\n" + rows(t).replace("\n", "\n\n\n"),
    "semicolons": lambda t: header("label", *PIXELS).replace(",", ";") + rows(t, ";"),
    "tabs": lambda t: rows(t, "\t"),
    "quotes": lambda t: header("label", *PIXELS).replace("label", '"label"') + rows(t).replace(",", '","'),
    "spaces": lambda t: rows(t, ", "),
    "floats": lambda t: rows([[float(v) for v in r] for r in t]),
    "scientific": lambda t: rows([[f"{v:.2e}" for v in r] for r in t]),
    "leading zeros": lambda t: rows([[f"{v:03d}" for v in r] for r in t]),
    "byte order mark": lambda t: "\ufeff" + header("label", *PIXELS) + rows(t),
    "byte order mark without a header": lambda t: "\ufeff" + rows(t),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name, table):
    result = read(LAYOUTS[name](table))
    assert np.array_equal(result.labels, [row[0] for row in table])
    assert np.array_equal(result.images, [row[1:] for row in table])


def test_integers_are_bytes_and_fractions_are_floats(table):
    assert read(rows(table)).images.dtype == np.uint8
    scaled = [[row[0], *(value / 255 for value in row[1:])] for row in table]
    images = read(rows(scaled)).images
    assert images.dtype == np.float32
    assert np.array_equal(np.rint(images * 255), [row[1:] for row in table])


def test_without_labels(table):
    result = read(header(*PIXELS) + rows([row[1:] for row in table]))
    assert result.labels is None
    assert np.array_equal(result.images, [row[1:] for row in table])
    assert result.description == "CSV of 784 columns with a header, without labels"


@given(strategies.uint8_images, st.booleans(), st.integers(1, 5000))
def test_every_value_is_exact_at_every_block_size(monkeypatch, images, has_header, size):
    if not len(images):
        return
    monkeypatch.setattr(csv_table, "_CHUNK_BYTES", size)
    table = np.column_stack([np.arange(1, len(images) + 1), images.reshape(-1, 784)])
    result = read((header("label", *PIXELS) if has_header else "") + rows(table.tolist()))
    assert result.images.dtype == np.uint8
    assert np.array_equal(result.images, table[:, 1:])
    assert np.array_equal(result.labels, table[:, 0])


def with_value(table, value, row=2, column=5):
    changed = [list(line) for line in table]
    changed[row][column] = value
    return rows(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "", "a CSV file must have 784 columns of pixels and optionally a column of labels; its first line has 1 columns"),
        (lambda t: header("label", *PIXELS), "a CSV file must have a row; it has none"),
        (lambda t: "a,b\n1,2\n", "its first line has 2 columns"),
        (lambda t: header("label", "label", *PIXELS), "its first line has 786 columns"),
        (lambda t: rows([*t[:3], t[3][:-2]]), "each row must have 785 values; row 4 has 783"),
        (lambda t: header("label", *PIXELS) + rows([t[0], [*t[1], 7]]), "each row must have 785 values; row 2 has 786"),
        (lambda t: with_value(t, "seven"), "row 3, column 6 must be a number; received 'seven'"),
        (lambda t: with_value(t, ""), "row 3, column 6 must be a number; received ''"),
        (lambda t: with_value(t, "\x1b[2J"), r"row 3, column 6 must be a number; received '\\x1b\[2J'"),
        (lambda t: with_value(t, "9" * 65), "row 3, column 6 must be a number of at most 64 characters; it has 65"),
        (lambda t: rows(t) + "0" * 200_000, "a line must have at most 131,072 bytes; it has more"),
        (lambda t: rows(t) + "the end", "each row must have 785 values; row 7 has 1"),
    ],
)  # fmt: skip
def test_invalid_tables_are_rejected(change, message, table):
    with pytest.raises(ValueError, match=message):
        read(change(table))


def test_a_row_of_a_later_block_is_named(table, monkeypatch):
    monkeypatch.setattr(csv_table, "_CHUNK_BYTES", 3000)
    with pytest.raises(ValueError, match="row 305, column 6 must be a number; received 'x'"):
        read(rows(table * 50) + with_value(table, "x", row=4))


@pytest.mark.parametrize("value", ["256", "1000", "-1", "0.5", "1e3", "nan", "inf"])
def test_values_out_of_range_are_left_to_the_conversion(value, table):
    images = read(with_value(table, value)).images
    assert images.dtype == np.float32
    assert images[2, 4] == pytest.approx(float(value), nan_ok=True)


def test_the_limit_counts_what_is_unpacked(table):
    content = rows(table * 3000).encode()
    assert len(content) > 20 << 20
    limit = UnpackingLimit(0)
    limit.spend(50 << 20)
    with pytest.raises(ValueError, match=re.escape("it must unpack to at most")):
        read_csv(io.BytesIO(content), limit)
