"""A picture with what was read from it, by what is drawn."""

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


PICTURE = np.random.default_rng(0).random((60, 90))
SURE, DOUBTFUL = digit(7, 0.987, (5, 10, 25, 40)), digit(0, 0.62, (30, 12, 50, 41))
READING = Reading(lines=((SURE, DOUBTFUL),), width=90, height=60)


def test_each_digit_has_its_box_and_label():
    figure = plot_reading(PICTURE, READING)
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    (image,) = axes.get_images()
    np.testing.assert_allclose(image.get_array(), np.repeat(PICTURE[..., None], 3, 2), atol=1e-6)
    assert list(image.get_extent()) == [0, 90, 60, 0]
    boxes = [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in axes.patches]
    assert boxes == [(5, 10, 20, 30), (30, 12, 20, 29)]
    assert [(text.get_text(), text.xy) for text in axes.texts] == [
        ("7  99 %", (5, 10)),
        ("0  62 %", (30, 12)),
    ]
    assert axes.get_title() == "2 digits"
    assert not axes.axison
    figure.savefig("reading.png")


def test_digits_in_doubt_are_told_apart_by_line_and_colour():
    sure, doubtful = plot_reading(PICTURE, READING).axes[0].patches
    assert sure.get_linestyle() == "-"
    assert doubtful.get_linestyle() == "--"
    assert to_hex(sure.get_edgecolor()) != to_hex(doubtful.get_edgecolor())
    assert not sure.get_fill()


@pytest.mark.parametrize(("probability", "style"), [(0.9, "-"), (0.8999, "--")])
def test_the_doubt_begins_below_90_percent(probability, style):
    reading = Reading(lines=((digit(1, probability, (0, 0, 9, 9)),),), width=90, height=60)
    axes = plot_reading(PICTURE, reading).axes[0]
    assert axes.patches[0].get_linestyle() == style
    assert axes.get_title() == "1 digit"


def test_no_digits():
    axes = plot_reading(PICTURE, Reading(lines=(), width=90, height=60)).axes[0]
    assert axes.get_title() == "No digits"
    assert not axes.patches
    assert not axes.texts


def test_colours_are_shown_as_they_are():
    colours = np.random.default_rng(1).random((60, 90, 3))
    (image,) = plot_reading(colours, READING).axes[0].get_images()
    np.testing.assert_allclose(image.get_array(), colours, atol=1e-6)


def test_axes_of_the_users_own():
    figure = Figure()
    axes = figure.subplots()
    assert plot_reading(PICTURE, READING, ax=axes) is figure
    assert len(axes.patches) == 2


@pytest.mark.parametrize("shape", [(10, 2000), (2000, 10), (60, 90)])
def test_the_figure_has_a_size_that_fits_a_page(shape):
    reading = Reading(lines=(), width=shape[1], height=shape[0])
    wide, tall = plot_reading(np.ones(shape), reading).get_size_inches()
    assert wide == 9
    assert 1.5 <= tall <= 12


def test_the_reading_must_be_of_this_picture():
    with pytest.raises(TypeError, match="^reading must be a Reading; received '70'$"):
        plot_reading(PICTURE, "70")
    message = "^picture must be the one that was read, 90 × 60; received 60 × 90$"
    with pytest.raises(ValueError, match=message):
        plot_reading(PICTURE.T, READING)
    with pytest.raises(CorruptFileError, match="^picture must be a picture; it holds 0 bytes$"):
        plot_reading(b"", READING)


def test_what_is_read_is_drawn_where_it_stands(recognizer, page):
    reading = recognizer.read(page.picture)
    axes = plot_reading(page.picture, reading).axes[0]
    assert "".join(text.get_text()[0] for text in axes.texts) == page.text.replace("\n", "")
    for patch, (left, top, right, bottom) in zip(axes.patches, page.boxes, strict=True):
        x, y = patch.get_center()
        assert left < x < right
        assert top < y < bottom


def test_nothing_shows_a_window():
    plot_reading(PICTURE, READING)
    assert plt.get_fignums() == []
