"""Grids of digits: which images stand where, and what is written at them."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mnistcnn import Evaluation, plot_digits, plot_misclassified, preprocess
from mnistcnn.plotting.common import ImageGrid
from tests.helpers.evaluations import make_evaluation


def tiles_of(axes):
    """The 28 x 28 pictures of the one image in the Axes, in reading order."""
    (image,) = axes.get_images()
    canvas = image.get_array()
    assert image.get_extent() == [0, canvas.shape[1], canvas.shape[0], 0]
    kept = ~np.ma.getmaskarray(canvas)
    rows, columns = (runs(kept.any(axis=axis)) for axis in (1, 0))
    found = [canvas[r, c] for r in rows for c in columns if kept[r, c].all()]
    return [tile.data for tile in found]


def runs(inside):
    edges = np.flatnonzero(np.diff([0, *inside.astype(int), 0]))
    return [slice(a, b) for a, b in edges.reshape(-1, 2)]


def words_of(axes):
    """The texts with where they stand, in the tiles' pixels."""
    return [(text.get_text(), text.get_position()) for text in axes.texts]


@pytest.mark.parametrize("form", ["raw", "preprocessed"])
def test_digits_stand_in_rows_with_their_labels(digits, form):
    images, labels = (part[:7] for part in digits.train)
    x = images if form == "raw" else preprocess(images)
    figure = plot_digits(x, labels, columns=3)
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    tiles = tiles_of(axes)
    expected = images if form == "raw" else images / np.float32(255)
    assert len(tiles) == 7
    assert all(map(np.array_equal, tiles, expected))
    (image,) = axes.get_images()
    assert image.get_clim() == (0, 255 if form == "raw" else 1)
    assert image.get_cmap().name == "gray_r"
    assert [word for word, _ in words_of(axes)] == [str(label) for label in labels]
    places = [place for _, place in words_of(axes)]
    assert places[0][0] == 14
    assert places[1] == (14 + 31, places[0][1])
    assert places[3] == (14, places[0][1] + 28 + 3 + 7)
    figure.savefig("digits.png")


def test_one_hot_labels_and_a_single_image_will_do(digits):
    images, labels = digits.test
    figure = plot_digits(images[0], np.eye(10)[labels[:1]])
    assert [word for word, _ in words_of(figure.axes[0])] == [str(labels[0])]
    assert not plot_digits(images[0]).axes[0].texts


def test_the_first_images_are_drawn(digits):
    images, labels = digits.train
    axes = plot_digits(images, labels, max_images=4).axes[0]
    assert all(map(np.array_equal, tiles_of(axes), images[:4]))
    assert len(axes.texts) == 4
    assert len(tiles_of(plot_digits(images).axes[0])) == 100


def test_own_axes_hold_the_whole_grid(digits):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plot_digits(digits.test.images[:5], ax=right) is figure
    assert len(tiles_of(right)) == 5
    assert not left.get_images()
    assert len(figure.axes) == 2


@pytest.mark.parametrize(
    ("images", "labels", "options", "error", "message"),
    [
        (np.zeros((0, 28, 28)), None, {}, ValueError, "images must hold at least one image; received none"),
        (np.zeros((2, 27, 28)), None, {}, ValueError, "images must have shape"),
        (np.zeros((2, 28, 28)), [1], {}, ValueError, "images and labels must have the same length; received 2 and 1"),
        (np.zeros((1, 28, 28)), [10], {}, ValueError, r"labels must lie in 0\.\.\.9; received 10"),
        (np.zeros((1, 28, 28)), None, {"columns": 0}, ValueError, "columns must be at least 1; received 0"),
        (np.zeros((1, 28, 28)), None, {"max_images": 2.5}, TypeError, r"max_images must be an integer; received 2\.5"),
        (np.zeros((1, 28, 28)), None, {"ax": 7}, TypeError, "ax must be Matplotlib's Axes; received 7"),
    ],
)  # fmt: skip
def test_digits_are_checked(images, labels, options, error, message):
    with pytest.raises(error, match=message):
        plot_digits(images, labels, **options)


