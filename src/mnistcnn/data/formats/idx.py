"""The IDX format of the MNIST page of LeCun, Cortes and Burges.

A file holds two zero bytes, a type code, the number of dimensions, each dimension as a big-endian
32-bit integer, then the values, big-endian and in C order.
"""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.data.formats.streams import decompressed, read_array
from mnistcnn.errors import CorruptFileError
from mnistcnn.types import UInt8Array
from mnistcnn.utils.safe_read import Readable, data_size, open_regular, read_exactly
from mnistcnn.utils.text import escape

IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_UNSIGNED_BYTE = 8
_DTYPES = {
    _UNSIGNED_BYTE: "u1",
    0x09: "i1",
    0x0B: ">i2",
    0x0C: ">i4",
    0x0D: ">f4",
    0x0E: ">f8",
}
_MAX_DIMENSIONS = 4
_IDX_START = re.compile(rb"\0\0[\x08-\x0e][\x01-\x04]", re.DOTALL)


def is_idx(head: bytes) -> bool:
    """Return whether a file that begins with `head` is an IDX file."""
    return _IDX_START.match(head) is not None


def encode_idx(array: UInt8Array) -> bytes:
    """Return the uncompressed IDX bytes of a ``uint8`` array."""
    header = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array).tobytes()


def read_idx(path: Path) -> NDArray[Any]:
    """Read an IDX file, plain or gzipped.

    Raises
    ------
    OSError
        If the file can't be read.
    CorruptFileError
        If it is not a valid IDX file.
    """
    with open_regular(path) as file:
        limit = UnpackingLimit(data_size(file))
        try:
            return read_idx_stream(decompressed(file), limit)
        except Exception as error:  # zlib and NumPy raise different exceptions for damaged files
            raise CorruptFileError(f"{path} is not a valid IDX file: {escape(error)}") from error


def read_idx_stream(file: Readable, limit: UnpackingLimit) -> NDArray[Any]:
    """Read the uncompressed content of an IDX file."""
    zero, kind, ndim = struct.unpack(">HBB", read_exactly(file, 4))
    if zero != 0 or kind not in _DTYPES or not 1 <= ndim <= _MAX_DIMENSIONS:
        raise ValueError(
            "an IDX file must begin with 00 00, a type code such as 08, and 1 to 4 dimensions; "
            f"it begins with {zero >> 8:02x} {zero & 255:02x} {kind:02x} {ndim:02x}"
        )
    dtype = np.dtype(_DTYPES[kind])
    shape = struct.unpack(f">{ndim}I", read_exactly(file, 4 * ndim))
    limit.spend(math.prod(shape) * dtype.itemsize)
    return read_array(file, shape, dtype)
