"""write_sheet: forms as PDF and PNG."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import mnistcnn


def test_png_has_the_size_of_the_paper(print_form):
    assert print_form().shape == (3507, 2480)
    assert print_form("letter").shape == (3300, 2550)


def test_png_states_its_resolution():
    mnistcnn.write_sheet("form.png")
    with Image.open("form.png") as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert picture.info["Software"] == "mnistcnn"


def test_pdf_has_a_page_for_each():
    mnistcnn.write_sheet("form.pdf", num_pages=3, paper="letter")
    content = Path("form.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page ") + content.count(b"/Type /Page\n") == 3
    assert content.count(b"/MediaBox [ 0 0 612 792 ]") == 3


@pytest.mark.parametrize("name", ["form.pdf", "form.png"])
def test_the_same_call_writes_the_same_file(name):
    mnistcnn.write_sheet(name, first_page=7)
    first = Path(name).read_bytes()
    mnistcnn.write_sheet(name, first_page=7)
    assert Path(name).read_bytes() == first


def test_marks_have_a_white_border_and_pages_differ(print_form):
    """ArUco markers need a border of one module."""
    module = round(14 / 8 * 300 / 25.4)
    corner = print_form()[117 - module : 117, 117 - module : 117 + 165]
    assert (corner == 255).all()
    assert not np.array_equal(print_form(page=2), print_form())


def test_labels_may_be_formulas_and_long_names():
    mnistcnn.write_sheet("form.png", class_names=["$x$", "\\frac", "alphabet", "é"])
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_6X6_1000)
    picture = cv2.imread("form.png", cv2.IMREAD_GRAYSCALE)
    _, numbers, _ = cv2.aruco.ArucoDetector(dictionary).detectMarkers(picture)
    assert sorted(np.ravel(numbers) % 4) == [0, 1, 2, 3]


ERRORS = {
    "suffix": (dict(path="form.svg"), "path must end in .pdf or .png; received 'form.svg'"),
    "paper": (dict(paper="a5"), "paper must be one of 'a4', 'letter'; received 'a5'"),
    "page": (dict(first_page=0), "first_page must be at least 1; received 0"),
    "last page": (dict(first_page=99, num_pages=3), "the last page must be at most 100; received 101"),
    "pages of a PNG": (dict(path="form.png", num_pages=2), "num_pages must be 1 for a .png file; received 2"),
    "long name": (dict(class_names=["123456789"]), "class_names of a form must have at most 8 characters, which fit above a box; received '123456789'"),
    "not in the font": (dict(class_names=["a", "字"]), "class_names must consist of characters of the font DejaVu Sans; received '字'"),
    "many": (dict(class_names=[str(i) for i in range(257)]), "class_names must hold at most 256 names; received 257"),
    "twice": (dict(class_names=["a", "a"]), "class_names must differ; received 'a' twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_invalid_arguments_write_nothing(name, tmp_path):
    arguments, message = ERRORS[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        mnistcnn.write_sheet(**{"path": "form.pdf", **arguments})
    assert list(tmp_path.iterdir()) == []


def test_invalid_types():
    with pytest.raises(TypeError, match="num_pages must be an integer; received '2'"):
        mnistcnn.write_sheet("form.pdf", num_pages="2")
    with pytest.raises(TypeError, match="class_names must be a list of strings; received 'abc'"):
        mnistcnn.write_sheet("form.pdf", class_names="abc")
