"""`write_report`: a report about any model, from Python."""

import numpy as np
import pytest

import mnistcnn
from mnistcnn import write_report
from mnistcnn.backend import keras
from mnistcnn.report import page as page_module
from mnistcnn.weights.keras_file import save_model
from tests.helpers.html_page import HtmlPage
from tests.helpers.models import letter_network

NAMES = [f"<{letter}>" for letter in "abcdefghijklmnopqrstuvwxyz"]


@pytest.fixture(autouse=True)
def _undrawn_plots(monkeypatch):
    """Skip the drawing of plots, which takes most of the time."""

    def plot_image(figure, alt):
        return {"source": "data:,", "dark": "data:,", "width": 1, "height": 1, "alt": alt}

    monkeypatch.setattr(page_module, "plot_image", plot_image)


def read(path):
    return HtmlPage(path.read_text(encoding="utf-8"))


def alts(page):
    return [image["alt"] for image in page.all("img") if image["width"] == "1"]


def test_the_report_of_another_network(digits, tmp_path):
    model = letter_network()
    history = {"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]}
    images, labels = digits.test
    path = write_report(
        model,
        images,
        labels,
        "new/letters.html",
        class_names=NAMES,
        title="Letters",
        history=history,
    )
    page = read(path)
    result = mnistcnn.evaluate(model, mnistcnn.preprocess(images), labels)
    assert f"The model classifies {result.num_correct} of 355 test images" in page.text
    assert "Metrics by class" in page.text
    counts = result.confusion_matrix.sum(axis=1)
    assert f"<b> {counts[1]} " in page.text
    assert "Letters" in page.text
    assert "Epochs 2" in page.text
    assert len(alts(page)) == 6


def test_a_file_and_preprocessed_images_give_the_same_page(network, digits, tmp_path):
    save_model(network, tmp_path / "a.keras")
    images, labels = digits.test
    pages = [
        write_report(source, pixels, labels, f"{i}.html", title="t")
        .read_text()
        .split('<h2 id="report">')[0]
        for i, (source, pixels) in enumerate(
            [(network, images), ("a.keras", mnistcnn.preprocess(images))]
        )
    ]
    assert pages[0] == pages[1]
    assert "Unknown: no training history was given." in pages[0]
    assert "Metrics by digit" in pages[0]


@pytest.mark.parametrize(("convolution", "count"), [(False, 1), (True, 2)])
def test_plots_of_layers_need_convolutions(digits, convolution, count):
    """A subclassed model has filters, but no activations."""

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = keras.layers.Conv2D(4, 3)
            self.head = keras.layers.Dense(10, activation="softmax")

        def call(self, x):
            return self.head(keras.ops.mean(self.conv(x), axis=(1, 2)))

    dense = [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    model = Own() if convolution else keras.Sequential([keras.Input((28, 28, 1)), *dense])
    images, labels = digits.test
    page = read(write_report(model, images[:9], labels[:9], "a.html"))
    assert len(alts(page)) == count


def test_arguments_are_checked(network, digits, tmp_path):
    images, labels = digits.test
    with pytest.raises(ValueError, match="^path must end in .html or .htm; received 'a.pdf'$"):
        write_report(network, images, labels, "a.pdf")
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.\.9; received 10 in row 0"):
        write_report(network, images[:1], [10], "a.html")
    with pytest.raises(ValueError, match="class_names must hold 10 names; received 2"):
        write_report(network, images, labels, "a.html", class_names=["a", "b"])
    with pytest.raises(TypeError, match="model must be a Keras model, a path or the name"):
        write_report(3, images, labels, "a.html")
    with pytest.raises(TypeError, match="history must be a History or a mapping; received 3"):
        write_report(network, images, labels, "a.html", history=3)
    assert not list(tmp_path.iterdir())


def test_the_model_is_not_replaced(network, digits, tmp_path):
    save_model(network, tmp_path / "a.keras")
    (tmp_path / "a.html").symlink_to(tmp_path / "a.keras")
    before = (tmp_path / "a.keras").read_bytes()
    with pytest.raises(FileExistsError, match="an output must not replace an input"):
        write_report("a.keras", *digits.test, "a.html")
    assert (tmp_path / "a.keras").read_bytes() == before
    assert np.array_equal(mnistcnn.load_model("a.keras").get_weights()[0], network.get_weights()[0])
