"""The layouts of the synthetic pages."""

import numpy as np
import pytest

from tools.page_network import rows, rules_and_frames, sheet
from tools.page_network.glyphs import Glyphs, Pen
from tools.page_network.layout import KINDS, MARKS, PAPERS, draw_layout
from tools.page_network.sheet import Sheet

SIZE = (160, 200)
DIGITLESS = list(KINDS)[list(KINDS).index("printed page") :]


@pytest.fixture(scope="module")
def glyphs():
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, 4:24, 13:16] = 255
    images[10:, 12:15, 6:22] = 255
    return Glyphs(images, np.arange(20) % 10)


@pytest.fixture
def page(glyphs):
    return Sheet(np.random.default_rng(0), glyphs, SIZE)


def draw_kind(name, glyphs, seed=0):
    """A page of one kind, without paper and marks."""
    without = {*KINDS, *PAPERS, *MARKS} - {name}
    return draw_layout(np.random.default_rng(seed), glyphs, SIZE, without=without)


def check(page):
    assert page.instances.shape == SIZE
    assert page.instances.dtype == np.int16
    # Each digit is seen, and numbers are consecutive.
    assert np.array_equal(
        np.unique(page.instances[page.instances > 0]), 1 + np.arange(len(page.labels))
    )
    digit_ink = np.zeros(SIZE, np.float32)
    for layer in page.layers:
        assert layer.coverage.shape == SIZE
        assert layer.coverage.dtype == np.float32
        assert layer.kind in {"digit", "other", "area"}
        assert layer.coverage.min() >= 0
        assert layer.coverage.max() <= 1
        assert all(0 <= part <= 1 for part in layer.color)
        if layer.kind == "digit":
            np.maximum(digit_ink, layer.coverage, out=digit_ink)
    assert np.array_equal(page.instances > 0, digit_ink > sheet.MIN_COVERAGE)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_draws_a_page(name, glyphs):
    pages = [draw_kind(name, glyphs, seed) for seed in range(4)]
    for page in pages:
        check(page)
    assert any(page.labels for page in pages) == (name not in DIGITLESS)


def test_the_share_of_pages_without_digits():
    weights = {name: weight for name, (weight, _) in KINDS.items()}
    share = sum(weights[name] for name in DIGITLESS) / sum(weights.values())
    assert share == pytest.approx(0.17, abs=0.01)


def test_equal_states_draw_equal_pages(glyphs):
    first, second = (draw_layout(np.random.default_rng(5), glyphs, SIZE) for _ in range(2))
    assert first.labels == second.labels
    assert np.array_equal(first.instances, second.instances)
    for one, other in zip(first.layers, second.layers, strict=True):
        assert np.array_equal(one.coverage, other.coverage)


@pytest.mark.parametrize("name", MARKS)
def test_every_mark_keeps_the_digits(name, glyphs):
    page = Sheet(np.random.default_rng(1), glyphs, SIZE)
    coverage = np.ones((20, 6), np.float32)
    page.place_digit(coverage, 3, 70, 90)
    MARKS[name][1](page)
    result = page.finish()
    check(result)
    assert result.labels[0] == 3
    assert (result.instances[70:90, 90:96] == 1).all()


@pytest.mark.parametrize("name", PAPERS)
def test_every_paper_draws_lines(name, page):
    PAPERS[name][1](page)
    (*_, lines) = page.finish().layers
    assert lines.kind == "other"
    assert lines.coverage.max() > 0.1


def test_all_kinds_left_out(glyphs):
    with pytest.raises(
        ValueError, match="at least one kind of page must remain; received without="
    ):
        draw_layout(np.random.default_rng(0), glyphs, SIZE, without=list(KINDS))


