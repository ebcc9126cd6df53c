"""The six arrays of the network, from and to the files that Keras knows.

Reading takes numbers alone. A Keras model file also carries a configuration that can name
code to run, and loading it has been the subject of many advisories; so that part is never
looked at. The six arrays differ in shape, so they are told apart by shape, whatever the
layers were called when the file was written.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mnistcnn import _archives, _checks
from mnistcnn._errors import CorruptFileError
from mnistcnn._files import read_limited, replacing
from mnistcnn._types import MODEL_SUFFIXES, WEIGHTS, Float32Array, PathLike

WEIGHT_SHAPES = tuple(WEIGHTS.values())
_ARCHIVE_MEMBER = "model.weights.h5"
# The network with its optimizer takes 0.5 MB; 16 MiB leaves room for what else Keras
# may add, and none for what would fill a memory.
_MOST_BYTES = 16 << 20
_MOST_OBJECTS = 1000
# HDF5 unpacks a chunk whole, however little of it an array takes, and it loads other filters
# from wherever the machine keeps them. Keras uses neither; a tool that packs files may.
_MOST_CHUNK_BYTES = 1 << 20
_FILTERS = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)
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
        with h5py.File(io.BytesIO(content), "r") as root:
            found = dict(_float_arrays(_weights_group(root)))
    except CorruptFileError as error:
        raise CorruptFileError(f"{file}: {error}") from None
    except Exception as error:  # HDF5 and zip report damage by almost any exception
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


def _weights_group(root: h5py.File) -> h5py.Group:
    """Return where the weights are: Keras 3's own format, HDF5 models, bare Keras 2 weights."""
    for name in ("layers", "model_weights"):
        if isinstance(root.get(name, getlink=True), h5py.HardLink):
            return root[name]
    return root


def _float_arrays(group: h5py.Group) -> Iterator[tuple[str, Float32Array]]:
    """Walk a tree of HDF5 without following links out of it; give the arrays it holds."""
    waiting, seen = [group], 0
    while waiting:
        current = waiting.pop()
        for name in current:
            seen += 1
            if seen > _MOST_OBJECTS:
                raise CorruptFileError(f"the file must hold at most {_MOST_OBJECTS} objects")
            if not isinstance(current.get(name, getlink=True), h5py.HardLink):
                shown = repr(name[:_MOST_SHOWN])
                raise CorruptFileError(f"the file must hold its objects itself; {shown} is a link")
            item = current[name]
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif "seed_generator" not in item.name:
                yield item.name, _float_array(item)


def _float_array(item: h5py.Dataset) -> Float32Array:
    if item.external or item.is_virtual:
        shown = repr(item.name[:_MOST_SHOWN])
        raise CorruptFileError(f"the file must hold its arrays itself; {shown} is elsewhere")
    if item.dtype.kind != "f" or item.shape not in WEIGHT_SHAPES:
        raise CorruptFileError(
            f"the file must hold float arrays of shapes {_listed(WEIGHT_SHAPES)}, "
            f"or it is a network of another architecture; "
            f"it holds {str(item.dtype)[:_MOST_SHOWN]} {item.shape}"
        )
    _check_packing(item)
    return np.asarray(item[()], dtype=np.float32)


def _check_packing(item: h5py.Dataset) -> None:
    """Refuse an array that would take far more to unpack than it holds."""
    if item.chunks is None:
        return
    size = math.prod(item.chunks) * item.dtype.itemsize
    if size > _MOST_CHUNK_BYTES:
        raise CorruptFileError(
            f"the file must keep its arrays in chunks of at most {_MOST_CHUNK_BYTES:,} bytes; "
            f"one has {size:,}"
        )
    properties = item.id.get_create_plist()
    filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    if not set(filters) <= set(_FILTERS):
        raise CorruptFileError(
            f"the file must pack its arrays by deflate alone; it names the filters {filters}"
        )


def _in_order(file: Path, found: dict[str, Float32Array]) -> list[Float32Array]:
    shapes = [array.shape for array in found.values()]
    if sorted(shapes) != sorted(WEIGHT_SHAPES):
        raise CorruptFileError(
            f"{file}: the file must hold arrays of shapes {_listed(WEIGHT_SHAPES)}, or it is a "
            f"network of another architecture; it holds {_listed(shapes) or 'none'}"
        )
    arrays = sorted(found.values(), key=lambda array: WEIGHT_SHAPES.index(array.shape))
    if not all(np.isfinite(array).all() for array in arrays):
        raise CorruptFileError(f"{file} must hold finite weights; it holds NaN or infinity")
    return arrays


def _listed(shapes: Any) -> str:
    return ", ".join(str(shape) for shape in shapes)
