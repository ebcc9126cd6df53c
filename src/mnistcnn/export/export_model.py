"""`export_model`: export to another runtime, verified by running it there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from mnistcnn.backend import keras
from mnistcnn.export import parity
from mnistcnn.export.formats import ExportFormat, format_for, require_runtime
from mnistcnn.export.saved_model import check_replaceable
from mnistcnn.export.source import ExportSource
from mnistcnn.models.loading import as_model
from mnistcnn.public import public
from mnistcnn.types import PathLike
from mnistcnn.utils.atomic_write import atomic_write, atomic_write_directory, check_writable
from mnistcnn.utils.outputs import check_not_input
from mnistcnn.utils.text import escape
from mnistcnn.utils.validation import check_path
from mnistcnn.weights.pretrained import is_pretrained


@public
def export_model(
    model: keras.Model | PathLike,
    path: PathLike,
    *,
    format: str | None = None,  # noqa: A002  # the name that Keras uses
    class_names: Sequence[str] | None = None,
) -> Path:
    """Export a network to another runtime and verify that the results are equal.

    The input of the exported model is ``images``, ``float32 (n, 28, 28, 1)`` in [0, 1] as from
    `preprocess`, its output ``probabilities``, ``float32 (n, k)`` for k classes. Where the format
    has metadata, they describe input, output, classes and preprocessing.

    Parameters
    ----------
    model : keras.Model, str or path-like
        Any Keras model that returns the probabilities of k classes for such images, or a file of
        the baseline network that `load_model` can load; or the name of pretrained weights,
        ``"best"`` or ``"robust"``. The package writes the architecture of `build_model` itself,
        whatever its layers are called and however it was trained; Keras' exporters write any
        other, for ONNX and OpenVINO with the extra ``tf2onnx``.
    path : str or path-like
        Target. Missing parent folders are created. An existing file is replaced once the
        export is verified, except the file of `model`; an existing folder only if it is empty
        or a SavedModel, and an existing ``.bin`` only with its ``.xml``.
    format : str, optional
        By default inferred from the suffix of `path`:

        ============== ================= ====================================================
        format         suffix of `path`  for
        ============== ================= ====================================================
        "onnx"         ``.onnx``         ONNX Runtime and most other runtimes
        "safetensors"  ``.safetensors``  the six arrays of the baseline network alone
        "litert"       ``.tflite``       LiteRT (formerly TensorFlow Lite); extra ``litert``
        "litert-int8"  ``.tflite``       LiteRT with 8 bits; must be named explicitly
        "openvino"     ``.xml``          OpenVINO, with a ``.bin``; extra ``openvino``
        "saved_model"  no suffix         TensorFlow and TensorFlow Serving: a folder
        ============== ================= ====================================================
    class_names : sequence of str, optional
        Name of each class, for the metadata. Default: the attribute `class_names` of the model,
        or the numbers.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, the format is unknown or can't hold the architecture
        of `model`, or the suffix of `path` does not match the format.
    FileNotFoundError, CorruptFileError
        If the file of the model is missing or damaged.
    FileExistsError, IsADirectoryError, NotADirectoryError
        If `path` exists and may not be replaced.
    ModuleNotFoundError
        If the format needs an extra that is not installed.
    RuntimeError
        If the other runtime could not run the exported model or computed different results.
        Nothing is written then, and an existing `path` is unchanged.

    Notes
    -----
    Before anything appears at `path`, the other runtime computes the probabilities of 256
    images of uniform noise. They must equal those of Keras within rounding errors: 1e-5 (1e-4 for
    another network than the baseline) or, if larger, 2e-6 of the range of the logits. With 8
    bits, the images are 256 of scikit-learn's digits. For 250 of them the prediction must be that
    of Keras, or one to which Keras gives a probability at most 0.02 lower, and the probabilities
    must differ by at most 0.005 on average. The activation ranges are also calibrated on digits,
    so predictions for images unlike handwriting can differ.

    Examples
    --------
    >>> from mnistcnn import export_model
    >>> path = export_model("best", "digits.onnx")
    >>> import onnxruntime
    >>> session = onnxruntime.InferenceSession(path)
    >>> [(each.name, each.shape) for each in session.get_inputs()]
    [('images', ['n', 28, 28, 1])]
    """
    target = check_path("path", path)
    name, export_format = format_for(target, format)
    require_runtime(name, export_format)
    is_file = isinstance(model, str | os.PathLike) and not is_pretrained(model)
    inputs = [Path(model)] if is_file else []
    _check_target(target, export_format, inputs)
    source = ExportSource(as_model(model), class_names)
    if not (source.is_cnn or export_format.any_architecture):
        raise ValueError(
            f"model must have the architecture of build_model for the format {name}; "
            f"received {source.mismatch}"
        )
    images = export_format.images()
    reference = parity.reference_outputs(source.model, images, is_cnn=source.is_cnn)
    with _atomic_target(target, export_format) as temporary:
        _write(name, export_format, source, temporary)
        try:
            probabilities = export_format.predict(temporary, images)
        except Exception as error:
            raise RuntimeError(
                f"{target} was not written, because {name} could not run it: {escape(error)}"
            ) from error
        if problem := export_format.check(probabilities, reference):
            raise RuntimeError(f"{target} was not written, because {name} must {problem}")
        _check_target(target, export_format, inputs)  # it may have changed in the meantime
    return target


def _write(name: str, export_format: ExportFormat, source: ExportSource, path: Path) -> None:
    """Write the model; explain the error of an exporter, whose reason may be a full disk."""
    try:
        export_format.write(source, path)
    except (OSError, ImportError):
        raise
    except Exception as error:
        check_writable(path.parent)
        if source.is_cnn:
            raise
        raise RuntimeError(
            f"{name} could not be written: Keras' exporter does not support a layer of "
            f"model: {escape(error)}"
        ) from error


def _check_target(path: Path, export_format: ExportFormat, inputs: Sequence[Path]) -> None:
    if not export_format.suffix:
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(f"{path} must be a folder; it is a file")
        check_replaceable(path, name=path)
        return
    companions = [path.with_suffix(suffix) for suffix in export_format.companions]
    for file in (path, *companions):
        if file.is_dir():
            raise IsADirectoryError(f"{file} must be a file; it is a folder")
        check_not_input(file, inputs)
    for file in companions:
        if file.exists() and not path.exists():
            raise FileExistsError(f"{file} must not exist without {path}; it would be replaced")


def _atomic_target(path: Path, export_format: ExportFormat) -> AbstractContextManager[Path]:
    if not export_format.suffix:
        return atomic_write_directory(path, check=partial(check_replaceable, name=path))
    return atomic_write(path, companions=export_format.companions)
