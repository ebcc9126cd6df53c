"""A notebook in a fresh kernel: what each cell shows, without pyplot and ipywidgets."""

import pytest

from tests.helpers.notebook import execute

pytestmark = pytest.mark.slow

CELLS = {
    "first cell": """
import mnistcnn
mnistcnn.plot_history({"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]})
""",
    # Keras imports pyplot.
    "no pyplot": "import sys\nprint('matplotlib.pyplot' in sys.modules)",
    "setup": """
import os, signal
import keras
import numpy as np
dataset = mnistcnn.load_data("digits")
(x_train, y_train), (x_test, y_test) = dataset
x, y = mnistcnn.preprocess(x_train[:100], y_train[:100])
page = 255 - np.hstack([np.pad(image, 12) for image in x_test[3:6]])
model = mnistcnn.build_model(seed=0)

class Interrupt(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)  # what "Interrupt the kernel" sends
""",
    "short training": "mnistcnn.train(model, x, y, epochs=1, seed=0, callbacks=[]);",
    "training": "history = mnistcnn.train(model, x, y, epochs=11, seed=0)",
    "silent training": "mnistcnn.train(model, x, y, epochs=1, seed=0, callbacks=[], verbose=0);",
    "history": "mnistcnn.plot_history(history)",
    "evaluation": "result = mnistcnn.evaluate(model, x, y)\nresult",
    "comparison": "mnistcnn.compare(result, result)",
    "confusion matrix": "mnistcnn.plot_confusion_matrix(result)",
    "filters": "mnistcnn.plot_filters(model)",
    "dataset": "dataset",
    "digits": "mnistcnn.plot_digits(x_test[:5])",
    "recipe": "mnistcnn.recipes.BASELINE",
    "recognizer": "recognizer = mnistcnn.Recognizer(num_threads=1)\nrecognizer",
    "reading": "reading = recognizer.read(page)\nreading",
    "page": "mnistcnn.plot_reading(page, reading)",
    "sweep": """
run = mnistcnn.SweepRun(
    recipe=mnistcnn.recipes.FAST, seed=0, training_seconds=1.0, history={}, test=result
)
mnistcnn.Sweep(runs=(run,))
""",
    "interrupted": """
network = mnistcnn.build_model(seed=0)
mnistcnn.train(network, x, y, epochs=50, seed=0, callbacks=[Interrupt()])
""",
    "history of the interrupted run": "mnistcnn.plot_history(network.history)",
    "accuracy of the interrupted run": "print(mnistcnn.evaluate(network, x, y).accuracy > 0.3)",
    "with pyplot": """
import matplotlib.pyplot as plt
plt.close(plt.figure())
mnistcnn.plot_history(history)
""",
}
FIGURES = ["first cell", "history", "confusion matrix", "filters", "digits", "page", "with pyplot"]
TABLES = ["evaluation", "comparison", "dataset", "recipe", "recognizer", "reading", "sweep"]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The outputs of each cell, all in one kernel, which takes seconds to import Keras."""
    results = execute(CELLS.values(), tmp_path_factory.mktemp("notebook"))
    return dict(zip(CELLS, results, strict=True))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_displayed_once(outputs, name):
    (output,) = outputs[name]
    assert output.output_type == "execute_result"
    assert set(output.data) == {"text/plain", "image/png"}


def test_a_figure_does_not_import_pyplot(outputs):
    (output,) = outputs["no pyplot"]
    assert output.text == "False\n"


@pytest.mark.parametrize("name", TABLES)
def test_an_object_is_displayed_as_html(outputs, name):
    (output,) = outputs[name]
    assert output.output_type == "execute_result"
    assert set(output.data) == {"text/plain", "text/html"}
    assert len(output.data["text/plain"]) < 150
    assert len(output.data["text/html"]) < 10_000


@pytest.mark.parametrize(("name", "epochs"), [("short training", 1), ("training", 11)])
def test_training_displays_one_bar_and_no_warning(outputs, name, epochs):
    (output,) = outputs[name]
    assert output.output_type == "display_data"
    assert set(output.data) == {"text/plain", "text/html"}
    assert output.data["text/plain"].startswith(f"Epoch {epochs}/{epochs} [####################]")
    assert output.data["text/html"].count("<progress ") == 1


@pytest.mark.parametrize("name", ["setup", "silent training"])
def test_nothing_else_is_displayed(outputs, name):
    assert outputs[name] == []


def test_interrupting_the_kernel_keeps_the_run(outputs):
    bar, error = outputs["interrupted"]
    assert bar.data["text/plain"].startswith("Epoch 3/50 (interrupted) [")
    assert error.ename == "KeyboardInterrupt"
    (figure,) = outputs["history of the interrupted run"]
    assert "image/png" in figure.data
    (accuracy,) = outputs["accuracy of the interrupted run"]
    assert accuracy.text == "True\n"
