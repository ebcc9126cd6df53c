"""Fixtures: printed forms, and photos of forms that are filled in."""

import cv2
import numpy as np
import pytest
from PIL import Image

import mnistcnn
from benchmarks.data.filled_forms import Camera, fill_form, photograph
from mnistcnn.sheets.layout import layout_of


@pytest.fixture(scope="session")
def print_form(tmp_path_factory):
    """A function that returns a form as printed, ``uint8 (h, w)``."""
    forms = {}

    def draw(paper="a4", page=1, class_names=None):
        key = paper, page, class_names
        if key not in forms:
            path = tmp_path_factory.mktemp("form") / "form.png"
            mnistcnn.write_sheet(path, paper=paper, first_page=page, class_names=class_names)
            forms[key] = np.asarray(Image.open(path).convert("L"))
        return forms[key]

    return draw


@pytest.fixture(scope="session")
def pen_digits(digits):
    """Digits without the blobs that scikit-learn's images, of 8 × 8 pixels at first, often have."""
    images, labels = digits.test
    blob = np.ones((6, 6), np.uint8)
    slim = [not cv2.erode((image > 100).astype(np.uint8), blob).any() for image in images]
    assert set(labels[slim]) == set(range(10))
    return mnistcnn.Split(images[slim], labels[slim])


@pytest.fixture(scope="session")
def filled(print_form, pen_digits):
    """A form of A4 that is filled in with digits; some boxes are spoiled."""
    generator = np.random.default_rng(5)
    return fill_form(print_form(), layout_of("a4"), 1, pen_digits, generator)


@pytest.fixture(scope="session")
def take_photo(filled):
    """A function that takes a photo of `filled`: JPEG."""

    def take(seed=0, page=None, paper="a4", **camera):
        generator = np.random.default_rng(seed)
        camera = Camera(**{"megapixels": 2.0, "turns": (0,), **camera})
        picture = filled.picture if page is None else page
        return photograph(picture, layout_of(paper), generator, camera)

    return take
