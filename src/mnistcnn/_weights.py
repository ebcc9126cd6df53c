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

from mnistcnn import _archives, _checks, _hdf5
from mnistcnn._errors import CorruptFileError
from mnistcnn._files import read_limited, replacing
from mnistcnn._types import MODEL_SUFFIXES, WEIGHTS, Float32Array, PathLike

WEIGHT_SHAPES = tuple(WEIGHTS.values())
_ARCHIVE_MEMBER = "model.weights.h5"
# The network with its optimizer takes 0.5 MB; 16 MiB leaves room for what else Keras
# may add, and none for what would fill a memory.
_MOST_BYTES = 16 << 20
_MOST_OBJECTS = 1000
_MOST_SHOWN = 80


def read_weights(path: PathLike) -> list[Float32Array]:
    """Return the arrays in the order of `WEIGHT_SHAPES` from a file written by Keras.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CorruptFileError
        If the file is damaged, or holds other arrays than this network's.
    """
    file = _checks.path("path", path, suffixes=MODEL_SUFFIXES)
    content = read_limited(file, limit=_MOST_BYTES)
    try:
        if file.suffix == ".keras":
            with _archives.opened(content) as archive:
                content = _archives.read_member(archive, _ARCHIVE_MEMBER, limit=_MOST_BYTES)
        found = list(_float_arrays(_hdf5.File(content)))
    except CorruptFileError as error:
        raise CorruptFileError(f"{file}: {error}") from None
    except Exception as error:  # damage ends in almost any exception
        raise CorruptFileError(f"{file} is not a whole Keras file: {error}") from error
    return _in_order(file, found)


def save_model(model: Any, path: PathLike) -> None:
    """Write a Keras model in the format of the suffix; the old file stays until the end."""
    target = _checks.path("path", path, suffixes=MODEL_SUFFIXES)
    logger = logging.getLogger("absl")
    with replacing(target) as temporary:
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


def _weights_group(file: _hdf5.File) -> int:
    """Return where the weights are: Keras 3's own format, HDF5 models, bare Keras 2 weights."""
    held = dict(file.members(file.root))
    found = (held.get(name) for name in ("layers", "model_weights"))
    return next((group for group in found if group is not None), file.root)


def _float_arrays(file: _hdf5.File) -> Iterator[Float32Array]:
    """Walk a tree of HDF5, which has no way out of the file, and give the arrays it holds."""
    waiting, seen = [("", _weights_group(file))], 0
    while waiting:
        path, group = waiting.pop()
        for name, address in file.members(group):
            seen += 1
            if seen > _MOST_OBJECTS:
                raise CorruptFileError(f"the file must hold at most {_MOST_OBJECTS} objects")
            if address is None:
                shown = repr(name[:_MOST_SHOWN])
                raise CorruptFileError(f"the file must hold its objects itself; {shown} is a link")
            full = f"{path}/{name}"
            if file.is_group(address):
                waiting.append((full, address))
            elif "seed_generator" not in full:
                yield _float_array(file.array(address, full))


def _float_array(array: NDArray[Any]) -> Float32Array:
    if array.shape not in WEIGHT_SHAPES:
        raise CorruptFileError(
            f"the file must hold float arrays of shapes {_listed(WEIGHT_SHAPES)}, "
            f"or it is a network of another architecture; it holds {array.dtype} {array.shape}"
        )
    return array.astype(np.float32)


def _in_order(file: Path, found: list[Float32Array]) -> list[Float32Array]:
    shapes = [array.shape for array in found]
    if sorted(shapes) != sorted(WEIGHT_SHAPES):
        raise CorruptFileError(
            f"{file}: the file must hold arrays of shapes {_listed(WEIGHT_SHAPES)}, or it is a "
            f"network of another architecture; it holds {_listed(shapes) or 'none'}"
        )
    arrays = sorted(found, key=lambda array: WEIGHT_SHAPES.index(array.shape))
    if not all(np.isfinite(array).all() for array in arrays):
        raise CorruptFileError(f"{file} must hold finite weights; it holds NaN or infinity")
    return arrays


def _listed(shapes: Any) -> str:
    return ", ".join(str(shape) for shape in shapes)
