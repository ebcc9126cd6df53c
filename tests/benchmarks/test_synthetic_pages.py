"""The pages on which reading is measured: what stands on them is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.ocr import synthetic_pages
from benchmarks.ocr.synthetic_pages import (
    PAGE_STYLES,
    draw_page,
    draw_simple_page,
    edit_distance,
    upscale_digit,
)


def darkness(picture):
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    return 1 - grey / 255


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(PAGE_STYLES)))
def test_text_and_boxes_agree_and_lie_on_the_page(digits, seed, name):
    page = draw_page(*digits.test, np.random.default_rng(seed), PAGE_STYLES[name])
    style = PAGE_STYLES[name]
    lines = page.text.split("\n")
    assert style.lines[0] <= len(lines) <= style.lines[1]
    assert all(style.digits_per_line[0] <= len(line) <= style.digits_per_line[1] for line in lines)
    assert len(page.boxes) == sum(map(len, lines))
    assert page.picture.dtype == np.uint8
    assert page.picture.ndim == (3 if style.colored else 2)
    tall, wide = page.picture.shape[:2]
    for left, top, right, bottom in page.boxes:
        assert 0 <= left < right <= wide
        assert 0 <= top < bottom <= tall


@pytest.mark.parametrize("name", PAGE_STYLES)
def test_the_same_generator_gives_the_same_page(name, digits):
    one, same, other = (
        draw_page(*digits.test, np.random.default_rng(seed), PAGE_STYLES[name])
        for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(one.picture, same.picture)
    assert (one.text, one.boxes) == (same.text, same.boxes)
    assert one.text != other.text


@pytest.mark.parametrize("name", ["clean", "tilt to 10 degrees", "12 to 20 pixels", "touching"])
def test_ink_is_in_the_boxes_and_nowhere_else(name, digits):
    for seed in range(3):
        page = draw_page(*digits.test, np.random.default_rng(seed), PAGE_STYLES[name])
        rest = darkness(page.picture)
        for left, top, right, bottom in page.boxes:
            inside = np.s_[
                max(0, int(top) - 1) : int(bottom) + 2, max(0, int(left) - 1) : int(right) + 2
            ]
            assert darkness(page.picture)[inside].max() > 0.5
            rest[inside] = 0
        assert rest.max() < 0.1


def difference(found, image):
    """How far a drawn digit is from an image, drawn as large."""
    rows = np.flatnonzero(image.any(axis=1))
    drawn = upscale_digit(image, found.shape[0] * 20 / (rows[-1] - rows[0] + 3))
    same = drawn.shape == found.shape
    return np.abs(found / found.max() - drawn).mean() if same else np.inf


def test_the_digits_on_a_page_are_those_of_its_text(digits):
    images = digits.test.images[:10]
    page = draw_simple_page(images, np.arange(10), np.random.default_rng(0))
    signs = page.text.replace("\n", "")
    for sign, (left, top, right, bottom) in zip(signs, page.boxes, strict=True):
        found = darkness(page.picture[top:bottom, left:right])
        apart = [difference(found, image) for image in images]
        assert int(np.argmin(apart)) == int(sign)
        assert min(apart) < 0.02


def page_of(digits, **changed):
    """One digit of one kind on a page that has what is asked for."""
    style = synthetic_pages.PageStyle(
        height=(60, 60), lines=(1, 1), digits_per_line=(3, 3), contrast=(1, 1), **changed
    )
    return draw_page(*digits.test, np.random.default_rng(0), style)


def test_each_look_does_what_it_says(digits):
    plain = page_of(digits)
    dark = darkness(plain.picture)
    assert dark.max() == 1
    assert np.median(dark) == 0
    assert np.median(darkness(page_of(digits, blackboard=True).picture)) > 0.8
    assert np.ptp(np.percentile(page_of(digits, gradient=0.6).picture, [60, 99])) > 40
    noisy = page_of(digits, noise=0.1).picture.astype(float)
    assert 15 < np.abs(noisy - plain.picture)[plain.picture == 255].mean() * 2 < 30
    blurred = page_of(digits, blur=(0.05, 0.05)).picture.astype(float)
    assert np.abs(np.diff(blurred)).max() < np.abs(np.diff(plain.picture.astype(float))).max() / 2
    assert np.ptp(page_of(digits, colored=True).picture.astype(int), axis=2).max() > 50
    ruled = darkness(page_of(digits, ruled=True).picture)
    assert (ruled.min(axis=1) > 0.2).any()
    assert not (dark.min(axis=1) > 0.2).any()
    boxes = darkness(page_of(digits, boxes=True).picture)
    assert np.count_nonzero(boxes > 0.2) > np.count_nonzero(dark > 0.2) + 300
    assert darkness(page_of(digits, tilt=10).picture).shape > dark.shape


def test_tilted_boxes_are_about_the_tilted_digits(digits):
    page = page_of(digits, tilt=10)
    for left, top, right, bottom in page.boxes:
        inside = page.picture[int(top) : int(bottom), int(left) : int(right)]
        rows, columns = np.nonzero(darkness(inside) > 0.5)
        # The middle of the ink is that of the box, or near it.
        assert rows.mean() == pytest.approx((bottom - top) / 2, abs=0.2 * 60)
        assert columns.mean() == pytest.approx((right - left) / 2, abs=0.2 * 60)


@pytest.mark.parametrize(
    ("said", "true", "distance"),
    [
        ("", "", 0),
        ("123", "123", 0),
        ("", "123", 3),
        ("123", "", 3),
        ("123", "132", 2),
        ("1234", "124", 1),
        ("124", "1234", 1),
        ("124", "134", 1),
        ("12\n34", "1234", 1),
        ("kitten", "sitting", 3),
        ("3210", "0123", 4),
        ("5550", "0555", 2),
    ],
)
def test_errors_are_levenshteins(said, true, distance):
    assert edit_distance(said, true) == distance


SHORT = st.text("01\n", max_size=7)


@given(SHORT, SHORT, SHORT)
def test_errors_are_a_distance(one, other, third):
    apart = edit_distance(one, other)
    assert (apart == 0) is (one == other)
    assert apart == edit_distance(other, one)
    assert abs(len(one) - len(other)) <= apart <= max(len(one), len(other))
    assert apart <= edit_distance(one, third) + edit_distance(third, other)
