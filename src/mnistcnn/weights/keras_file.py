"""Reading the CNN's weights from Keras' model files, and saving Keras models atomically.

A Keras file also contains a configuration that can name code to run, and loading it has been
the subject of many security advisories. The reader ignores it and takes only arrays. The six
arrays have different shapes and are identified by them, whatever the layers' names.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array, PathLike
from mnistcnn.utils import safe_read
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.text import escape, quote
from mnistcnn.utils.validation import check_path
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, KERAS_SUFFIXES
from mnistcnn.weights.hdf5_reader import Hdf5Reader

_CNN_SHAPES = tuple(CNN_WEIGHT_SHAPES.values())
_ARCHIVE_MEMBER = "model.weights.h5"
# The model with its optimizer takes 0.5 MB.
_MAX_BYTES = 16 << 20
_MAX_OBJECTS = 1000
_MAX_LISTED_SHAPES = 10


def read_keras_file(path: Path) -> list[Float32Array]:
    """Return the six arrays in the order of ``model.get_weights()``.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If the file contains the weights of another architecture.
    CorruptFileError
        If the file is damaged or not as Keras writes it.
    """
    content = safe_read.read_limited(path, limit=_MAX_BYTES)
    try:
        if path.name.endswith(".keras"):
            with safe_read.open_zip(content) as archive:
                content = safe_read.read_member(archive, _ARCHIVE_MEMBER, limit=_MAX_BYTES)
        arrays = list(_iter_arrays(Hdf5Reader(content)))
    except CorruptFileError as error:
        raise CorruptFileError(f"{path}: {escape(error)}") from None
    except Exception as error:  # damage leads to almost any exception
        raise CorruptFileError(f"{path} must be a complete Keras file: {escape(error)}") from error
    return _match_by_shape(path, arrays)


def save_model(model: Any, path: PathLike) -> None:
    """Save a Keras model atomically, in the format of the suffix."""
    target = check_path("path", path, suffixes=KERAS_SUFFIXES)
    logger = logging.getLogger("absl")
    with atomic_write(target) as temporary:
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


def _weights_group(file: Hdf5Reader) -> int:
    """Return the address of the group of weights in a Keras 3, HDF5 or Keras 2 weights file."""
    members = dict(file.members(file.root))
    candidates = (members.get(name) for name in ("layers", "model_weights"))
    return next((address for address in candidates if address is not None), file.root)


def _iter_arrays(file: Hdf5Reader) -> Iterator[NDArray[Any]]:
    """Yield each array of weights; reject links, which could lead out of the file."""
    stack, count = [("", _weights_group(file))], 0
    while stack:
        group_path, group = stack.pop()
        for name, address in file.members(group):
            count += 1
            if count > _MAX_OBJECTS:
                raise CorruptFileError(f"the file must contain at most {_MAX_OBJECTS} objects")
            if address is None:
                raise CorruptFileError(f"the file must not contain links; received {quote(name)}")
            path = f"{group_path}/{name}"
            if file.is_group(address):
                stack.append((path, address))
            elif "seed_generator" not in path:
                yield file.array(address, path)


def _match_by_shape(path: Path, arrays: Sequence[NDArray[Any]]) -> list[Float32Array]:
    shapes = [array.shape for array in arrays]
    if sorted(shapes) != sorted(_CNN_SHAPES):
        raise ValueError(
            f"{path} must contain the weights of the build_model architecture, arrays of shapes "
            f"{_format_shapes(_CNN_SHAPES)}; received another architecture, arrays of shapes "
            f"{_format_shapes(shapes)}"
        )
    ordered = sorted(arrays, key=lambda array: _CNN_SHAPES.index(array.shape))
    weights = [array.astype(np.float32) for array in ordered]
    if not all(np.isfinite(array).all() for array in weights):
        raise CorruptFileError(f"{path} must contain finite weights; received NaN or infinity")
    return weights


def _format_shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    if not shapes:
        return "none"
    listed = ", ".join(map(escape, shapes[:_MAX_LISTED_SHAPES]))
    return f"{listed}, ..." if len(shapes) > _MAX_LISTED_SHAPES else listed
