"""A page about one network that needs nothing else: figures, mistakes, pictures."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from mnistcnn.evaluation.results import Evaluation
from mnistcnn.plotting.evaluation import plot_calibration, plot_confusion_matrix
from mnistcnn.plotting.layers import plot_activations, plot_filters
from mnistcnn.types import UInt8Array

if TYPE_CHECKING:
    import keras

Rows = Sequence[tuple[str, str]]

_MAX_MISTAKES = 60
_MAX_CONFUSIONS = 10
_DPI = 130
_COLOURS = 128  # are enough for lines, letters and maps, and halve the page


def render_report(
    network: keras.Model,
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
    """Return the page as HTML; whatever words come in, they stay words.

    Parameters
    ----------
    network : keras.Model
        The documented network.
    evaluation : Evaluation
        What it made of the images.
    images : numpy.ndarray
        All of them, raw: ``uint8 (n, 28, 28)``.
    title, data : str
        What the network and the images are called.
    about, training, recipe : sequence of pairs of str
        Names and values: of the report, of the training and of its recipe.
    history : matplotlib.figure.Figure, optional
        The curves of the training.

    Returns
    -------
    str
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    wrong = evaluation.misclassified
    example = int(wrong.indices[wrong.most_confident_first[0]]) if len(wrong) else 0
    pictures: dict[str, Any] = {
        "confusion": _figure_image(
            plot_confusion_matrix(evaluation),
            "A square of counts: a row for each digit, a column for what it was taken for. The "
            "table of digits that are most often taken for others says the same in words.",
        ),
        "calibration": _figure_image(
            plot_calibration(evaluation),
            "The share of right answers against their probability, and how many answers have "
            "it. The figures of each bin stand in the table below.",
        ),
        "activations": _figure_image(
            plot_activations(network, images[example]),
            f"Test image {example} beside 32 maps of the first and 64 of the second convolution.",
        ),
        "filters": _figure_image(
            plot_filters(network),
            "The weights of the 32 filters of the first and the 64 of the second convolution, as "
            "red and blue squares.",
        ),
        "history": history
        and _figure_image(
            history, "Two curves over the epochs of the training: loss and accuracy."
        ),
    }
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
        gallery=_misclassified_image(evaluation, images),
        digits=_digits(evaluation),
        confusions=evaluation.top_confusions(_MAX_CONFUSIONS),
        bins=_bins(evaluation),
        pictures=pictures,
        example=example,
        training=training,
        recipe=recipe,
        about=about,
        percent=_format_percent,
    )


def _format_percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.2f} %"


def _misclassified_image(evaluation: Evaluation, images: UInt8Array) -> list[dict[str, Any]]:
    wrong = evaluation.misclassified
    return [
        {
            "source": _png_data_uri(Image.fromarray(255 - images[wrong.indices[i]])),
            "label": wrong.labels[i],
            "predicted": wrong.predicted[i],
            "confidence": wrong.confidence[i],
            "index": wrong.indices[i],
        }
        for i in wrong.most_confident_first[:_MAX_MISTAKES]
    ]


def _digits(evaluation: Evaluation) -> list[dict[str, Any]]:
    names = ("digit", "images", "precision", "recall", "f1")
    counts = evaluation.confusion_matrix.sum(axis=1)
    columns: list[NDArray[Any]] = [
        np.arange(len(counts)), counts, evaluation.precision, evaluation.recall, evaluation.f1
    ]  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _bins(evaluation: Evaluation) -> list[dict[str, Any]]:
    bins = evaluation.calibration_curve
    return [
        {
            "range": f"{100 * low:.0f} to {100 * high:.0f} %",
            "images": bins.counts[i],
            "confidence": bins.confidence[i],
            "accuracy": bins.accuracy[i],
        }
        for i, (low, high) in enumerate(zip(bins.bin_edges[:-1], bins.bin_edges[1:], strict=True))
    ]


def _figure_image(figure: Figure, alt: str) -> dict[str, Any]:
    """Return a figure as an image of a web page, with its size on a usual screen."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI, transparent=False)
    with Image.open(drawn) as opened:
        image = opened.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    width, height = (round(side * 96 / _DPI) for side in image.size)  # CSS has 96 to an inch
    return {"source": _png_data_uri(image), "width": width, "height": height, "alt": alt}


def _png_data_uri(image: Image.Image) -> str:
    written = io.BytesIO()
    image.save(written, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()
