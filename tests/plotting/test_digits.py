"""`plot_digits` and `plot_misclassified`: which images are where, and their annotations."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnistcnn import Evaluation, plot_digits, plot_misclassified, preprocess
from tests.helpers.evaluations import make_evaluation


def tiles_in(axes):
    """Return the 28 × 28 tiles of the only image in `axes`, row by row."""
    (image,) = axes.get_images()
    canvas = image.get_array()
    assert image.get_extent() == [0, canvas.shape[1], canvas.shape[0], 0]
    inside = ~np.ma.getmaskarray(canvas)
    rows, columns = (slices_of(inside.any(axis=axis)) for axis in (1, 0))
    return [canvas[r, c].data for r in rows for c in columns if inside[r, c].all()]


def slices_of(mask):
    edges = np.flatnonzero(np.diff([0, *mask.astype(int), 0]))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]


def annotations_in(axes):
    """Return the texts, and their positions in pixels of the tiles."""
    texts = [text.get_text() for text in axes.texts]
    return texts, [text.get_position() for text in axes.texts]


@pytest.mark.parametrize("form", ["raw", "preprocessed"])
def test_digits_are_in_rows_with_their_labels(digits, form):
    images, labels = (part[:7] for part in digits.train)
    x = images if form == "raw" else preprocess(images)
    figure = plot_digits(x, labels, columns=3)
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    tiles = tiles_in(axes)
    expected = images if form == "raw" else images / np.float32(255)
    assert len(tiles) == 7
    assert all(map(np.array_equal, tiles, expected))
    (image,) = axes.get_images()
    assert image.get_clim() == (0, 255 if form == "raw" else 1)
    assert image.get_cmap().name == "gray_r"
    texts, positions = annotations_in(axes)
    assert texts == [str(label) for label in labels]
    assert positions[0][0] == 14
    assert positions[1] == (14 + 31, positions[0][1])
    assert positions[3] == (14, positions[0][1] + 28 + 3 + 7)
    assert plt.get_fignums() == []  # no window
    figure.savefig("digits.png")


def test_one_hot_labels_and_a_single_image(digits):
    images, labels = digits.test
    figure = plot_digits(images[0], np.eye(10)[labels[:1]])
    assert annotations_in(figure.axes[0])[0] == [str(labels[0])]
    assert not plot_digits(images[0]).axes[0].texts


def test_class_names_are_written(digits):
    images, names = digits.train.images[:2], [*"abcdefghijkl"]
    for labels in ([11, 0], np.eye(12)[[11, 0]]):
        figure = plot_digits(images, labels, class_names=names)
        assert annotations_in(figure.axes[0])[0] == ["l", "a"]
    result = Evaluation.from_probabilities(np.eye(12)[:2], [0, 2], class_names=names)
    assert annotations_in(plot_misclassified(result, images).axes[0])[0][0] == "c → b"


def test_long_class_names_do_not_overlap(digits):
    names = ["a", "ankle boot number 1"]
    sizes = [
        plot_digits(digits.test.images[:2], labels, class_names=names)
        .axes[0]
        .texts[0]
        .get_fontsize()
        for labels in ([0, 0], [0, 1])
    ]
    assert sizes[0] == 9
    assert sizes[1] < 5


def test_max_images_selects_the_first_images(digits):
    images, labels = digits.train
    axes = plot_digits(images, labels, max_images=4).axes[0]
    assert all(map(np.array_equal, tiles_in(axes), images[:4]))
    assert len(axes.texts) == 4
    assert len(tiles_in(plot_digits(images).axes[0])) == 100


def test_digits_on_given_axes(digits):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plot_digits(digits.test.images[:5], ax=right) is figure
    assert len(tiles_in(right)) == 5
    assert not left.get_images()
    assert len(figure.axes) == 2


@pytest.mark.parametrize(
    ("images", "labels", "options", "error", "message"),
    [
        (np.zeros((0, 28, 28)), None, {}, ValueError, "images must hold at least one image; received none"),
        (np.zeros((2, 27, 28)), None, {}, ValueError, "images must have shape"),
        (np.zeros((2, 28, 28)), [1], {}, ValueError, "images and labels must have the same length; received 2 and 1"),
        (np.zeros((1, 28, 28)), [10], {}, ValueError, r"labels must lie in 0\.\.\.9; received 10 in row 0: give class_names for more classes$"),
        (np.zeros((1, 28, 28)), [2], {"class_names": ["a", "b"]}, ValueError, r"labels must lie in 0\.\.\.1; received 2 in row 0$"),
        (np.zeros((1, 28, 28)), [1], {"class_names": "ab"}, TypeError, "class_names must be a list of strings; received 'ab'"),
        (np.zeros((1, 28, 28)), None, {"columns": 0}, ValueError, "columns must be at least 1; received 0"),
        (np.zeros((1, 28, 28)), None, {"max_images": 2.5}, TypeError, r"max_images must be an integer; received 2\.5"),
        (np.zeros((1, 28, 28)), None, {"ax": 7}, TypeError, "ax must be a Matplotlib Axes; received 7"),
    ],
)  # fmt: skip
def test_digits_arguments_are_checked(images, labels, options, error, message):
    with pytest.raises(error, match=message):
        plot_digits(images, labels, **options)


def evaluation_with_errors():
    """Return the evaluation of five images, of which number 1, 2 and 4 are misclassified."""
    probabilities = np.full((5, 10), 0.01)
    predictions = [(3, 0.91), (4, 0.61), (9, 0.91), (0, 0.91), (1, 0.71)]
    for row, (predicted, confidence) in enumerate(predictions):
        probabilities[row] = (1 - confidence) / 9
        probabilities[row, predicted] = confidence
    return Evaluation.from_probabilities(probabilities, [3, 9, 4, 0, 7])


def test_misclassified_images_are_sorted_by_confidence(digits):
    images = digits.test.images[:5]
    figure = plot_misclassified(evaluation_with_errors(), images)
    (axes,) = figure.axes
    assert all(map(np.array_equal, tiles_in(axes), images[[2, 4, 1]]))
    texts, positions = annotations_in(axes)
    assert texts == [
        "4 → 9",
        "7 → 1",
        "9 → 4",
        "91 %, #2\n0 (1 %)",
        "71 %, #4\n0 (3 %)",
        "61 %, #1\n0 (4 %)",
    ]
    assert positions[0][1] < 7  # above the tile
    assert positions[3][1] > 35  # below the tile
    assert axes.get_title() == "All 3 misclassified images: true → predicted"
    (frames,) = axes.collections
    assert len(frames.get_paths()) == 3
    figure.savefig("misclassified.png")


def test_max_images_and_preprocessed_images(digits):
    x = preprocess(digits.test.images[:5])
    axes = plot_misclassified(evaluation_with_errors(), x, max_images=2).axes[0]
    assert all(map(np.array_equal, tiles_in(axes), x[[2, 4], ..., 0]))
    assert axes.get_title() == "2 of 3 misclassified images: true → predicted"
    assert axes.get_images()[0].get_clim() == (0, 1)


def test_no_misclassified_images_and_given_axes(digits):
    perfect, images = make_evaluation(np.diag([2, 1])), digits.test.images
    title = plot_misclassified(perfect, images[:3]).axes[0].get_title()
    assert title == "No misclassified images"
    figure = Figure()
    axes = figure.subplots()
    assert plot_misclassified(perfect, images[:3], ax=axes) is figure
    assert plot_misclassified(evaluation_with_errors(), images[:5], ax=axes) is figure
    assert len(tiles_in(axes)) == 3


def test_misclassified_arguments_are_checked(digits):
    images, result = digits.test.images[:5], evaluation_with_errors()
    with pytest.raises(TypeError, match="evaluation must be an Evaluation; received 3"):
        plot_misclassified(3, images)
    with pytest.raises(ValueError, match="images must be the 5 evaluated images; received 4"):
        plot_misclassified(result, images[:4])
    with pytest.raises(ValueError, match="max_images must be at least 1; received 0"):
        plot_misclassified(result, images, max_images=0)
    for evaluation in (result, make_evaluation(np.diag([5, 0]))):
        with pytest.raises(TypeError, match="ax must be a Matplotlib Axes; received 'here'"):
            plot_misclassified(evaluation, images, ax="here")
