"""The six arrays of the network, from and to the files that Keras knows.

Reading takes numbers alone. A Keras model file also carries a configuration that can name
code to run, and loading it has been the subject of many advisories; so that part is never
looked at. The six arrays differ in shape, so they are told apart by shape, whatever the
layers were called when the file was written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array, PathLike
from mnistcnn.utils import safe_read
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.utils.validation import check_path
from mnistcnn.weights import hdf5_reader
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, KERAS_SUFFIXES

_CNN_SHAPES = tuple(CNN_WEIGHT_SHAPES.values())
_ARCHIVE_MEMBER = "model.weights.h5"
# The network with its optimizer takes 0.5 MB; 16 MiB leaves room for what else Keras
# may add, and none for what would fill a memory.
_MAX_BYTES = 16 << 20
_MAX_OBJECTS = 1000
_MAX_SHOWN = 80


def read_weights(path: PathLike) -> list[Float32Array]:
    """Return the arrays in the order of `WEIGHT_SHAPES` from a file written by Keras.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CorruptFileError
        If the file is damaged, or holds other arrays than this network's.
    """
    file = check_path("path", path, suffixes=KERAS_SUFFIXES)
    content = read_limited(file, limit=_MAX_BYTES)
    try:
        if file.suffix == ".keras":
            with safe_read.open_zip(content) as archive:
                content = safe_read.read_member(archive, _ARCHIVE_MEMBER, limit=_MAX_BYTES)
        found = list(_float_arrays(hdf5_reader.Hdf5Reader(content)))
    except CorruptFileError as error:
        raise CorruptFileError(f"{file}: {error}") from None
    except Exception as error:  # damage ends in almost any exception
        raise CorruptFileError(f"{file} is not a whole Keras file: {error}") from error
    return _match_by_shape(file, found)


def save_model(model: Any, path: PathLike) -> None:
    """Write a Keras model in the format of the suffix; the old file stays until the end."""
    target = check_path("path", path, suffixes=KERAS_SUFFIXES)
    logger = logging.getLogger("absl")
    with atomic_write(target) as temporary:
        if target.name.endswith(".weights.h5"):
            model.save_weights(temporary)
            return
        # Keras advises against HDF5 each time; whoever asked for .h5 has chosen it.
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            model.save(temporary)
        finally:
            logger.setLevel(level)


def _weights_group(file: hdf5_reader.Hdf5Reader) -> int:
    """Return where the weights are: Keras 3's own format, HDF5 models, bare Keras 2 weights."""
    held = dict(file.members(file.root))
    found = (held.get(name) for name in ("layers", "model_weights"))
    return next((group for group in found if group is not None), file.root)


def _float_arrays(file: hdf5_reader.Hdf5Reader) -> Iterator[Float32Array]:
    """Walk a tree of HDF5, which has no way out of the file, and give the arrays it holds."""
    waiting, seen = [("", _weights_group(file))], 0
    while waiting:
        path, group = waiting.pop()
        for name, address in file.members(group):
            seen += 1
            if seen > _MAX_OBJECTS:
                raise CorruptFileError(f"the file must hold at most {_MAX_OBJECTS} objects")
            if address is None:
                shown = repr(name[:_MAX_SHOWN])
                raise CorruptFileError(f"the file must hold its objects itself; {shown} is a link")
            full = f"{path}/{name}"
            if file.is_group(address):
                waiting.append((full, address))
            elif "seed_generator" not in full:
                yield _float_array(file.array(address, full))


def _float_array(array: NDArray[Any]) -> Float32Array:
    if array.shape not in _CNN_SHAPES:
        raise CorruptFileError(
            f"the file must hold float arrays of shapes {_format_shapes(_CNN_SHAPES)}, "
            f"or it is a network of another architecture; it holds {array.dtype} {array.shape}"
        )
    return array.astype(np.float32)


def _match_by_shape(file: Path, found: list[Float32Array]) -> list[Float32Array]:
    shapes = [array.shape for array in found]
    if sorted(shapes) != sorted(_CNN_SHAPES):
        raise CorruptFileError(
            f"{file}: the file must hold arrays of shapes {_format_shapes(_CNN_SHAPES)}, or it is a "
            f"network of another architecture; it holds {_format_shapes(shapes) or 'none'}"
        )
    arrays = sorted(found, key=lambda array: _CNN_SHAPES.index(array.shape))
    if not all(np.isfinite(array).all() for array in arrays):
        raise CorruptFileError(f"{file} must hold finite weights; it holds NaN or infinity")
    return arrays


def _format_shapes(shapes: Any) -> str:
    return ", ".join(str(shape) for shape in shapes)
