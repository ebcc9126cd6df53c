"""`Recognizer.read` reads the same text from every kind of input."""

import base64
import io

import numpy as np
import pytest
from PIL import Image


def encode(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file


@pytest.mark.parametrize("color", [0, 255], ids=["black", "white"])
def test_strokes_on_a_transparent_canvas(page, recognizer, color):
    """As HTML canvases and drawing apps save them."""
    ink = 255 - page.picture.astype(np.uint8)
    image = Image.merge("LA", [Image.new("L", ink.shape[::-1], color), Image.fromarray(ink)])
    file = encode(image, "PNG")
    assert recognizer.read(file).text == page.text
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    assert recognizer.read(url).text == page.text
    assert recognizer.read(np.asarray(image.convert("RGBA"))).text == page.text
