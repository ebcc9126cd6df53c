"""`Recognizer.read` reads the same text from every kind of input."""

import base64
import io
from itertools import count

import numpy as np
import pytest
from PIL import Image

import mnistcnn
from mnistcnn import CorruptFileError


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


@pytest.fixture
def scan(page, tmp_path):
    """Write a TIFF file of three pages, of which the second one is blank; return its path."""
    pages = [Image.fromarray(page.picture)] * 3
    pages[1] = Image.new("L", (60, 40), 255)
    path = tmp_path / "scan.tif"
    path.write_bytes(encode(pages[0], "TIFF", save_all=True, append_images=pages[1:]).getvalue())
    return path


def test_each_page_is_read(scan, page, recognizer):
    readings = list(recognizer.read_pages(scan))
    assert [reading.text for reading in readings] == [page.text, "", page.text]
    assert [reading.page for reading in readings] == [1, 2, 3]
    assert [reading.to_dict()["page"] for reading in readings] == [1, 2, 3]
    assert (readings[1].width, readings[1].height) == (60, 40)
    assert [reading.page for reading in recognizer.read_pages(scan, pages=(3, 2))] == [3, 2]
    assert recognizer.read(scan, page=2).page == 2
    with pytest.raises(ValueError, match="scan.tif must have one page; it has 3: choose one "):
        recognizer.read(scan)


def test_options_apply_to_each_page(scan, recognizer):
    (reading,) = recognizer.read_pages(scan, pages=[1], region=(0.0, 0.0, 1.0, 0.5), doubtful="_")
    expected = recognizer.read(scan, page=1, region=(0.0, 0.0, 1.0, 0.5), doubtful="_")
    assert reading.to_dict() == expected.to_dict()
    readings = recognizer.read_pages(scan, pattern=r"\d+")
    assert next(readings).fitted_text
    with pytest.raises(ValueError, match="^picture must show a number "):
        next(readings)  # is blank


def test_pages_are_decoded_when_they_are_requested(scan, recognizer):
    scan.write_bytes(scan.read_bytes()[:-30_000])
    readings = recognizer.read_pages(scan)
    next(readings)
    with pytest.raises(CorruptFileError, match=r"scan.tif, page \d must be an undamaged image; "):
        list(readings)


@pytest.mark.parametrize(
    ("pages", "error", "message"),
    [
        (1, TypeError, "pages must be numbers of pages, such as range(1, 4); received 1"),
        ("12", TypeError, "pages must be numbers of pages, such as range(1, 4); received '12'"),
        ([0], ValueError, "a number in pages must be at least 1; received 0"),
        ([1.0], TypeError, "a number in pages must be an integer; received 1.0"),
        ([1, 2, 1], ValueError, "pages must be different numbers; received [1, 2, 1]"),
        (count(1), ValueError, "pages must be at most 10,000 numbers; received more"),
    ],
)
def test_invalid_pages_are_rejected_before_reading(pages, error, message, recognizer):
    with pytest.raises(error) as caught:
        recognizer.read_pages("absent.tif", pages=pages)
    assert str(caught.value) == message


def test_absent_page_is_an_error(scan, recognizer):
    readings = recognizer.read_pages(scan, pages=[2, 4])
    next(readings)
    with pytest.raises(ValueError, match="^page must be at most 3, the last page; received 4$"):
        next(readings)


def test_options_are_checked_before_reading(recognizer):
    with pytest.raises(ValueError, match=r"^min_confidence must lie in \[0, 1\); received 2"):
        recognizer.read_pages("absent.tif", min_confidence=2)


def test_the_page_of_a_reading_is_plotted(scan, recognizer):
    reading = recognizer.read(scan, page=2)
    (axes,) = mnistcnn.plot_reading(scan, reading).axes
    assert axes.images[0].get_extent() == [0, 60, 40, 0]
    mnistcnn.plot_reading(np.full((40, 60), 255, np.uint8), reading)


def test_pdf_documents_and_heic_images(page, recognizer):
    pytest.importorskip("pypdfium2")
    pillow_heif = pytest.importorskip("pillow_heif")
    image = Image.fromarray(page.picture)
    assert recognizer.read(encode(image, "PDF", resolution=200)).text == page.text
    file = io.BytesIO()
    pillow_heif.from_pillow(image.convert("RGB")).save(file, quality=90)
    assert recognizer.read(file).text == page.text
