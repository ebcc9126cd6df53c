"""Reading the CNN's weights from a file, without Keras and without running anything in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array, PathLike
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.utils.text import quote_names
from mnistcnn.utils.validation import check_path, default_class_names
from mnistcnn.weights.arrays import (
    CNN_WEIGHT_SHAPES,
    KERAS_SUFFIXES,
    MAX_BYTES,
    class_names_of_safetensors,
    from_safetensors,
)
from mnistcnn.weights.keras_file import read_keras_file

WEIGHTS_SUFFIXES = (*KERAS_SUFFIXES, ".onnx", ".safetensors")


class StoredCnn(NamedTuple):
    """The CNN in a file.

    Parameters
    ----------
    weights : list of numpy.ndarray
        The six arrays in the order of ``model.get_weights()``.
    class_names : tuple of str
        Name of each class; the numbers of the classes if the file holds none.
    """

    weights: list[Float32Array]
    class_names: tuple[str, ...]


def read_weights_file(path: PathLike, *, name: str = "path") -> list[Float32Array]:
    """Return the six arrays of `read_cnn_file`."""
    return read_cnn_file(path, name=name).weights


def read_cnn_file(path: PathLike, *, name: str = "path") -> StoredCnn:
    """Return the CNN in a file, for any number of classes.

    Parameters
    ----------
    path : str or path-like
        A file written by Keras or, as ``.onnx`` or ``.safetensors``, by `export_model`.
    name : str, default "path"
        How error messages name the argument.

    Raises
    ------
    TypeError
        If `path` is not a path.
    FileNotFoundError
        If the file is missing.
    ValueError
        If the suffix is not in `WEIGHTS_SUFFIXES`, or a Keras or ONNX file is of another
        architecture.
    CorruptFileError
        If the file is damaged, too large, or does not contain the CNN's arrays.
    """
    file = check_path(name, path, suffixes=WEIGHTS_SUFFIXES)
    is_keras = file.name.endswith(KERAS_SUFFIXES)
    weights, names = read_keras_file(file) if is_keras else _read_export(file)
    return StoredCnn(weights, check_num_names(file, names, len(weights[-1])))


def check_num_names(file: Path, names: tuple[str, ...] | None, num_classes: int) -> tuple[str, ...]:
    """Return the names of the classes in a file, or the numbers; raise if their number differs."""
    if names is None:
        return default_class_names(num_classes)
    if len(names) != num_classes:
        raise CorruptFileError(
            f"{file}: class_names must hold {num_classes} names; received {len(names)}"
        )
    return names


def _read_export(file: Path) -> tuple[list[Float32Array], tuple[str, ...] | None]:
    if file.name.endswith(".onnx"):
        return _read_onnx(file)
    content = read_limited(file, limit=MAX_BYTES)
    try:
        return list(from_safetensors(content).values()), class_names_of_safetensors(content)
    except ValueError as error:
        raise CorruptFileError(f"{file}: {error}") from None


def _read_onnx(file: Path) -> tuple[list[Float32Array], tuple[str, ...] | None]:
    # onnx takes 0.1 s to import
    from mnistcnn.weights.onnx_file import (
        array_names,
        class_names_of_onnx,
        cnn_weights_of,
        has_cnn_arrays,
        parse_onnx,
    )
    from mnistcnn.weights.onnx_network import MAX_NETWORK_BYTES, is_network

    content = read_limited(file, limit=MAX_NETWORK_BYTES)
    try:
        model = parse_onnx(content, limit=MAX_NETWORK_BYTES)
        is_other = not has_cnn_arrays(model) and is_network(model)
        if not is_other:
            return cnn_weights_of(model), class_names_of_onnx(model)
    except ValueError as error:
        raise CorruptFileError(f"{file}: {error}") from None
    raise ValueError(
        f"{file} must contain the weights of the build_model architecture, the arrays "
        f"{', '.join(CNN_WEIGHT_SHAPES)}; received another network, with the arrays "
        f"{quote_names(array_names(model)) or 'none'}: run it with Recognizer, or build it and "
        "load its .keras file with load_model(path, model=network)"
    )
