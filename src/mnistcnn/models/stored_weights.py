"""Loading the arrays of a Keras file into a model that the caller built.

Keras finds the arrays of a layer by a path, and a layer may store them in its own way. So Keras
first writes the model to a temporary file; the arrays of the given file replace those in it, and
Keras loads that file. The given file is read for its arrays only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras
from mnistcnn.types import PathLike
from mnistcnn.utils.text import quote, quote_names
from mnistcnn.utils.validation import check_path
from mnistcnn.weights.arrays import KERAS_SUFFIXES
from mnistcnn.weights.keras_file import (
    ReadLimits,
    check_finite,
    check_space_for_hdf5,
    format_shapes,
    read_keras_arrays,
)

Arrays = Mapping[str, NDArray[Any]]

# An optimizer has up to three arrays for each one of the model.
_BYTES_PER_PARAMETER, _OBJECTS_PER_VARIABLE, _STRUCTURES_PER_VARIABLE = 32, 20, 400
_UNLIMITED = ReadLimits(1 << 40, 1 << 40, 1 << 40)


def load_weights_into(model: keras.Model, path: PathLike) -> tuple[str, ...] | None:
    """Load the weights in a Keras file into `model`; return the class names in the file.

    The model stays as it is if an error is raised.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If the suffix is another one, or the file holds the weights of another architecture.
    CorruptFileError
        If the file is damaged, or much larger than the model.
    """
    file = check_path("path", path, suffixes=KERAS_SUFFIXES)
    if not model.built:
        raise ValueError("model must be built to load weights; call it on an image first")
    defaults, count = ReadLimits(), len(model.variables)
    stored = read_keras_arrays(
        file,
        ReadLimits(
            defaults.num_bytes + _BYTES_PER_PARAMETER * model.count_params(),
            defaults.num_objects + _OBJECTS_PER_VARIABLE * count,
            defaults.num_structures + _STRUCTURES_PER_VARIABLE * count,
        ),
    )
    if stored.is_legacy:
        pairs = _match_by_name(file, stored.arrays, model)
        dtypes = [np.asarray(variable).dtype for variable, _ in pairs]
        arrays = _convert(file, [array for _, array in pairs], dtypes)
        for (variable, _), array in zip(pairs, arrays, strict=True):
            variable.assign(array)
    else:
        _load_by_path(file, stored.arrays, model)
    return stored.class_names


def _load_by_path(file: Path, stored: Arrays, model: keras.Model) -> None:
    """Load arrays that have the paths, shapes and kinds of the model's own."""
    with tempfile.TemporaryDirectory() as folder:
        check_space_for_hdf5(model, Path(folder))
        own_file = Path(folder) / "model.weights.h5"
        model.save_weights(own_file)
        own = read_keras_arrays(own_file, _UNLIMITED).arrays
        if _kinds(stored) != _kinds(own):
            raise _architecture_error(file, stored, own, model)
        arrays = _convert(file, list(stored.values()), [own[name].dtype for name in stored])
        with h5py.File(own_file, "r+") as hdf5:
            for name, array in zip(stored, arrays, strict=True):
                hdf5[name][...] = array
        model.load_weights(own_file)


def _convert(
    file: Path, arrays: Sequence[NDArray[Any]], dtypes: Sequence[np.dtype[Any]]
) -> list[NDArray[Any]]:
    """Return arrays in the dtypes of the model; raise if a value is too large for its dtype."""
    with np.errstate(over="ignore"):  # infinity is reported next
        converted = [array.astype(dtype) for array, dtype in zip(arrays, dtypes, strict=True)]
    check_finite(file, [array for array in converted if array.dtype.kind == "f"])
    return converted


def _match_by_name(
    file: Path, stored: Arrays, model: keras.Model
) -> list[tuple[keras.Variable, NDArray[Any]]]:
    """Return each weight of the model with the array of the same layer and variable name.

    Layers of another name are accepted if the shapes alone identify the arrays.
    """
    own = {
        f"/{layer.name}/{weight.path}": weight for layer in model.layers for weight in layer.weights
    }
    shapes = [tuple(weight.shape) for weight in own.values()]
    if sorted(array.shape for array in stored.values()) != sorted(shapes):
        arrays = {path: np.asarray(weight) for path, weight in own.items()}
        raise _architecture_error(file, stored, arrays, model)
    if len(set(shapes)) == len(shapes):
        by_shape = {array.shape: array for array in stored.values()}
        return [(weight, by_shape[tuple(weight.shape)]) for weight in own.values()]
    by_name = {_layer_and_variable(path): array for path, array in stored.items()}
    pairs = [(_layer_and_variable(path), weight) for path, weight in own.items()]
    names_differ = len(by_name) < len(stored) or by_name.keys() != {name for name, _ in pairs}
    if names_differ or any(by_name[name].shape != tuple(weight.shape) for name, weight in pairs):
        raise ValueError(
            f"{file} must name the layers as model does, {_names(own)}; received {_names(stored)}: "
            "give the layers these names, or save the model as a .keras file"
        )
    return [(weight, by_name[name]) for name, weight in pairs]


def _layer_and_variable(path: str) -> tuple[str, ...]:
    """Return the names of layer and variable in ``/layer/model/layer/variable:0``."""
    parts = path.removesuffix(":0").split("/")
    return parts[1], *parts[-2:]


def _names(paths: Iterable[str]) -> str:
    return quote_names(list(dict.fromkeys(path.split("/")[1] for path in paths)))


def _kinds(arrays: Arrays) -> dict[str, tuple[bool, tuple[int, ...]]]:
    """Return by path whether an array holds floats, and its shape."""
    return {path: (array.dtype.kind == "f", array.shape) for path, array in arrays.items()}


def _architecture_error(file: Path, stored: Arrays, own: Arrays, model: keras.Model) -> ValueError:
    shapes = [[array.shape for array in arrays.values()] for arrays in (own, stored)]
    expected, received = map(format_shapes, shapes)
    if sorted(shapes[0]) == sorted(shapes[1]):
        received += _other_difference(stored, own)
    return ValueError(
        f"{file} must contain the weights of model, a keras.{type(model).__name__} with arrays of "
        f"shapes {expected}; received another architecture, arrays of shapes {received}: "
        "build the network that was saved and give it as model"
    )


def _other_difference(stored: Arrays, own: Arrays) -> str:
    """Return what differs between arrays of equal shapes: their layers, order or kinds."""
    for path in (*own, *stored):
        if (path in own) != (path in stored):
            side = "model" if path in own else "the file"
            return f" in other layers: only {side} has {quote(path)}"
    kinds, own_kinds = _kinds(stored), _kinds(own)
    path = next(path for path in own if kinds[path] != own_kinds[path])
    return f" of other kinds: {quote(path)} is {stored[path].dtype} {stored[path].shape}"
