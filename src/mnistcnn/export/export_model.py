"""Handing the network on: a file that another runtime reads with the same result."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from mnistcnn.backend import keras
from mnistcnn.export import parity
from mnistcnn.export.formats import ExportFormat, format_for, require_runtime
from mnistcnn.export.saved_model import check_replaceable
from mnistcnn.models.architecture import check_architecture
from mnistcnn.models.cnn import build_model
from mnistcnn.models.loading import load_model
from mnistcnn.public import public
from mnistcnn.types import PathLike
from mnistcnn.utils.atomic_write import atomic_write, atomic_write_directory
from mnistcnn.utils.validation import check_path
from mnistcnn.weights.arrays import KERAS_SUFFIXES
from mnistcnn.weights.readers import EXPORTED_SUFFIXES, is_exported, read_exported


@public
def export_model(
    model: keras.Model | PathLike,
    path: PathLike,
    *,
    format: str | None = None,  # noqa: A002  # Keras' and everybody's word for it
) -> Path:
    """Write the network for another runtime, which was then seen to give the same result.

    What is written takes ``images``, ``float32 (n, 28, 28, 1)`` in [0, 1] as `preprocess`
    gives them, and gives ``probabilities``, ``float32 (n, 10)``. It says so itself, with
    the labels, where its format has a place for it.

    Parameters
    ----------
    model : keras.Model, str or path-like
        The documented network, whatever its layers are called and however it was trained,
        or a ``.keras`` or ``.h5`` file of it, or what this function wrote in any format.
        Nothing in a file is run.
    path : str or path-like
        Where to. Missing folders are made; what stands there is replaced when all went
        well. A folder is replaced only if it is empty or a SavedModel.
    format : str, optional
        By default the suffix of `path` tells:

        ============== ================= ====================================================
        format         `path` ends in    for
        ============== ================= ====================================================
        "onnx"         ``.onnx``         ONNX Runtime and most others
        "safetensors"  ``.safetensors``  the six arrays alone, laid out as Keras has them
        "litert"       ``.tflite``       LiteRT, once TensorFlow Lite; extra ``litert``
        "litert-int8"  ``.tflite``       LiteRT with 8 bits; only by its name
        "openvino"     ``.xml``          OpenVINO, with a ``.bin``; extra ``openvino``
        "saved_model"  no suffix         TensorFlow and its server: a folder
        ============== ================= ====================================================

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, `model` is another network, the format is not
        known, or `path` ends otherwise.
    FileNotFoundError, CorruptFileError
        If the file of the model is absent, damaged or of another network.
    FileExistsError, IsADirectoryError, NotADirectoryError
        If `path` is taken by what may not be replaced.
    ModuleNotFoundError
        If the format needs an extra that is not installed.
    RuntimeError
        If the other runtime could not run what was written, or came to another result.
        Nothing is left of it, and what stood at `path` stays.

    Notes
    -----
    Before anything appears at `path` it is run by its own runtime on 256 images of random
    grey, and each probability must be that of Keras within rounding: 1e-5 or, where that is
    more, 2e-6 of the widest span of its logits. With 8 bits it is run on 256 of
    scikit-learn's digits. There the answer must be that of Keras, or one to which Keras
    gives a probability at most 0.02 lower, for 250 of them, and the probabilities must
    differ by at most 0.005 on average. The ranges of the 8-bit numbers come from digits
    too, so on images unlike handwriting its answers can differ.

    Examples
    --------
    >>> from mnistcnn import export_model, load_pretrained
    >>> path = export_model(load_pretrained(), "digits.onnx")
    >>> import onnxruntime
    >>> session = onnxruntime.InferenceSession(path)
    >>> [(one.name, one.shape) for one in session.get_inputs()]
    [('images', ['n', 28, 28, 1])]
    """
    destination = check_path("path", path)
    name, target = format_for(destination, format)
    require_runtime(name, target)
    _check_target_path(destination, target)
    network = _resolve_model(model)
    images = target.images()
    expected = parity.reference_outputs(network, images)
    with _atomic_target(destination, target) as temporary:
        target.write(network.get_weights(), temporary)
        try:
            found = target.run(temporary, images)
        except Exception as error:
            raise RuntimeError(
                f"{destination} was not written, since {name} could not be run: {error}"
            ) from error
        if problem := target.rule(found, expected):
            raise RuntimeError(f"{destination} was not written, since {name} must give {problem}")
        _check_target_path(destination, target)  # It may have changed in the meantime.
    return destination


def _resolve_model(model: Any) -> keras.Sequential:
    if isinstance(model, keras.Model):
        check_architecture(model)
        return model
    try:
        file = check_path("model", model)
    except TypeError:
        raise TypeError(f"model must be a Keras model or a path; received {model!r}") from None
    if not is_exported(file):
        check_path("model", model, suffixes=(*KERAS_SUFFIXES, *EXPORTED_SUFFIXES))
        return load_model(file)
    network = build_model()
    network.set_weights(read_exported(file))
    return network


def _check_target_path(path: Path, target: ExportFormat) -> None:
    if not target.suffix:
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(f"{path} must be a folder; it is a file")
        check_replaceable(path)
        return
    for one in (path, *(path.with_suffix(suffix) for suffix in target.companions)):
        if one.is_dir():
            raise IsADirectoryError(f"{one} must be a file; it is a folder")


def _atomic_target(path: Path, target: ExportFormat) -> AbstractContextManager[Path]:
    if not target.suffix:
        return atomic_write_directory(path)
    return atomic_write(path, companions=target.companions)
