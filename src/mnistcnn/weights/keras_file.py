"""Reading arrays from Keras' model files, and saving Keras models atomically.

A Keras file also contains a configuration that can name code to run, and loading it has been
the subject of many security advisories. The reader ignores it and takes only arrays. The six
arrays of the CNN have different shapes and are identified by them, whatever the layers' names.
"""

from __future__ import annotations

import json
import logging
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array, PathLike
from mnistcnn.utils import safe_read
from mnistcnn.utils.atomic_write import atomic_write, check_writable
from mnistcnn.utils.text import escape, quote
from mnistcnn.utils.validation import check_class_names, check_path
from mnistcnn.weights.arrays import (
    CNN_WEIGHT_SHAPES,
    KERAS_SUFFIXES,
    NUM_FEATURES,
    cnn_weight_shapes,
)
from mnistcnn.weights.hdf5_reader import MAX_STRUCTURES, Hdf5Reader
from mnistcnn.weights.metadata import CLASS_NAMES_KEY, stored_class_names

_ARCHIVE_MEMBER = "model.weights.h5"
# Written by `save_model` beside the members of Keras, which ignores it.
_METADATA_MEMBER, _MAX_METADATA_BYTES = "mnistcnn.json", 1 << 20
_MAX_LISTED_SHAPES = 10
# Upper bounds of what an HDF5 file takes: in total, for each variable, and for each of its values.
_FILE_BYTES, _VARIABLE_BYTES, _VALUE_BYTES = 1 << 20, 16 << 10, 8
# A group may contain itself, so that paths would grow with each level.
_MAX_PATH_CHARS = 2000
_LEGACY_GROUP = "model_weights"  # of a whole model in an HDF5 file
_OPTIMIZER_GROUPS = ("optimizer", "optimizer_weights")
_VARIABLES_GROUP = "/vars/"  # in which Keras 3 numbers the variables of a layer


class ReadLimits(NamedTuple):
    """Limits of a Keras file.

    Parameters
    ----------
    num_bytes : int
        Size of the file, and of a compressed archive after decompression. The CNN with its
        optimizer takes 0.5 MB; a file within the limit may be of another network, whose arrays
        are then named in the error.
    num_objects : int
        Number of arrays and groups.
    num_structures : int
        Number of HDF5 structures.
    """

    num_bytes: int = 64 << 20
    num_objects: int = 4000
    num_structures: int = MAX_STRUCTURES


class KerasFile(NamedTuple):
    """Content of a Keras file.

    Parameters
    ----------
    arrays : dict of str to numpy.ndarray
        The arrays of the network by their path, such as ``/layers/dense/vars/0``, integers and
        floats of any width. The states of random generators and of the optimizer are left out.
    is_legacy : bool
        Whether paths are made of the names of layers and variables, as in files of Keras 2 and in
        whole models in ``.h5`` files, and not of the kinds of layers.
    class_names : tuple of str or None
        The names of the classes, if the file holds any.
    """

    arrays: dict[str, NDArray[Any]]
    is_legacy: bool
    class_names: tuple[str, ...] | None


def read_keras_arrays(path: Path, limits: ReadLimits | None = None) -> KerasFile:
    """Return the arrays of a Keras file, without running anything in it.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    CorruptFileError
        If the file is damaged, too large or not as Keras writes it.
    """
    limits = ReadLimits() if limits is None else limits
    content = safe_read.read_limited(path, limit=limits.num_bytes)
    class_names = None
    try:
        if path.name.endswith(".keras"):
            with safe_read.open_zip(content) as archive:
                class_names = _read_class_names(archive)
                content = safe_read.read_member(archive, _ARCHIVE_MEMBER, limit=limits.num_bytes)
        file = Hdf5Reader(content, max_structures=limits.num_structures)
        arrays = dict(_iter_arrays(file, limits.num_objects))
    except CorruptFileError as error:
        raise CorruptFileError(f"{path}: {escape(error)}") from None
    except Exception as error:  # damage leads to almost any exception
        raise CorruptFileError(f"{path} must be a complete Keras file: {escape(error)}") from error
    is_legacy = not any(_VARIABLES_GROUP in name for name in arrays)
    return KerasFile(arrays, is_legacy, class_names)


def read_keras_file(path: Path) -> tuple[list[Float32Array], tuple[str, ...] | None]:
    """Return the six arrays of the CNN in the order of ``model.get_weights()``, and class names.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If the file contains the weights of another architecture.
    CorruptFileError
        If the file is damaged or not as Keras writes it.
    """
    file = read_keras_arrays(path)
    weights = _cnn_weights(path, file.arrays)
    check_finite(path, weights)
    return weights, file.class_names


def save_model(model: Any, path: PathLike) -> None:
    """Save a Keras model atomically, in the format of the suffix.

    A ``.keras`` file also stores the model's attribute `class_names`, if it has one.
    """
    target = check_path("path", path, suffixes=KERAS_SUFFIXES)
    logger = logging.getLogger("absl")
    with atomic_write(target) as temporary:
        if target.suffix == ".h5":
            check_space_for_hdf5(model, temporary.parent)
        if target.name.endswith(".weights.h5"):
            model.save_weights(temporary)
            return
        # Keras warns against HDF5 on each save, but the caller chose the suffix.
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            model.save(temporary)
        finally:
            logger.setLevel(level)
        class_names = class_names_attribute(model)
        if class_names is not None and target.name.endswith(".keras"):
            with zipfile.ZipFile(temporary, "a") as archive:
                metadata = {CLASS_NAMES_KEY: list(class_names)}
                archive.writestr(_METADATA_MEMBER, json.dumps(metadata))


