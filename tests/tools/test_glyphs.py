"""Handwriting and print for synthetic pages: center lines, pens, digits, letters and symbols."""

import cv2
import numpy as np
import pytest

from tools.page_network import stroke_shapes
from tools.page_network.fonts import Typefaces, character_image
from tools.page_network.glyphs import LETTERS, SYMBOLS, Glyphs, Pen
from tools.page_network.strokes import TEXTURES, center_lines, draw_strokes
from tools.page_network.writing import crop_around


@pytest.fixture(scope="module")
def glyphs(digits, tmp_path_factory):
    """Without the packages of typefaces, as after a fresh clone."""
    images, labels = digits.train
    return Glyphs(images[:200], labels[:200], tmp_path_factory.mktemp("no typefaces"))


def random(seed=0):
    return np.random.default_rng(seed)


def drawings(glyphs, height=40):
    """One drawing of each kind by name, with the same generator state for each."""
    pen = Pen(3)
    return {
        "digit": glyphs.digit(random(), height, pen)[0],
        "letter": glyphs.letter(random(), height, pen),
        "symbol": glyphs.symbol(random(), height, pen),
        "word": glyphs.word(random(), height, pen),
        "printed": glyphs.printed(random(), "Total 12", height),
    }


def mean_width(coverage):
    """Ink by length of the center line."""
    ink = (255 * coverage).astype(np.uint8)
    length = sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in center_lines(np.pad(ink, 4)))
    return coverage.sum() / length


def test_kinds_are_coverage(glyphs):
    for name, coverage in drawings(glyphs).items():
        assert coverage.dtype == np.float32, name
        assert coverage.ndim == 2, name
        assert coverage.min() >= 0, name
        assert 0.5 < coverage.max() <= 1, name


def test_equal_state_gives_equal_drawing(glyphs):
    first, second = drawings(glyphs), drawings(glyphs)
    for name, coverage in first.items():
        np.testing.assert_array_equal(coverage, second[name])


@pytest.mark.parametrize("height", [8, 20, 60, 200, 400])
def test_digit_has_the_height_and_is_cropped(glyphs, height):
    generator = random(height)
    for _ in range(10):
        ink, label = glyphs.digit(generator, height, Pen(height / 12), defects=0)
        assert 0 <= label <= 9
        assert abs(len(ink) - height) <= max(2, 0.06 * height)
        assert ink.shape[1] <= 4 * height
        for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]):
            assert edge.any()


def test_requested_label_is_drawn(glyphs):
    for label in range(10):
        assert glyphs.digit(random(label), 30, Pen(2), label=label)[1] == label


def test_label_is_drawn_without_an_image_of_it():
    glyphs = Glyphs(np.zeros((0, 28, 28), np.uint8), np.zeros(0, int), "missing")
    ink, label = glyphs.digit(random(), 30, Pen(2), label=4)
    assert label == 4
    assert ink.max() > 0.5


def test_empty_image_is_drawn_as_a_dot():
    glyphs = Glyphs(np.zeros((1, 28, 28), np.uint8), np.array([3]), "missing")
    for seed in range(10):
        assert glyphs.digit(random(seed), 20, Pen(2))[0].any()


@pytest.mark.parametrize("width", [0.5, 1.5, 4, 9])
def test_strokes_have_the_width_of_the_pen(width):
    line = np.array([[20, 20], [20, 180]], np.float32)
    drawn = [
        draw_strokes([line], (200, 40), Pen(width), random(seed))[40:160].sum(1).mean()
        for seed in range(20)
    ]
    assert np.mean(drawn) == pytest.approx(width, rel=0.1)


def test_digits_have_the_width_of_the_pen(glyphs):
    generator = random(1)
    for width in (4, 12):
        widths = [
            mean_width(glyphs.digit(generator, 120, Pen(width), defects=0)[0]) for _ in range(20)
        ]
        assert np.median(widths) == pytest.approx(width, rel=0.3)


def test_large_digits_have_no_stairs(glyphs):
    """The outline of a digit 300 pixels high is as long as one that was smoothed."""
    generator = random(5)
    for _ in range(10):
        ink, _ = glyphs.digit(generator, 300, Pen(24), defects=0)
        outline, smooth = (
            sum(
                cv2.arcLength(contour, closed=True)
                for contour in cv2.findContours(
                    (np.pad(image, 9) > 0.5).astype(np.uint8),
                    cv2.RETR_LIST,
                    cv2.CHAIN_APPROX_TC89_KCOS,
                )[0]
            )
            for image in (ink, cv2.GaussianBlur(ink, (0, 0), 4))
        )
        assert outline < 1.08 * smooth


@pytest.mark.parametrize("texture", TEXTURES)
def test_textures(glyphs, texture):
    for hardness in (0, 1):
        ink, _ = glyphs.digit(random(2), 60, Pen(6, hardness, texture), defects=0)
        assert ink.max() > 0.5
        assert ink.any(1).mean() > 0.9


def test_soft_pens_have_soft_edges(glyphs):
    shares = []
    for hardness in (0, 1):
        ink = glyphs.digit(random(2), 80, Pen(8, hardness), defects=0)[0]
        shares.append(((ink > 0.1) & (ink < 0.9)).sum() / (ink > 0.5).sum())
    assert shares[0] > 1.5 * shares[1]


