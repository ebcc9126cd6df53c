"""NumPy's ``.npy`` files and ``.npz`` archives, with the names of arrays that are in use."""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.data.formats.raw import PartName, RawSplit, pair_parts
from mnistcnn.data.formats.roles import Kind, Part, role_of
from mnistcnn.data.formats.streams import read_array
from mnistcnn.types import NUM_PIXELS
from mnistcnn.utils.safe_read import Readable, member_size, read_exactly
from mnistcnn.utils.text import escape, quote_names

NPY_MAGIC = b"\x93NUMPY"
# For each version of the format: the function that reads the header, and the struct format of the
# header's length.
_HEADERS = {
    (1, 0): (np.lib.format.read_array_header_1_0, "<H"),
    (2, 0): (np.lib.format.read_array_header_2_0, "<I"),
}
_MAX_HEADER_BYTES = 10_000  # also NumPy's limit, which it checks after reading the header
_MAX_ITEM_BYTES = 8
NPZ_NAMES = ("x_train", "y_train", "x_test", "y_test")
_SUFFIX = ".npy"
_UNNAMED = re.compile(r"arr_\d")


def read_npy(file: Readable, limit: UnpackingLimit, *, size: int | None = None) -> NDArray[Any]:
    """Return the array of an ``.npy`` file; objects, text and records are rejected.

    `size` is the size of the file, if it is known.
    """
    try:
        read_header, length = _HEADERS[_version(read_exactly(file, len(NPY_MAGIC) + 2))]
        prefix = read_exactly(file, struct.calcsize(length))
        (count,) = struct.unpack(length, prefix)
        if count > _MAX_HEADER_BYTES:
            raise ValueError(
                f"the header must have at most {_MAX_HEADER_BYTES:,} bytes; it has {count:,}"
            )
        header = io.BytesIO(prefix + read_exactly(file, count))
        shape, fortran_order, dtype = read_header(header)
    except Exception as error:  # NumPy parses it as Python, which can raise anything
        raise ValueError(
            f"an .npy file must have a header of format 1.0 or 2.0: {escape(error)}"
        ) from error
    if dtype.kind not in "biuf" or dtype.itemsize > _MAX_ITEM_BYTES:
        raise ValueError(f"its arrays must be integers or floats; one is of dtype {escape(dtype)}")
    num_bytes = math.prod(shape) * dtype.itemsize
    if size is not None and num_bytes > size:
        raise ValueError(
            f"an .npy file of {size:,} bytes must hold less; it declares {num_bytes:,}"
        )
    limit.spend(num_bytes)
    if fortran_order:
        return read_array(file, shape[::-1], dtype).T
    return read_array(file, shape, dtype)


def _version(magic: bytes) -> tuple[int, int]:
    if not magic.startswith(NPY_MAGIC):
        raise ValueError(f"it must begin with {NPY_MAGIC!r}; it begins with {magic!r}")
    return magic[-2], magic[-1]


def is_npz(names: list[str]) -> bool:
    """Return whether an archive with these members is an ``.npz`` archive."""
    return any(name.endswith(_SUFFIX) for name in names)


def read_npz_archive(
    archive: zipfile.ZipFile, limit: UnpackingLimit
) -> dict[PartName, RawSplit] | NDArray[Any]:
    """Return the splits of an archive, or its array if it holds a single one without a name.

    The names are those of Keras (``x_train``), or others that state the same, such as
    ``train_images`` or ``X`` and ``y``. Arrays saved without names (``arr_0``) are recognized by
    their shapes: images, then labels, of the training set, then of the test set.
    """
    members = [name for name in archive.namelist() if name.endswith(_SUFFIX) and "/" not in name]
    keys = [name.removesuffix(_SUFFIX) for name in members]
    if keys and all(map(_UNNAMED.fullmatch, keys)):
        return _unnamed([_read(archive, key, limit) for key in sorted(keys)])
    found: dict[tuple[Part | None, Kind], str] = {}
    for key in sorted(keys, key=lambda key: (key not in NPZ_NAMES, role_of(key).prefix, key)):
        role = role_of(key)
        if role.kind is not None:
            found.setdefault((role.part, role.kind), key)
    try:
        parts = pair_parts(found, _spell)
    except ValueError as error:
        raise ValueError(
            f"{str(error).replace('hold', 'hold the arrays', 1)}; its members: "
            f"{quote_names(archive.namelist())}"
        ) from None
    # Check all of them before the first one is read.
    limit.check(
        sum(member_size(archive, f"{key}{_SUFFIX}") for pair in parts.values() for key in pair)
    )
    return {
        part: RawSplit(_read(archive, images, limit), _read(archive, labels, limit))
        for part, (images, labels) in parts.items()
    }


def _spell(part: Part, kind: Kind) -> str:
    return f"{'x' if kind == 'images' else 'y'}_{part}"


def _read(archive: zipfile.ZipFile, key: str, limit: UnpackingLimit) -> NDArray[Any]:
    name = f"{key}{_SUFFIX}"
    size = member_size(archive, name)
    limit.check(size)
    with archive.open(name) as member:
        return read_npy(member, limit, size=size)


def _unnamed(arrays: list[NDArray[Any]]) -> dict[PartName, RawSplit] | NDArray[Any]:
    if len(arrays) == 1:
        return arrays[0]
    images = [a for a in arrays if a.ndim > 1 and a.size >= NUM_PIXELS * len(a)]
    labels = [a for a in arrays if not any(a is image for image in images)]
    if len(images) != len(labels) or len(images) > 2:
        raise ValueError(
            "arrays without names must be images and labels, of one set or of two; "
            f"received the shapes {', '.join(str(a.shape) for a in arrays)}"
        )
    parts: tuple[PartName, ...] = ("train", "test") if len(images) == 2 else ("all",)
    return dict(zip(parts, map(RawSplit, images, labels), strict=True))
