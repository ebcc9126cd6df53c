"""Pictures are tested by what is in them: artists, labels and data, not pixels."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from mnistcnn import plot_calibration, plot_confusion_matrix, plot_digits, plot_history
from tests.helpers.evaluations import make_evaluation

HISTORY = {
    "loss": [0.9, 0.4, 0.2],
    "accuracy": [0.7, 0.9, 0.95],
    "val_loss": [0.5, 0.3, 0.25],
    "val_accuracy": [0.8, 0.92, 0.94],
}


def test_history_draws_four_curves():
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
    figure.savefig("history.png")


def test_history_without_validation_or_from_keras():
    class History:
        history = {"loss": [1.0], "accuracy": [0.5]}  # noqa: RUF012  # as Keras has it

    figure = plot_history(History())
    assert [len(axes.get_lines()) for axes in figure.axes] == [1, 1]


def test_history_on_axes_of_the_users_own():
    figure = Figure()
    axes = figure.subplots(2, 1)
    assert plot_history(HISTORY, ax=axes) is figure
    assert len(axes[1].get_lines()) == 2
    assert len(figure.axes) == 2


@pytest.mark.parametrize(
    ("history", "ax", "error", "message"),
    [
        (3, None, TypeError, "history must be a History or a mapping; received 3"),
        ({}, None, ValueError, "history must hold at least one epoch of loss and accuracy; 'loss' is absent"),
        ({"loss": 1.0, "accuracy": [1.0]}, None, ValueError, r"history: loss must be a list of numbers; received array\(1\.\)"),
        ({**HISTORY, "val_loss": ["low"]}, None, TypeError, "history: val_loss must be integers or floats"),
        ({"loss": [1.0], "accuracy": []}, None, ValueError, "'accuracy' is absent"),
        (HISTORY, Figure().subplots(), ValueError, "ax must be a pair of Axes; received 1"),
    ],
)  # fmt: skip
def test_history_is_checked(history, ax, error, message):
    with pytest.raises(error, match=message):
        plot_history(history, ax=ax)


def confused():
    matrix = np.diag([100] * 10)
    matrix[4, 9] = 12
    matrix[7, 2] = 1
    return make_evaluation(matrix)


def test_confusion_matrix_shows_every_count():
    figure = plot_confusion_matrix(confused())
    axes = figure.axes[0]
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(i, i): "100" for i in range(10)} | {(9, 4): "12", (2, 7): "1"}
    (image,) = axes.get_images()
    assert image.get_array()[4, 9] == 12
    assert image.get_array().mask.diagonal().all()
    assert image.get_clim() == (0, 12)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Predicted digit", "True digit")
    assert axes.get_title() == "1,000 of 1,013 right"
    assert figure.axes[1].get_ylabel() == "Mistakes (images)"
    figure.savefig("confusion.png")


def test_confusion_matrix_without_mistakes_and_on_own_axes():
    figure = Figure()
    axes = figure.subplots()
    result = make_evaluation(np.eye(10, dtype=int))
    assert plot_confusion_matrix(result, ax=axes) is figure
    assert axes.get_images()[0].get_clim() == (0, 1)


def test_confusion_matrix_of_one_class():
    plot_confusion_matrix(make_evaluation(np.array([[3]])))


def test_confusion_matrix_is_checked():
    with pytest.raises(TypeError, match="evaluation must be an Evaluation; received"):
        plot_confusion_matrix(np.eye(10))


def test_own_axes_must_be_axes():
    with pytest.raises(TypeError, match="ax must be Matplotlib's Axes; received 3"):
        plot_confusion_matrix(confused(), ax=3)
    with pytest.raises(TypeError, match="ax must be Matplotlib's Axes; received 3"):
        plot_history(HISTORY, ax=[3, 4])


def test_pictures_can_be_read_on_a_dark_page():
    for figure in (plot_history(HISTORY), plot_confusion_matrix(confused())):
        assert figure.get_facecolor()[3] == 1


def test_nothing_shows_a_window():
    plot_history(HISTORY)
    plot_confusion_matrix(confused())
    plot_digits(np.zeros((28, 28)))
    plot_calibration(confused())
    assert plt.get_fignums() == []
