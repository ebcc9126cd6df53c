"""Synthetic pages have the text, boxes and style that they declare."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.ocr import synthetic_pages
from benchmarks.ocr.synthetic_pages import (
    PAGE_STYLES,
    draw_page,
    draw_simple_page,
    upscale_digit,
)


def darkness(picture):
    gray = picture if picture.ndim == 2 else picture.mean(axis=2)
    return 1 - gray / 255


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(PAGE_STYLES)))
def test_text_matches_boxes_within_the_page(digits, seed, name):
    style = PAGE_STYLES[name]
    page = draw_page(*digits.test, np.random.default_rng(seed), style)
    lines = page.text.split("\n")
    assert style.lines[0] <= len(lines) <= style.lines[1]
    assert all(style.digits_per_line[0] <= len(line) <= style.digits_per_line[1] for line in lines)
    assert len(page.boxes) == sum(map(len, lines))
    assert page.picture.dtype == np.uint8
    assert page.picture.ndim == (3 if style.colored else 2)
    height, width = page.picture.shape[:2]
    for left, top, right, bottom in page.boxes:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


@pytest.mark.parametrize("name", ["clean", "chalk on a blackboard", "boxes", "hard"])
def test_equal_seeds_give_equal_pages(name, digits):
    first, same, other = (
        draw_page(*digits.test, np.random.default_rng(seed), PAGE_STYLES[name])
        for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first.picture, same.picture)
    assert (first.text, first.boxes) == (same.text, same.boxes)
    assert first.text != other.text


@pytest.mark.parametrize("name", ["clean", "tilt to 10 degrees", "12 to 20 pixels", "touching"])
def test_ink_is_only_in_the_boxes(name, digits):
    for seed in range(3):
        page = draw_page(*digits.test, np.random.default_rng(seed), PAGE_STYLES[name])
        outside = darkness(page.picture)
        for left, top, right, bottom in page.boxes:
            inside = np.s_[
                max(0, int(top) - 1) : int(bottom) + 2, max(0, int(left) - 1) : int(right) + 2
            ]
            assert darkness(page.picture)[inside].max() > 0.5
            outside[inside] = 0
        assert outside.max() < 0.1


def mean_difference(crop, image):
    """Return the mean difference between a crop of a page and an image at the same size."""
    rows = np.flatnonzero(image.any(axis=1))
    expected = upscale_digit(image, crop.shape[0] * 20 / (rows[-1] - rows[0] + 3))
    if expected.shape != crop.shape:
        return np.inf
    return np.abs(crop / crop.max() - expected).mean()


def test_digits_on_a_page_match_its_text(digits):
    images = digits.test.images[:10]
    page = draw_simple_page(images, np.arange(10), np.random.default_rng(0))
    labels = map(int, page.text.replace("\n", ""))
    for label, (left, top, right, bottom) in zip(labels, page.boxes, strict=True):
        crop = darkness(page.picture[top:bottom, left:right])
        differences = [mean_difference(crop, image) for image in images]
        assert int(np.argmin(differences)) == label
        assert min(differences) < 0.02


def draw_line(digits, **changes):
    """Draw a page of one line of three digits, with changes to the plain style."""
    style = synthetic_pages.PageStyle(
        height=(60, 60), lines=(1, 1), digits_per_line=(3, 3), contrast=(1, 1), **changes
    )
    return draw_page(*digits.test, np.random.default_rng(0), style)


def test_style_options(digits):
    plain = draw_line(digits)
    dark = darkness(plain.picture)
    assert dark.max() == 1
    assert np.median(dark) == 0
    assert np.median(darkness(draw_line(digits, blackboard=True).picture)) > 0.8
    assert np.ptp(np.percentile(draw_line(digits, gradient=0.6).picture, [60, 99])) > 40
    noisy = draw_line(digits, noise=0.1).picture.astype(float)
    assert 15 < np.abs(noisy - plain.picture)[plain.picture == 255].mean() * 2 < 30
    blurred = draw_line(digits, blur=(0.05, 0.05)).picture.astype(float)
    assert np.abs(np.diff(blurred)).max() < np.abs(np.diff(plain.picture.astype(float))).max() / 2
    assert np.ptp(draw_line(digits, colored=True).picture.astype(int), axis=2).max() > 50
    ruled = darkness(draw_line(digits, ruled=True).picture)
    assert (ruled.min(axis=1) > 0.2).any()
    assert not (dark.min(axis=1) > 0.2).any()
    boxes = darkness(draw_line(digits, boxes=True).picture)
    assert np.count_nonzero(boxes > 0.2) > np.count_nonzero(dark > 0.2) + 300
    assert darkness(draw_line(digits, tilt=10).picture).shape > dark.shape


def test_boxes_of_a_tilted_page(digits):
    page = draw_line(digits, tilt=10)
    for left, top, right, bottom in page.boxes:
        inside = page.picture[int(top) : int(bottom), int(left) : int(right)]
        rows, columns = np.nonzero(darkness(inside) > 0.5)
        # The center of mass of the ink is near the center of the box.
        assert rows.mean() == pytest.approx((bottom - top) / 2, abs=0.2 * 60)
        assert columns.mean() == pytest.approx((right - left) / 2, abs=0.2 * 60)
