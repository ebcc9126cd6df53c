"""Fixtures for the tests of the commands."""

import json

import pytest

import mnistcnn
from mnistcnn.cli import common
from mnistcnn.weights.keras_file import save_model
from tests.helpers.sweep_runs import fake_processes  # noqa: F401  # a fixture

HISTORY = {"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]}


@pytest.fixture
def model_file(network):
    """The path of a saved model, in the current folder."""
    save_model(network, "a.keras")
    return "a.keras"


@pytest.fixture(scope="session")
def network_evaluation(network, xy):
    return mnistcnn.evaluate(network, *xy)


@pytest.fixture
def save_result(tmp_path, network_evaluation):
    """Write an evaluation and a history to a file, as the commands do; return the name."""

    def save(name, evaluation=network_evaluation, **values):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"history": HISTORY, "test": evaluation.to_dict(), **values}))
        return name

    return save


@pytest.fixture
def saved_figures(monkeypatch):
    """The figures that a command saves."""
    figures = []
    save_figure = common.save_figure

    def record(path, figure):
        figures.append(figure)
        save_figure(path, figure)

    monkeypatch.setattr(common, "save_figure", record)
    return figures
