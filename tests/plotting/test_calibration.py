"""The picture of calibration: its points, its intervals and its bars."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import binomtest

from mnistcnn import Evaluation, plot_calibration


def calibrated():
    """Ten answers at 0.9 of which eight are right, five at 0.6 of which one is."""
    probabilities = [[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 5
    return Evaluation.from_probabilities(probabilities, [0] * 8 + [1] * 2 + [0] + [1] * 4)


def test_points_lie_at_confidence_and_share():
    figure = plot_calibration(calibrated())
    above, below = figure.axes
    diagonal, *intervals, points = above.get_lines()
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    assert list(points.get_xdata()) == pytest.approx([0.6, 0.9])
    assert list(points.get_ydata()) == pytest.approx([0.2, 0.8])
    for line, (right, n) in zip(intervals, [(1, 5), (8, 10)], strict=True):
        expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
        assert list(line.get_ydata()) == pytest.approx([expected.low, expected.high])
    heights = [bar.get_height() for bar in below.patches]
    assert len(heights) == 15
    assert {i: n for i, n in enumerate(heights) if n} == {8: 5, 13: 10}
    assert below.patches[8].get_x() == pytest.approx(8 / 15)
    assert below.get_yscale() == "log"
    assert above.get_title() == f"Calibration error {100 * (10 * 0.1 + 5 * 0.4) / 15:.2f} %"
    assert above.get_ylabel() == "Answers that are right"
    assert (below.get_xlabel(), below.get_ylabel()) == ("Probability of the answer", "Images")
    assert above.yaxis.get_major_formatter()(0.5) == below.xaxis.get_major_formatter()(0.5) == "50%"
    assert figure.get_facecolor()[3] == 1  # so it can be read on a dark page
    figure.savefig("reliability.png")


def test_own_axes():
    figure = Figure()
    axes = figure.subplots(2, 1)
    assert plot_calibration(calibrated(), ax=axes) is figure
    assert len(figure.axes) == 2
    assert len(axes[1].patches) == 15


def test_arguments_are_checked():
    with pytest.raises(TypeError, match="evaluation must be an Evaluation; received"):
        plot_calibration(np.eye(3))
    with pytest.raises(ValueError, match="ax must be a pair of Axes; received 1"):
        plot_calibration(calibrated(), ax=Figure().subplots())
    with pytest.raises(TypeError, match="ax must be Matplotlib's Axes; received 'a'"):
        plot_calibration(calibrated(), ax=["a", "b"])
