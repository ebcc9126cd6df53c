"""NumPy's ``.npy`` format, alone or as a member of an ``.npz`` archive."""

from __future__ import annotations

import io
import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.data.formats.streams import read_array
from mnistcnn.utils.safe_read import Readable, read_exactly
from mnistcnn.utils.text import escape

NPY_MAGIC = b"\x93NUMPY"
# For each version of the format: the function that reads the header, and the struct format of the
# header's length.
_HEADERS = {
    (1, 0): (np.lib.format.read_array_header_1_0, "<H"),
    (2, 0): (np.lib.format.read_array_header_2_0, "<I"),
}
_MAX_HEADER_BYTES = 10_000  # also NumPy's limit, which it checks after reading the header
_MAX_ITEM_BYTES = 8


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