@pytest.mark.parametrize("thin_first", [True, False])
def test_the_digit_with_more_ink_owns_the_pixel(page, thin_first):
    thin, thick = np.full((10, 30), 0.4, np.float32), np.full((10, 30), 0.9, np.float32)
    digits = [(thin, 1, 50, 50), (thick, 2, 50, 75)]
    for digit in digits if thin_first else digits[::-1]:
        assert page.place_digit(*digit)
    result = page.finish()
    owners = np.array([0, *result.labels])[result.instances]
    assert (owners[50:60, 50:75] == 1).all()
    assert (owners[50:60, 75:105] == 2).all()


def test_hidden_and_cut_off_digits_are_not_drawn(page):
    digit = np.ones((20, 20), np.float32)
    assert page.place_digit(digit, 1, 50, 50)
    assert page.place_digit(digit, 2, 52, 52) is None
    assert page.place_digit(digit, 3, -12, 10) is None
    assert page.place_digit(digit, 4, 50, 500) is None
    assert page.place_digit(digit, 5, -8, 10)  # 60 % of it can be seen
    assert page.finish().labels == [1, 5]


def test_a_digit_that_others_cover_whole_is_dropped(page):
    page.place_digit(np.full((4, 40), 0.2, np.float32), 1, 50, 50)
    for left in (45, 60, 75):
        page.place_digit(np.ones((30, 15), np.float32), 2, 40, left)
    result = page.finish()
    assert result.labels == [2, 2, 2]
    assert set(np.unique(result.instances)) == {0, 1, 2, 3}


def test_other_ink_does_not_take_pixels_from_a_digit(page):
    page.place_digit(np.ones((20, 20), np.float32), 1, 50, 50)
    page.add_rules(np.ones(SIZE, np.float32))
    page.place_print(np.ones((40, 40), np.float32), 40, 40)
    assert (page.finish().instances[50:70, 50:70] == 1).all()


def test_crossed_out_digits_are_other_ink(page):
    style = rows.Style((0.2, 0.2), 0, turn=False, jitter=0, wobble=0)
    rows.RowWriter(page, style).write("xxx", 20, 100, 40)
    result = page.finish()
    assert result.labels == []
    assert {layer.kind for layer in result.layers} == {"other"}
    rows.RowWriter(page, style).write("dd", 20, 40, 30)
    assert len(page.finish().labels) == 2


def test_every_code_of_a_row(page):
    style = rows.Style((0.1, 0.1), 0.1, turn=True, jitter=0.05, wobble=0.05)
    end = rows.RowWriter(page, style).write("d^_ls-=.+ w", 2, 60, 16)
    assert end > 80
    assert len(page.finish().labels) == 3


def test_layers_lie_in_order(page):
    page.place_digit(np.ones((20, 20), np.float32), 1, 50, 50)
    page.place_writing(np.ones((5, 5), np.float32), 5, 5, page.hands[0])
    page.place_print(np.ones((5, 5), np.float32), 5, 50)
    page.add_rules(np.ones(SIZE, np.float32))
    page.fill(np.array([(0, 0), (50, 0), (0, 50)]), (1.0, 0.0, 0.0))
    kinds = [(layer.kind, layer.texture) for layer in page.finish().layers]
    pen = page.hands[0].pen.texture
    assert kinds == [
        ("area", "print"),
        ("other", "print"),
        ("other", "print"),
        ("other", pen),
        ("digit", pen),
    ]


def test_comb_and_profile_have_the_thickness_asked_for():
    for width in (0.5, 1, 2.5):
        lines = rules_and_frames.comb(100, 20, 7.5, width)
        assert lines.sum() == pytest.approx(5 * width)
        assert lines.max() == min(1, width)
        assert np.argmax(lines) == 7
        same = rules_and_frames.profile(100, [7.5, 27.5, 47.5, 67.5, 87.5], [width] * 5)
        assert same == pytest.approx(lines, abs=1e-5)


def test_small_writing_gets_a_thin_pen():
    pen = Pen(8, 0.5, "pencil")
    assert sheet.fit_pen(pen, 40) is pen
    assert sheet.fit_pen(pen, 12) == Pen(3, 0.5, "pencil")
