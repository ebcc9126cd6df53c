"""`plot_history`, by the artists in the figure."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnistcnn import plot_history

HISTORY = {
    "loss": [0.9, 0.4, 0.2],
    "accuracy": [0.7, 0.9, 0.95],
    "val_loss": [0.5, 0.3, 0.25],
    "val_accuracy": [0.8, 0.92, 0.94],
}


def test_four_curves():
    figure = plot_history(HISTORY)
    assert isinstance(figure, Figure)
    for axes, name in zip(figure.axes, ("loss", "accuracy"), strict=True):
        training, validation = axes.get_lines()
        assert training.get_xdata().tolist() == [1, 2, 3]
        assert list(training.get_ydata()) == HISTORY[name]
        assert list(validation.get_ydata()) == HISTORY[f"val_{name}"]
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert labels == ["training", "validation"]
        assert axes.get_xlabel() == "Epoch"
    assert figure.axes[0].get_ylabel() == "Loss (nats)"
    assert figure.get_facecolor()[3] == 1  # opaque: readable on a dark page
    assert plt.get_fignums() == []  # no window
    figure.savefig("history.png")


def test_keras_history_without_validation():
    class History:
        history = {"loss": [1.0], "accuracy": [0.5]}  # noqa: RUF012  # as in Keras

    figure = plot_history(History())
    assert [len(axes.get_lines()) for axes in figure.axes] == [1, 1]


@pytest.mark.parametrize("as_array", [True, False])
def test_given_axes(as_array):
    figure = Figure()
    axes = figure.subplots(2, 1)
    assert plot_history(HISTORY, ax=axes if as_array else list(axes)) is figure
    assert len(axes[1].get_lines()) == 2
    assert len(figure.axes) == 2


@pytest.mark.parametrize(
    ("history", "ax", "error", "message"),
    [
        (3, None, TypeError, "history must be a History or a mapping; received 3"),
        ({}, None, ValueError, "history must hold loss and accuracy of at least one epoch; received no values of 'loss'"),
        ({"loss": 1.0, "accuracy": [1.0]}, None, ValueError, r"history: loss must be a list of numbers; received array\(1\.\)"),
        ({**HISTORY, "val_loss": ["low"]}, None, TypeError, "history: val_loss must be integers or floats"),
        ({"loss": [1.0], "accuracy": []}, None, ValueError, "received no values of 'accuracy'"),
        (HISTORY, Figure().subplots(), ValueError, "ax must be 2 Axes; received 1"),
        (HISTORY, [3, 4], TypeError, "ax must be a Matplotlib Axes; received 3"),
        (HISTORY, np.array(["a", "b"]), TypeError, "ax must be a Matplotlib Axes; received 'a'"),
    ],
)  # fmt: skip
def test_arguments_are_checked(history, ax, error, message):
    with pytest.raises(error, match=message):
        plot_history(history, ax=ax)


def test_the_accuracy_may_be_called_acc():
    figure = plot_history({"loss": [0.9, 0.4], "acc": [0.5, 0.75], "val_acc": [0.25, 0.5]})
    curves = figure.axes[1].get_lines()
    assert [list(line.get_ydata()) for line in curves] == [[0.5, 0.75], [0.25, 0.5]]
