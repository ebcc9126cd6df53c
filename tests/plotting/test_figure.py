"""Figures in notebooks."""

import pickle

from mnistcnn import plot_history
from mnistcnn.plotting.figure import new_figure


def test_a_figure_has_a_png_representation_without_pyplot():
    figure = plot_history({"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]})
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_a_figure_can_be_pickled():
    figure = pickle.loads(pickle.dumps(new_figure((3, 2))))
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert list(figure.get_size_inches()) == [3, 2]