def mistaken():
    """Five images of which the second, third and fifth are read wrong."""
    probabilities = np.full((5, 10), 0.01)
    for row, (answer, share) in enumerate([(3, 0.91), (4, 0.61), (9, 0.91), (0, 0.91), (1, 0.71)]):
        probabilities[row] = (1 - share) / 9
        probabilities[row, answer] = share
    return Evaluation.from_probabilities(probabilities, [3, 9, 4, 0, 7])


def test_mistakes_come_the_most_confident_first(digits):
    images = digits.test.images[:5]
    figure = plot_misclassified(mistaken(), images)
    (axes,) = figure.axes
    tiles = tiles_of(axes)
    assert all(map(np.array_equal, tiles, images[[2, 4, 1]]))
    words = [word for word, _ in words_of(axes)]
    assert words == ["4 → 9", "7 → 1", "9 → 4", "91 %, #2", "71 %, #4", "61 %, #1"]
    heights = [place[1] for _, place in words_of(axes)]
    assert heights[0] < 7  # the top of a digit
    assert heights[3] > 35  # and its bottom
    assert axes.get_title() == "All 3 mistakes: digit → answer"
    (frames,) = axes.collections
    assert len(frames.get_paths()) == 3
    figure.savefig("mistakes.png")


def test_fewer_mistakes_when_asked_and_preprocessed_images_too(digits):
    x = preprocess(digits.test.images[:5])
    axes = plot_misclassified(mistaken(), x, max_images=2).axes[0]
    assert all(map(np.array_equal, tiles_of(axes), x[[2, 4], ..., 0]))
    assert axes.get_title() == "2 of 3 mistakes: digit → answer"
    assert axes.get_images()[0].get_clim() == (0, 1)


def test_no_mistakes_and_own_axes(digits):
    perfect = make_evaluation(np.diag([2, 1]))
    assert plot_misclassified(perfect, digits.test.images[:3]).axes[0].get_title() == "No mistakes"
    figure = Figure()
    axes = figure.subplots()
    assert plot_misclassified(perfect, digits.test.images[:3], ax=axes) is figure
    assert plot_misclassified(mistaken(), digits.test.images[:5], ax=axes) is figure
    assert len(tiles_of(axes)) == 3


def test_mistakes_are_checked(digits):
    images = digits.test.images[:5]
    with pytest.raises(TypeError, match="evaluation must be an Evaluation; received 3"):
        plot_misclassified(3, images)
    with pytest.raises(ValueError, match="images must be the 5 that were evaluated; received 4"):
        plot_misclassified(mistaken(), images[:4])
    with pytest.raises(ValueError, match="max_images must be at least 1; received 0"):
        plot_misclassified(mistaken(), images, max_images=0)
    with pytest.raises(TypeError, match="ax must be Matplotlib's Axes; received 'here'"):
        plot_misclassified(mistaken(), images, ax="here")
    with pytest.raises(TypeError, match="ax must be Matplotlib's Axes; received 'here'"):
        plot_misclassified(make_evaluation(np.diag([5, 0])), images, ax="here")


def test_a_mosaic_has_no_room_around_it():
    mosaic = ImageGrid(np.ones((5, 2, 3)), columns=3, gap=1, above=2, below=1)
    assert mosaic.shape == (2 * (2 + 2 + 1) + 1, 3 * 3 + 2)
    assert [mosaic.corner(number) for number in range(5)] == [
        (2, 0),
        (2, 4),
        (2, 8),
        (8, 0),
        (8, 4),
    ]
    assert np.nansum(mosaic.canvas()) == 5 * 2 * 3
    assert ImageGrid(np.ones((2, 4, 4)), columns=9, gap=1).shape == (4, 9)
