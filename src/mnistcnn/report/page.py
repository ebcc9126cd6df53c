"""The HTML page of a report: metrics, misclassified images, plots and training settings."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from PIL import Image

from mnistcnn.evaluation.results import Evaluation
from mnistcnn.plotting.evaluation import plot_calibration, plot_confusion_matrix
from mnistcnn.plotting.layers import plot_activations, plot_filters
from mnistcnn.types import UInt8Array

if TYPE_CHECKING:
    import keras

Rows = Sequence[tuple[str, str]]

_MAX_MISCLASSIFIED = 60
_MAX_CONFUSIONS = 10
_DPI = 130
_CSS_DPI = 96
_COLORS = 128  # enough for plots; a palette halves the size of the page


def render_report(
    model: keras.Model,
    evaluation: Evaluation,
    images: UInt8Array,
    *,
    title: str,
    data: str,
    about: Rows,
    training: Rows = (),
    recipe: Rows = (),
    history: Figure | None = None,
) -> str:
    """Return the report as one self-contained HTML page, with all texts escaped.

    Parameters
    ----------
    model : keras.Model
        A model with the architecture of `build_model`.
    evaluation : Evaluation
        The result of `evaluate` for the model and the images.
    images : numpy.ndarray
        All evaluated images, raw: ``uint8 (n, 28, 28)``.
    title, data : str
        Names of the model and of the dataset.
    about, training, recipe : sequence of pairs of str
        Names and values that describe the report, the training run and its recipe.
    history : matplotlib.figure.Figure, optional
        The plot of the training history.

    Returns
    -------
    str
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    misclassified = evaluation.misclassified
    example = 0
    if len(misclassified):
        example = int(misclassified.indices[misclassified.most_confident_first[0]])
    environment = Environment(
        loader=PackageLoader("mnistcnn.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        title=title,
        data=data,
        result=evaluation,
        gallery=_misclassified_images(evaluation, images),
        digits=_digit_metrics(evaluation),
        confusions=evaluation.top_confusions(_MAX_CONFUSIONS),
        bins=_calibration_bins(evaluation),
        plots=_plots(model, evaluation, images[example], history),
        example=example,
        training=training,
        recipe=recipe,
        about=about,
        percent=_format_percent,
    )


def _plots(
    model: keras.Model, evaluation: Evaluation, image: UInt8Array, history: Figure | None
) -> dict[str, Any]:
    return {
        "confusion_matrix": _plot_image(
            plot_confusion_matrix(evaluation),
            "Confusion matrix: number of images by true digit (rows) and predicted digit "
            "(columns). The table of the most frequent confusions lists its largest errors.",
        ),
        "calibration": _plot_image(
            plot_calibration(evaluation),
            "Calibration curve: accuracy by confidence, and the number of images in each bin. "
            "The table below lists the values.",
        ),
        "activations": _plot_image(
            plot_activations(model, image),
            "The test image, the 32 feature maps of the first and the 64 of the second "
            "convolutional layer.",
        ),
        "filters": _plot_image(
            plot_filters(model),
            "Weights of the 32 filters of the first and the 64 filters of the second "
            "convolutional layer, as red and blue squares.",
        ),
        "history": None
        if history is None
        else _plot_image(history, "Training history: loss and accuracy by epoch."),
    }


def _format_percent(proportion: float) -> str:
    return "–" if math.isnan(proportion) else f"{100 * proportion:.2f}\N{NO-BREAK SPACE}%"


def _misclassified_images(evaluation: Evaluation, images: UInt8Array) -> list[dict[str, Any]]:
    misclassified = evaluation.misclassified
    return [
        {
            "source": _png_data_uri(Image.fromarray(255 - images[misclassified.indices[i]])),
            "label": misclassified.labels[i],
            "predicted": misclassified.predicted[i],
            "confidence": misclassified.confidence[i],
            "index": misclassified.indices[i],
        }
        for i in misclassified.most_confident_first[:_MAX_MISCLASSIFIED]
    ]


def _digit_metrics(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "digit": digit,
            "images": count,
            "precision": evaluation.precision[digit],
            "recall": evaluation.recall[digit],
            "f1": evaluation.f1[digit],
        }
        for digit, count in enumerate(evaluation.confusion_matrix.sum(axis=1))
    ]


def _calibration_bins(evaluation: Evaluation) -> list[dict[str, Any]]:
    curve = evaluation.calibration_curve
    percents = [f"{100 * edge:.0f}" for edge in curve.bin_edges]
    return [
        {
            "range": f"{percents[i]} to {percents[i + 1]} %",
            "images": count,
            "confidence": curve.confidence[i],
            "accuracy": curve.accuracy[i],
        }
        for i, count in enumerate(curve.counts)
    ]


def _plot_image(figure: Figure, alt: str) -> dict[str, Any]:
    """Return a figure as a data URI, with its size in CSS pixels and its alternative text."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=_DPI, transparent=False)
    with Image.open(png) as opened:
        image = opened.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
    width, height = (round(side * _CSS_DPI / _DPI) for side in image.size)
    return {"source": _png_data_uri(image), "width": width, "height": height, "alt": alt}


def _png_data_uri(image: Image.Image) -> str:
    png = io.BytesIO()
    image.save(png, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
