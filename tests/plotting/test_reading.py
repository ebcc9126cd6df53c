"""`plot_reading`, by the artists in the figure."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mnistcnn import CorruptFileError, Digit, Reading, plot_reading


def digit(label, confidence, box):
    probabilities = np.full(10, (1 - confidence) / 9, np.float32)
    probabilities[label] = confidence
    image = np.zeros((28, 28), np.uint8)
    return Digit(
        label=label, confidence=confidence, box=box, image=image, probabilities=probabilities
    )


PAGE = np.random.default_rng(0).random((60, 90))
CONFIDENT, UNCERTAIN = digit(7, 0.987, (5, 10, 25, 40)), digit(0, 0.62, (30, 12, 50, 41))
READING = Reading(lines=((CONFIDENT, UNCERTAIN),), width=90, height=60)


def test_each_digit_has_a_box_and_a_label():
    figure = plot_reading(PAGE, READING)
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    (image,) = axes.get_images()
    np.testing.assert_allclose(image.get_array(), np.repeat(PAGE[..., None], 3, 2), atol=1e-6)
    assert list(image.get_extent()) == [0, 90, 60, 0]
    boxes = [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in axes.patches]
    assert boxes == [(5, 10, 20, 30), (30, 12, 20, 29)]
    assert [(text.get_text(), text.xy) for text in axes.texts] == [
        ("7  99 %", (5, 10)),
        ("0  62 %", (30, 12)),
    ]
    assert axes.get_title() == "2 digits"
    assert not axes.axison
    assert plt.get_fignums() == []  # no window
    figure.savefig("reading.png")


def test_uncertain_digits_have_another_line_style_and_color():
    confident, uncertain = plot_reading(PAGE, READING).axes[0].patches
    assert confident.get_linestyle() == "-"
    assert uncertain.get_linestyle() == "--"
    assert to_hex(confident.get_edgecolor()) != to_hex(uncertain.get_edgecolor())
    assert not confident.get_fill()


@pytest.mark.parametrize(("confidence", "style"), [(0.9, "-"), (0.8999, "--")])
def test_digits_below_90_percent_are_uncertain(confidence, style):
    reading = Reading(lines=((digit(1, confidence, (0, 0, 9, 9)),),), width=90, height=60)
    axes = plot_reading(PAGE, reading).axes[0]
    assert axes.patches[0].get_linestyle() == style
    assert axes.get_title() == "1 digit"


def test_no_digits():
    axes = plot_reading(PAGE, Reading(lines=(), width=90, height=60)).axes[0]
    assert axes.get_title() == "No digits"
    assert not axes.patches
    assert not axes.texts


def test_color_images_keep_their_colors():
    colors = np.random.default_rng(1).random((60, 90, 3))
    (image,) = plot_reading(colors, READING).axes[0].get_images()
    np.testing.assert_allclose(image.get_array(), colors, atol=1e-6)


def test_given_axes():
    figure = Figure()
    axes = figure.subplots()
    assert plot_reading(PAGE, READING, ax=axes) is figure
    assert len(axes.patches) == 2


@pytest.mark.parametrize("shape", [(10, 2000), (2000, 10), (60, 90)])
def test_the_size_of_a_new_figure_is_limited(shape):
    reading = Reading(lines=(), width=shape[1], height=shape[0])
    width, height = plot_reading(np.ones(shape), reading).get_size_inches()
    assert width == 9
    assert 1.5 <= height <= 12


def test_arguments_are_checked():
    with pytest.raises(TypeError, match="^reading must be a Reading; received '70'$"):
        plot_reading(PAGE, "70")
    message = "^picture must be 90 × 60 pixels, as in the reading; received 60 × 90$"
    with pytest.raises(ValueError, match=message):
        plot_reading(PAGE.T, READING)
    with pytest.raises(CorruptFileError, match="0 bytes"):
        plot_reading(b"", READING)
    with pytest.raises(TypeError, match="ax must be a Matplotlib Axes; received 3"):
        plot_reading(PAGE, READING, ax=3)


def test_boxes_are_at_the_digits_of_the_page(recognizer, page):
    reading = recognizer.read(page.picture)
    axes = plot_reading(page.picture, reading).axes[0]
    assert "".join(text.get_text()[0] for text in axes.texts) == page.text.replace("\n", "")
    for patch, (left, top, right, bottom) in zip(axes.patches, page.boxes, strict=True):
        x, y = patch.get_center()
        assert left < x < right
        assert top < y < bottom