def test_symbols(glyphs):
    for name in SYMBOLS:
        coverage = glyphs.symbol(random(4), 40, Pen(3), name=name)
        assert coverage.max() > 0.5, name


@pytest.mark.parametrize("name", ["circle", "underline", "strike", "scribble", "blot"])
def test_width_of_wide_symbols(glyphs, name):
    narrow, wide = (
        np.mean(
            [
                glyphs.symbol(random(seed), 40, Pen(3), name=name, width=width).shape[1]
                for seed in range(8)
            ]
        )
        for width in (60, 200)
    )
    assert narrow < 100
    assert wide > 130


def test_middle_row_is_the_middle_of_the_line(glyphs):
    """A comma has its ink in the lower half, a minus in the middle, quotes in the upper half."""
    for seed in range(5):
        rows = {}
        for name in (",", "-", '"'):
            ink = glyphs.symbol(random(seed), 100, Pen(6), name=name)
            middle = np.flatnonzero(ink.any(1)).mean() - len(ink) / 2
            rows[name] = middle / 100
        assert rows[","] > 0.3
        assert abs(rows["-"]) < 0.2
        assert rows['"'] < -0.1


def test_printed_line_has_the_height_of_its_capitals(glyphs):
    for face in glyphs.typefaces.print:
        ink = glyphs.printed(random(), "HE", 50, face=face)
        assert abs(np.ptp(np.flatnonzero(ink.any(1))) + 1 - 50) <= 4


def test_crop_around_keeps_the_middle():
    coverage = np.zeros((20, 10), np.float32)
    coverage[12, 3:5] = 1
    cropped = crop_around(coverage, 8)
    assert cropped.shape == (10, 2)
    assert cropped[9].tolist() == [1, 1]


def test_letters_of_the_fallback_typefaces(glyphs):
    assert len(glyphs.typefaces.letters) >= 5
    for face in glyphs.typefaces.letters:
        assert all(character_image(face, letter) is not None for letter in LETTERS)


def test_character_that_no_typeface_has(glyphs):
    with pytest.raises(ValueError, match="character must be one of the typeface; received '한'"):
        glyphs.letter(random(), 30, Pen(2), character="한")


def test_typefaces_are_installed_or_the_fallback_is_used(tmp_path):
    typefaces = Typefaces(tmp_path)
    assert {face.name for face in typefaces.digits} == {"hershey-simplex"}
    assert typefaces.print


def test_center_line_of_a_bar():
    ink = np.zeros((60, 100), np.uint8)
    ink[25:36, 10:91] = 255
    (line,) = center_lines(ink)
    assert abs(line[:, 1] - 30).max() < 1.5
    assert np.ptp(line[:, 0]) > 65


def test_center_lines_go_straight_through_a_crossing():
    ink = np.zeros((100, 100), np.uint8)
    cv2.line(ink, (10, 10), (90, 90), 255, 9)
    cv2.line(ink, (90, 10), (10, 90), 255, 9)
    lines = center_lines(ink)
    assert len(lines) == 2
    for line in lines:
        assert np.hypot(*(line[0] - line[-1])) > 95


def test_center_line_of_a_ring_is_closed():
    ink = np.zeros((100, 100), np.uint8)
    cv2.circle(ink, (50, 50), 35, 255, 9)
    (line,) = center_lines(ink)
    np.testing.assert_array_equal(line[0], line[-1])
    assert abs(np.hypot(*(line - 50).T) - 35).max() < 2


def test_center_lines_of_dots_and_of_nothing():
    ink = np.zeros((40, 40), np.uint8)
    assert center_lines(ink) == []
    ink[10:14, 20:24] = 255
    (dot,) = center_lines(ink)
    assert np.hypot(*(dot.mean(0) - [21.5, 11.5])) < 2


def test_strokes_of_digits_and_symbols_are_finite():
    generator = random(6)
    shapes = [stroke_shapes.digit(label, generator) for label in range(10) for _ in range(5)]
    shapes += [stroke_shapes.symbol(name, generator) for name in stroke_shapes.SYMBOL_NAMES]
    for strokes in shapes:
        for stroke in strokes:
            assert stroke.dtype == np.float32
            assert len(stroke) >= 2
            assert np.isfinite(stroke).all()
            assert abs(stroke).max() < 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.1,), "width must be at least 0.2; received 0.1"),
        ((2, 1.5), r"hardness must lie in \[0, 1\]; received 1.5"),
        ((2, 1, "quill"), r"texture must be one of .*; received 'quill'"),
    ],
)
def test_errors_of_pens(arguments, message):
    with pytest.raises(ValueError, match=message):
        Pen(*arguments)


def test_random_pens_suit_the_height():
    generator = random(7)
    for height in (8, 40, 300):
        widths = [Pen.random(generator, height).width / height for _ in range(300)]
        assert min(widths) >= 0.025
        assert max(widths) <= 0.25
        assert 0.05 < np.median(widths) < 0.1


def test_error_of_shapes():
    with pytest.raises(
        ValueError, match=r"images must have shape .*; received shapes \(3, 28, 28\) and \(2,\)"
    ):
        Glyphs(np.zeros((3, 28, 28), np.uint8), np.zeros(2, int))
