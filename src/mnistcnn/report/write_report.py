"""`write_report`: an HTML report about a model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mnistcnn.data.preprocessing import preprocess
from mnistcnn.evaluation.evaluate import evaluate
from mnistcnn.plotting.history import plot_history
from mnistcnn.public import public
from mnistcnn.report.page import render_report
from mnistcnn.types import PathLike
from mnistcnn.utils.atomic_write import write_text
from mnistcnn.utils.environment import software_versions
from mnistcnn.utils.outputs import check_not_input
from mnistcnn.utils.validation import check_images, check_path
from mnistcnn.weights.pretrained import is_pretrained

if TYPE_CHECKING:
    import keras

_SUFFIXES = (".html", ".htm")


@public
def write_report(
    model: keras.Model | PathLike,
    images: ArrayLike,
    labels: ArrayLike,
    path: PathLike,
    *,
    title: str | None = None,
    class_names: Sequence[str] | None = None,
    history: Mapping[str, Any] | keras.callbacks.History | None = None,
) -> Path:
    """Evaluate a model and write one self-contained HTML page about it.

    The page has the metrics, the misclassified images, the confusion matrix, the calibration
    curve and, if the model has ``Conv2D`` layers, their filters and activations. The command
    ``mnistcnn report`` writes the same page about a file of the baseline network.

    Parameters
    ----------
    model : keras.Model, str or path-like
        Any Keras model that returns the probabilities of k classes, or a file of the baseline
        network that `load_model` accepts, or the name of pretrained weights: ``"best"`` or
        ``"robust"``.
    images : array_like
        Raw ``uint8 (n, 28, 28)``, or preprocessed ``float32 (n, 28, 28, 1)`` in [0, 1].
    labels : array_like
        ``(n,)`` in ``0...k - 1``, one-hot ``(n, k)``, or names among `class_names`.
    path : str or path-like
        File to write: ``.html`` or ``.htm``. An existing file is replaced.
    title : str, optional
        Title of the page. Default: the file or the name of the model.
    class_names : sequence of str, optional
        Name of each class. Default: the attribute `class_names` of the model, or the numbers.
    history : keras.callbacks.History or mapping, optional
        What `train` returned, to plot the training history.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or the images and labels do not fit the model.
    FileNotFoundError, CorruptFileError
        If the file of the model does not exist or is damaged.
    FileExistsError
        If `path` is the file of the model.

    Examples
    --------
    >>> from mnistcnn import load_data, load_pretrained, write_report
    >>> _, (images, labels) = load_data("digits")
    >>> write_report(load_pretrained(), images, labels, "report.html").name
    'report.html'
    """
    from mnistcnn.models.classes import count_classes, get_class_names
    from mnistcnn.models.loading import as_model

    target = check_path("path", path, suffixes=_SUFFIXES)
    is_file = isinstance(model, str | os.PathLike) and not is_pretrained(model)
    inputs = [Path(model)] if is_file else []
    check_not_input(target, inputs)
    figure = None if history is None else plot_history(history)
    network = as_model(model)
    num_classes = count_classes(network)
    names = get_class_names(network, num_classes) if class_names is None else class_names
    x, y = preprocess(images, labels, num_classes=num_classes, class_names=names)
    result = evaluate(network, x, y, class_names=names)
    raw = check_images(images)
    if raw.dtype.kind == "f":
        raw = np.rint(255 * raw)
    name = inputs[0].name if is_file else network.name
    page = render_report(
        network,
        result,
        raw.astype(np.uint8),
        title=name if title is None else title,
        data="the given data",
        about=[
            ("Model", name),
            ("Parameters", f"{network.count_params():,}"),
            ("Test images", f"{result.num_images:,}"),
            ("Versions", ", ".join(f"{name} {text}" for name, text in software_versions().items())),
        ],
        training=[] if history is None else [("Epochs", str(_num_epochs(history)))],
        history=figure,
        unknown_training="Unknown: no training history was given.",
    )
    check_not_input(target, inputs)  # it may have changed in the meantime
    write_text(target, page)
    return target


def _num_epochs(history: Any) -> int:
    return len(getattr(history, "history", history)["loss"])
