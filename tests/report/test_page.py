"""The HTML page of a report: complete, self-contained, accessible, with escaped texts."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

import mnistcnn
from mnistcnn.report import page as page_module
from mnistcnn.report.page import render_report
from tests.helpers.html_page import HtmlPage

SCRIPT = '<script>alert("1")</script>'


@pytest.fixture(scope="module")
def result(network, xy):
    return mnistcnn.evaluate(network, *xy)


@pytest.fixture(scope="module")
def html(network, result, digits):
    return render_report(
        network,
        result,
        digits.test.images,
        title="model.keras",
        data="digits",
        about=[("Command", "mnistcnn report")],
        training=[("Seed", "7")],
        recipe=[("learning_rate", "0.001")],
        history=mnistcnn.plot_history({"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]}),
    )


@pytest.fixture(scope="module")
def page(html):
    return HtmlPage(html)


@pytest.fixture
def undrawn_plots(monkeypatch):
    """Skip the drawing of plots, which takes most of the time."""

    def plot_image(figure, alt):
        return {"source": "data:,", "dark": "data:,", "width": 1, "height": 1, "alt": alt}

    monkeypatch.setattr(page_module, "plot_image", plot_image)


def format_percent(proportion):
    return "–" if np.isnan(proportion) else f"{100 * proportion:.2f} %"


def test_metrics_and_settings_are_on_the_page(page, result):
    low, high = result.accuracy_ci
    for text in (
        f"The model classifies {result.num_correct:,} of 355 test images of digits correctly.",
        f"{format_percent(result.accuracy)} 95 % CI {format_percent(low)} to {format_percent(high)}",
        f"{100 * result.expected_calibration_error:.2f} %", f"{result.loss:.4f}",
        f"The 60 of {len(result.misclassified):,} misclassified images",
        "Command mnistcnn report", "Seed 7", "learning_rate 0.001",
    ):  # fmt: skip
        assert text in page.text, text
    for digit in range(10):
        values = (result.precision[digit], result.recall[digit], result.f1[digit])
        count = result.confusion_matrix[digit].sum()
        assert f"{digit} {count} {' '.join(map(format_percent, values))}" in page.text
    for label, predicted, count in result.top_confusions(10):
        assert f"{label} {predicted} {count}" in page.text


def test_all_bins_of_the_calibration_curve_are_on_the_page(page, result):
    curve = result.calibration_curve
    for i, count in enumerate(curve.counts):
        values = map(format_percent, (curve.confidence[i], curve.accuracy[i]))
        edges = f"{100 * i / 15:.0f} to {100 * (i + 1) / 15:.0f} %"
        assert f"{edges} {count} {' '.join(values)}" in page.text


def test_the_gallery_shows_the_most_confident_misclassified_images(page, result, digits):
    misclassified = result.misclassified
    gallery = [image for image in page.all("img") if image["width"] == "28"]
    assert len(gallery) == 60
    for image, i in zip(gallery, misclassified.most_confident_first, strict=False):
        expected = 255 - digits.test.images[misclassified.indices[i]]
        assert np.array_equal(pixels_of(image["src"]), expected)
        label, predicted = misclassified.labels[i], misclassified.predicted[i]
        assert image["alt"] == f"A {label} classified as a {predicted}"
        probabilities = misclassified.probabilities[i]
        top = [f"{c} ({100 * probabilities[c]:.0f} %)" for c in np.argsort(-probabilities)[:3]]
        caption = f"{label} → {predicted} {' '.join(top)} #{misclassified.indices[i]}"
        assert caption in page.text


def pixels_of(data_uri):
    kind, content = data_uri.split(",", 1)
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_five_plots_in_less_than_a_megabyte(page, html):
    assert len(page.all("img")) == 60 + 5
    assert sum("a heat map over each" in image["alt"] for image in page.all("img")) == 1
    assert sum(image["alt"].startswith("Training history") for image in page.all("img")) == 1
    assert len(html.encode()) < 1_000_000


def test_each_plot_has_a_dark_version(page):
    plots = [image["src"] for image in page.all("img") if image.get("class") == "plot"]
    sources = page.all("source")
    assert {source["media"] for source in sources} == {"(prefers-color-scheme: dark)"}
    for light, source in zip(plots, sources, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(light.split(",")[1]))) as image:
            size, corner = image.size, image.convert("L").getpixel((0, 0))
        with Image.open(io.BytesIO(base64.b64decode(source["srcset"].split(",")[1]))) as image:
            assert image.size == size
            gray = image.convert("L")
            assert corner > 250
            assert gray.getpixel((0, 0)) < 40
            # Titles and labels are light; nothing is white but the ink of digits.
            assert gray.getextrema()[1] > 200


def test_the_confusion_matrix_is_a_table(page, result):
    for digit, counts in enumerate(result.confusion_matrix.tolist()):
        assert f"{digit} {' '.join(map(str, counts))}" in page.text
    assert "Confusion matrix: images by true digit (rows) and predicted digit" in page.text


def test_the_page_is_self_contained(page, html):
    assert "http:" not in html
    assert "https:" not in html
    assert not re.search(r"url\(|@import|<script|<link", html)
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    (policy,) = (meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")


def test_the_page_is_accessible(page, html):
    assert all(image["alt"] and image["width"] and image["height"] for image in page.all("img"))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert len(page.all("table")) == len(page.all("caption")) >= 5
    assert all(cell.get("scope") in {"row", "col"} for cell in page.all("th"))
    headings = [heading["id"] for heading in page.all("h2")]
    assert [section["aria-labelledby"] for section in page.all("section")] == headings
    assert "prefers-color-scheme: dark" in html


@pytest.mark.usefixtures("undrawn_plots")
def test_texts_are_escaped(network, result, digits):
    rows = [(SCRIPT, SCRIPT)]
    html = render_report(
        network, result, digits.test.images, title=SCRIPT, data=SCRIPT,
        about=rows, training=rows, recipe=rows,
    )  # fmt: skip
    page = HtmlPage(html)
    assert not page.all("script")
    assert page.text.count(SCRIPT) == 9  # the title twice


@pytest.mark.usefixtures("undrawn_plots")
def test_a_page_without_errors_and_without_training_settings(network, digits):
    images = digits.test.images[:9]
    predicted = np.asarray(network(mnistcnn.preprocess(images))).argmax(axis=1)
    result = mnistcnn.evaluate(network, *mnistcnn.preprocess(images, predicted))
    page = HtmlPage(render_report(network, result, images, title="t", data="d", about=[]))
    assert "All images are classified correctly." in page.text
    assert "Most frequent confusions" not in page.text
    assert "–" in page.text  # the precision of a digit that is never predicted
    assert "Unknown: the folder of the model file contains no result.json" in page.text
    assert "Complete recipe" not in page.text
    assert not any(image["alt"].startswith("Training history") for image in page.all("img"))