def check_space_for_hdf5(model: Any, folder: Path) -> None:
    """Raise ``OSError`` if the disk is too full for the HDF5 file of a model.

    On a full disk, the HDF5 library ends the process with a segmentation fault. Keras writes HDF5
    to the disk for ``.h5`` files; for ``.keras`` files, to memory.
    """
    variables = [*model.variables]
    if (optimizer := getattr(model, "optimizer", None)) is not None:
        variables += optimizer.variables
    num_values = sum(math.prod(variable.shape) for variable in variables)
    check_writable(
        folder, _FILE_BYTES + _VARIABLE_BYTES * len(variables) + _VALUE_BYTES * num_values
    )


def class_names_attribute(model: Any) -> tuple[str, ...] | None:
    """Return the attribute `class_names` of a model, if it holds names of classes.

    A model of the user's own may have an attribute of that name with another content.
    """
    try:
        return check_class_names(getattr(model, "class_names", None))
    except (TypeError, ValueError):
        return None


def format_shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    """Return the first shapes as text."""
    if not shapes:
        return "none"
    listed = ", ".join(map(escape, shapes[:_MAX_LISTED_SHAPES]))
    return f"{listed}, ..." if len(shapes) > _MAX_LISTED_SHAPES else listed


def check_finite(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    """Raise `CorruptFileError` if an array of a file holds NaN or infinity."""
    if not all(np.isfinite(array).all() for array in arrays):
        raise CorruptFileError(f"{path} must contain finite weights; received NaN or infinity")


def to_float32(array: NDArray[Any]) -> Float32Array:
    """Return an array of a file as ``float32``; larger values become infinity, without warning."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _read_class_names(archive: zipfile.ZipFile) -> tuple[str, ...] | None:
    if _METADATA_MEMBER not in archive.namelist():
        return None
    content = safe_read.read_member(archive, _METADATA_MEMBER, limit=_MAX_METADATA_BYTES)
    metadata = safe_read.loads_json(_METADATA_MEMBER, content, max_depth=2)
    if not isinstance(metadata, dict):
        raise CorruptFileError(f"{_METADATA_MEMBER} must hold an object; received another value")
    return stored_class_names(metadata)


def _iter_arrays(file: Hdf5Reader, max_objects: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield path and values of each array.

    Links, which could lead out of the file, and long paths are rejected.
    """
    legacy_group = dict(file.members(file.root)).get(_LEGACY_GROUP)
    stack, count = [("", file.root if legacy_group is None else legacy_group)], 0
    while stack:
        group_path, group = stack.pop()
        subgroups = []
        for name, address in file.members(group):
            count += 1
            if count > max_objects:
                raise CorruptFileError(f"the file must contain at most {max_objects} objects")
            if address is None:
                raise CorruptFileError(f"the file must not contain links; received {quote(name)}")
            path = f"{group_path}/{name}"
            if len(path) > _MAX_PATH_CHARS:
                raise CorruptFileError(
                    f"paths in the file must have at most {_MAX_PATH_CHARS:,} characters; "
                    f"received {quote(path)}"
                )
            if not group_path and name in _OPTIMIZER_GROUPS:
                continue
            if file.is_group(address):
                subgroups.append((path, address))
            elif "seed_generator" not in path:
                yield path, file.array(address, path)
        stack.extend(reversed(subgroups))


def _cnn_weights(path: Path, arrays: Mapping[str, NDArray[Any]]) -> list[Float32Array]:
    """Return the arrays of the CNN, identified by their shapes; raise for other arrays."""
    found = [array.shape for array in arrays.values()]
    num_classes = [shape[1] for shape in found if len(shape) == 2 and shape[0] == NUM_FEATURES]
    shapes = CNN_WEIGHT_SHAPES
    if len(num_classes) == 1 and num_classes[0]:
        shapes = cnn_weight_shapes(num_classes[0])
    is_float = all(array.dtype.kind == "f" for array in arrays.values())
    if sorted(found) != sorted(shapes.values()) or not is_float:
        raise ValueError(
            f"{path} must contain the weights of the build_model architecture, arrays of shapes "
            f"{format_shapes(list(CNN_WEIGHT_SHAPES.values()))}; received another architecture, "
            f"arrays of shapes {format_shapes(found)}: build that network and give it as "
            "load_model(path, model=network)"
        )
    weights = []
    kernel_path = ""
    for name, shape in shapes.items():
        candidates = [key for key, array in arrays.items() if array.shape == shape]
        # A bias of 32 or 64 classes has the shape of another one; its kernel is in its group.
        siblings = [key for key in candidates if _parent(key) == _parent(kernel_path)]
        if name.endswith("bias") and len(candidates) > 1:
            candidates = siblings
        if len(candidates) != 1:
            raise ValueError(
                f"{path} must contain each layer in a group of its own; "
                f"received {len(siblings)} arrays of shape {shape} in one group"
            )
        kernel_path = candidates[0]
        weights.append(to_float32(arrays[kernel_path]))
    return weights


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
