"""`plot_confusion_matrix` and `plot_calibration`, by the artists in the figure."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from scipy.stats import binomtest

from mnistcnn import Evaluation, plot_calibration, plot_confusion_matrix
from tests.helpers.evaluations import make_evaluation


def evaluation_with_errors():
    matrix = np.diag([100] * 10)
    matrix[4, 9] = 12
    matrix[7, 2] = 1
    return make_evaluation(matrix)


def evaluation_in_two_bins():
    """Ten predictions at 0.9, eight of them correct, and five at 0.6, one of them correct."""
    probabilities = [[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 5
    return Evaluation.from_probabilities(probabilities, [0] * 8 + [1] * 2 + [0] + [1] * 4)


def test_confusion_matrix_shows_every_count():
    figure = plot_confusion_matrix(evaluation_with_errors())
    axes = figure.axes[0]
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts == {(i, i): "100" for i in range(10)} | {(9, 4): "12", (2, 7): "1"}
    (image,) = axes.get_images()
    assert image.get_array()[4, 9] == 12
    assert image.get_array().mask.diagonal().all()
    assert image.get_clim() == (0, 12)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Predicted digit", "True digit")
    assert axes.get_title() == "1,000 of 1,013 correct"
    assert figure.axes[1].get_ylabel() == "Misclassified images"
    assert figure.get_facecolor()[3] == 1  # opaque: readable on a dark page
    assert plt.get_fignums() == []  # no window
    figure.savefig("confusion.png")


def test_confusion_matrix_without_errors_on_given_axes():
    figure = Figure()
    axes = figure.subplots()
    result = make_evaluation(np.eye(10, dtype=int))
    assert plot_confusion_matrix(result, ax=axes) is figure
    assert axes.get_images()[0].get_clim() == (0, 1)


def test_confusion_matrix_of_one_class():
    plot_confusion_matrix(make_evaluation(np.array([[3]])))


def test_confusion_matrix_of_named_classes():
    names = [f"letter {letter}" for letter in "abc"]
    result = Evaluation.from_probabilities(np.eye(3), [0, 1, 1], class_names=names)
    axes = plot_confusion_matrix(result).axes[0]
    for axis in (axes.xaxis, axes.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == names
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Predicted class", "True class")


@pytest.mark.parametrize(("num_classes", "num_ticks", "num_texts"), [(47, 47, 47), (200, 50, 0)])
def test_confusion_matrix_of_many_classes(num_classes, num_ticks, num_texts):
    figure = plot_confusion_matrix(make_evaluation(np.eye(num_classes, dtype=int)))
    axes = figure.axes[0]
    assert len(axes.get_xticks()) == len(axes.get_yticks()) == num_ticks
    assert len(axes.texts) == num_texts
    assert max(figure.get_size_inches()) <= 22


def test_confusion_matrix_checks_its_arguments():
    with pytest.raises(TypeError, match="evaluation must be an Evaluation; received"):
        plot_confusion_matrix(np.eye(10))
    with pytest.raises(TypeError, match="ax must be a Matplotlib Axes; received 3"):
        plot_confusion_matrix(evaluation_with_errors(), ax=3)


def test_calibration_shows_accuracy_and_counts_by_confidence():
    figure = plot_calibration(evaluation_in_two_bins())
    above, below = figure.axes
    diagonal, *intervals, points = above.get_lines()
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    assert list(points.get_xdata()) == pytest.approx([0.6, 0.9])
    assert list(points.get_ydata()) == pytest.approx([0.2, 0.8])
    for line, (correct, n) in zip(intervals, [(1, 5), (8, 10)], strict=True):
        expected = binomtest(correct, n).proportion_ci(0.95, method="wilson")
        assert list(line.get_ydata()) == pytest.approx([expected.low, expected.high])
    heights = [bar.get_height() for bar in below.patches]
    assert len(heights) == 15
    assert {i: n for i, n in enumerate(heights) if n} == {8: 5, 13: 10}
    assert below.patches[8].get_x() == pytest.approx(8 / 15)
    assert below.get_yscale() == "log"
    assert above.get_title() == f"Calibration error {100 * (10 * 0.1 + 5 * 0.4) / 15:.2f} %"
    assert above.get_ylabel() == "Accuracy"
    assert (below.get_xlabel(), below.get_ylabel()) == ("Confidence", "Images")
    assert above.yaxis.get_major_formatter()(0.5) == below.xaxis.get_major_formatter()(0.5) == "50%"
    assert figure.get_facecolor()[3] == 1  # opaque: readable on a dark page
    assert plt.get_fignums() == []  # no window
    figure.savefig("calibration.png")


def test_calibration_on_given_axes():
    figure = Figure()
    axes = figure.subplots(2, 1)
    assert plot_calibration(evaluation_in_two_bins(), ax=axes) is figure
    assert len(figure.axes) == 2
    assert len(axes[1].patches) == 15


def test_calibration_checks_its_arguments():
    with pytest.raises(TypeError, match="evaluation must be an Evaluation; received"):
        plot_calibration(np.eye(3))
    with pytest.raises(ValueError, match="ax must be 2 Axes; received 1"):
        plot_calibration(evaluation_in_two_bins(), ax=Figure().subplots())
    with pytest.raises(TypeError, match="ax must be a Matplotlib Axes; received 'a'"):
        plot_calibration(evaluation_in_two_bins(), ax=["a", "b"])
