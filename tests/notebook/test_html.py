"""HTML of results: escaped, without colors, and bounded."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mnistcnn.notebook import html

ATTACK = "<script>alert('a')</script>&\""


@pytest.mark.parametrize(
    "make",
    [
        html.escape,
        html.line,
        lambda text: html.heading(text, text),
        lambda text: html.table([(text, text)], header=(text, text)),
        lambda text: html.details(text, "", is_open=True),
        lambda text: html.gray_image(np.zeros((2, 3), np.uint8), alt=text),
    ],
)
def test_text_is_escaped_and_shortened(make):
    assert "<script" not in make(ATTACK)
    assert html.escape(ATTACK) in make(ATTACK)
    assert '"' not in html.escape(ATTACK)
    assert len(make("x" * 10_000)) < 2_000
    assert "xxx..." in make("x" * 10_000)


def test_no_color_is_set_so_that_dark_themes_work():
    made = html.table([("a", 1)], header=("b", "c")) + html.line("d") + html.heading("e")
    assert not re.search(r"color|background|#[0-9a-f]{3}\b", made)


def test_numbers_are_flush_right():
    made = html.table([("seven", 7)], header=("name", "count"))
    assert re.findall("text-align: (left|right)[^>]*>(.*?)<", made) == [
        ("left", "name"), ("right", "count"), ("left", "seven"), ("right", "7")
    ]  # fmt: skip


def test_an_image_is_part_of_the_html():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    made = html.gray_image(pixels, alt="six pixels", zoom=2)
    data = base64.b64decode(re.search(r"base64,([^\"]+)\"", made)[1])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
    assert 'width="6" height="4"' in made
