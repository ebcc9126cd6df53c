"""The HTML page of a report: metrics, misclassified images, plots and training settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from mnistcnn.evaluation.formatting import class_noun, top_classes
from mnistcnn.evaluation.results import Evaluation
from mnistcnn.plotting.evaluation import plot_calibration, plot_confusion_matrix
from mnistcnn.plotting.layers import has_layer_outputs, plot_activations, plot_filters
from mnistcnn.plotting.saliency import plot_saliency
from mnistcnn.report.figures import plot_image, png_data_uri
from mnistcnn.types import UInt8Array

if TYPE_CHECKING:
    import keras

Rows = Sequence[tuple[str, str]]

NO_RESULT_FILE = (
    "Unknown: the folder of the model file contains no result.json of its training run."
)
_MAX_MISCLASSIFIED = 60
_MAX_CONFUSIONS = 10
_MAX_SALIENCY = 4
_MAX_MATRIX_CLASSES = 20  # a table of more is harder to read than the plot


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
    unknown_training: str = NO_RESULT_FILE,
) -> str:
    """Return the report as one self-contained HTML page, with all texts escaped.

    Parameters
    ----------
    model : keras.Model
        The evaluated model. Plots of its layers are left out if it has no ``Conv2D`` layer.
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
    unknown_training : str
        What the page says if `training` is empty.

    Returns
    -------
    str
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    misclassified = evaluation.misclassified
    examples = misclassified.indices[misclassified.most_confident_first[:_MAX_SALIENCY]].tolist()
    examples = examples or [0]
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
        noun=class_noun(evaluation),
        names=evaluation.class_names,
        classes=_class_metrics(evaluation),
        confusions=evaluation.top_confusions(_MAX_CONFUSIONS),
        matrix=_confusion_rows(evaluation),
        bins=_calibration_bins(evaluation),
        plots=_plots(model, evaluation, images[examples], history),
        examples=examples,
        training=training,
        unknown_training=unknown_training,
        recipe=recipe,
        about=about,
        percent=_format_percent,
    )


def _plots(
    model: keras.Model, evaluation: Evaluation, examples: UInt8Array, history: Figure | None
) -> dict[str, Any]:
    has_table = len(evaluation.class_names) <= _MAX_MATRIX_CLASSES
    return {
        "confusion_matrix": None
        if has_table
        else plot_image(
            plot_confusion_matrix(evaluation),
            f"Confusion matrix: number of images by true {class_noun(evaluation)} (rows) and "
            "predicted one (columns). The table of the most frequent confusions lists its "
            "largest errors.",
        ),
        "calibration": plot_image(
            plot_calibration(evaluation),
            "Calibration curve: accuracy by confidence, and the number of images in each bin. "
            "The table below lists the values.",
        ),
        **_layer_plots(model, examples),
        "history": None
        if history is None
        else plot_image(history, "Training history: loss and accuracy by epoch."),
    }


def _layer_plots(model: keras.Model, examples: UInt8Array) -> dict[str, Any]:
    """Return the plots that need convolutions; ``None`` for those that the model lacks."""
    try:
        filters = plot_filters(model)
    except ValueError:  # without convolutions
        return {"activations": None, "filters": None, "saliency": None}
    plots = {
        "activations": None,
        "saliency": None,
        "filters": plot_image(
            filters,
            "Weights of the filters of each convolutional layer, as red and blue squares.",
        ),
    }
    if has_layer_outputs(model):
        plots["activations"] = plot_image(
            plot_activations(model, examples[0]),
            "The test image and the feature maps of each convolutional layer.",
        )
        plots["saliency"] = plot_image(
            plot_saliency(model, examples),
            "Images with their most probable classes, a heat map over each, and its gradient.",
        )
    return plots


def _format_percent(proportion: float) -> str:
    return "–" if math.isnan(proportion) else f"{100 * proportion:.2f}\N{NO-BREAK SPACE}%"


def _misclassified_images(evaluation: Evaluation, images: UInt8Array) -> list[dict[str, Any]]:
    misclassified, names = evaluation.misclassified, evaluation.class_names
    return [
        {
            "source": png_data_uri(Image.fromarray(255 - images[misclassified.indices[i]])),
            "label": names[misclassified.labels[i]],
            "predicted": names[misclassified.predicted[i]],
            "top": top_classes(misclassified.probabilities[i], names),
            "index": misclassified.indices[i],
        }
        for i in misclassified.most_confident_first[:_MAX_MISCLASSIFIED]
    ]


def _class_metrics(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "images": evaluation.confusion_matrix[index].sum(),
            "precision": evaluation.precision[index],
            "recall": evaluation.recall[index],
            "f1": evaluation.f1[index],
        }
        for index, name in enumerate(evaluation.class_names)
    ]


def _confusion_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return each row of the confusion matrix; `shade` is a count relative to the largest error."""
    matrix = evaluation.confusion_matrix
    largest = max(int((matrix - np.diag(np.diag(matrix))).max()), 1)
    return [
        {
            "name": name,
            "cells": [
                {"count": count, "correct": row == column, "shade": f"{count / largest:.2f}"}
                for column, count in enumerate(matrix[row].tolist())
            ],
        }
        for row, name in enumerate(evaluation.class_names)
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
