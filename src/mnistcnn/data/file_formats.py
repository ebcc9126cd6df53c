"""The two file formats of MNIST: IDX, plain or gzipped, and Keras' ``.npz``.

Both readers check the declared sizes before they decompress, read array members by their exact
names and never unpickle. The IDX format is that of the MNIST page of LeCun, Cortes and Burges:
two zero bytes, a type code, the number of dimensions, each dimension as a big-endian 32-bit
integer, then the values in C order.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.errors import CorruptFileError, DataUnavailableError
from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, Dataset, Split, UInt8Array
from mnistcnn.utils import safe_read
from mnistcnn.utils.safe_read import Readable, data_size, open_regular, read_exactly
from mnistcnn.utils.text import escape
from mnistcnn.utils.validation import check_images, check_labels, check_same_length

IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
NPZ_NAMES = ("x_train", "y_train", "x_test", "y_test")

_UNSIGNED_BYTE = 8
# MNIST fits in the minimum. A larger data set must have enough compressed bytes: images of digits
# compress about 5:1, a zip bomb 1000:1.
_MIN_LIMIT_BYTES = 64 << 20
_MAX_EXPANSION = 25
_CHUNK_BYTES = 1 << 20
# A gzip file that was compressed in blocks of 64 KiB has one member for each.
_MAX_GZIP_MEMBERS = 10_000
_GZIP_WBITS = 31  # makes zlib read and verify header and trailer of a gzip member

# For each version of the .npy format: the function that reads the header, and the struct format
# of the header's length.
_NPY_HEADERS = {
    (1, 0): (np.lib.format.read_array_header_1_0, "<H"),
    (2, 0): (np.lib.format.read_array_header_2_0, "<I"),
}
_MAX_HEADER_BYTES = 10_000  # also NumPy's limit, which it checks after reading the header


def encode_idx(array: UInt8Array) -> bytes:
    """Return the uncompressed IDX bytes of a ``uint8`` array."""
    header = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array).tobytes()


def read_idx(path: Path) -> UInt8Array:
    """Read an IDX file of unsigned bytes, gzipped if its name ends in ``.gz``."""
    with open_regular(path) as file:
        return _read_idx(path, file, limit=_decompressed_limit(file))


def read_idx_folder(folder: Path) -> Dataset:
    """Read the four IDX files of a folder; ``-idx3-`` may also be spelled ``.idx3-``."""
    files = {name: _idx_file(folder, name) for name in IDX_NAMES}
    missing = [name for name, path in files.items() if path is None]
    if missing:
        raise DataUnavailableError(
            f"{escape(folder)} must hold {', '.join(IDX_NAMES)}, each plain or with .gz; "
            f"missing: {', '.join(missing)}"
        )
    paths = [path for path in files.values() if path is not None]
    with ExitStack() as stack:
        opened = [stack.enter_context(open_regular(path)) for path in paths]
        remaining, arrays = _decompressed_limit(*opened), []
        for path, file in zip(paths, opened, strict=True):
            arrays.append(_read_idx(path, file, limit=remaining))
            remaining -= arrays[-1].nbytes
    return _to_dataset(folder, arrays)


def read_npz(path: Path) -> Dataset:
    """Read an ``.npz`` archive with Keras' four arrays."""
    arrays = []
    with open_regular(path) as file:
        limit = _decompressed_limit(file)
        try:
            with safe_read.open_zip(file) as archive:
                members = archive.namelist()
                missing = [name for name in NPZ_NAMES if f"{name}.npy" not in members]
                if missing:
                    raise ValueError(
                        f"it must hold the arrays {', '.join(NPZ_NAMES)}; "
                        f"missing: {', '.join(missing)}"
                    )
                sizes = [safe_read.member_size(archive, f"{name}.npy") for name in NPZ_NAMES]
                _check_size(sum(sizes), limit)
                for name, size in zip(NPZ_NAMES, sizes, strict=True):
                    with archive.open(f"{name}.npy") as member:
                        arrays.append(_read_npy(member, size))
        except Exception as error:  # zipfile raises almost any exception for damaged files
            raise CorruptFileError(
                f"{path} is not a valid .npz data set: {escape(error)}"
            ) from error
    return _to_dataset(path, arrays)


def _read_idx(path: Path, raw: Readable, *, limit: int) -> UInt8Array:
    file = _GzipReader(raw) if path.suffix == ".gz" else raw
    try:
        zero, kind, ndim = struct.unpack(">HBB", read_exactly(file, 4))
        if zero != 0 or kind != _UNSIGNED_BYTE or ndim not in (1, 3):
            raise ValueError(
                "an IDX file must begin with 00 00 08 and 1 or 3 dimensions; "
                f"it begins with {zero >> 8:02x} {zero & 255:02x} {kind:02x} {ndim:02x}"
            )
        shape = struct.unpack(f">{ndim}I", read_exactly(file, 4 * ndim))
        _check_size(math.prod(shape), limit)
        values = _read_uint8(file, math.prod(shape))
        if file.read(1):
            raise ValueError(
                f"it must end after the {escape(shape)} values that its header declares"
            )
        return values.reshape(shape)
    except Exception as error:  # zlib and NumPy raise different exceptions for damaged files
        raise CorruptFileError(f"{path} is not a valid IDX file: {escape(error)}") from error


class _GzipReader:
    """The decompressed content of a gzip file.

    Python's ``gzip`` reads comments and padding byte by byte, which takes minutes for a few
    hundred megabytes.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._input = b""
        self._decompressor = zlib.decompressobj(_GZIP_WBITS)
        self._num_members = 1

    def read(self, size: int, /) -> bytes:
        """Return the next `size` bytes, and fewer only at the end of the file."""
        content = bytearray()
        while len(content) < size and (not self._decompressor.eof or self._next_member()):
            data = self._input or self._file.read(_CHUNK_BYTES)
            piece = self._decompressor.decompress(data, size - len(content))
            self._input = self._decompressor.unconsumed_tail
            if not data and not piece and not self._decompressor.eof:
                raise EOFError("its compressed data ends too early")
            content += piece
        return bytes(content)

    def _next_member(self) -> bool:
        """Begin the next member; return whether there is one."""
        self._input = self._decompressor.unused_data or self._file.read(_CHUNK_BYTES)
        if not self._input:
            return False
        self._num_members += 1
        if self._num_members > _MAX_GZIP_MEMBERS:
            raise ValueError(f"it must have at most {_MAX_GZIP_MEMBERS:,} gzip members")
        self._decompressor = zlib.decompressobj(_GZIP_WBITS)
        return True


def _read_npy(file: IO[bytes], size: int) -> NDArray[Any]:
    try:
        read_header, length = _NPY_HEADERS[np.lib.format.read_magic(file)]
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
            f"an .npy member must have a header of format 1.0 or 2.0: {escape(error)}"
        ) from error
    if dtype.kind not in "iu":
        raise ValueError(f"its arrays must be integers; one is of dtype {escape(dtype)}")
    count = math.prod(shape)
    _check_size(count * dtype.itemsize, size)
    values = _read_uint8(file, count * dtype.itemsize).view(dtype)
    if file.read(1):
        raise ValueError(
            f"an .npy member must end after the {escape(shape)} values that its header declares"
        )
    return values.reshape(shape[::-1]).T if fortran_order else values.reshape(shape)


def _to_dataset(source: Path, arrays: list[NDArray[Any]]) -> Dataset:
    x_train, y_train, x_test, y_test = arrays
    try:
        return Dataset(_split("train", x_train, y_train), _split("test", x_test, y_test))
    except (TypeError, ValueError) as error:
        raise CorruptFileError(f"{source} is not a data set of digits: {escape(error)}") from error


def _split(part: str, images: NDArray[Any], labels: NDArray[Any]) -> Split:
    if images.ndim != 3 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError(
            f"{part} images must have shape (n, 28, 28); received {escape(images.shape)}"
        )
    if labels.ndim != 1:
        raise ValueError(f"{part} labels must have shape (n,); received {escape(labels.shape)}")
    check_same_length(f"{part} images", len(images), f"{part} labels", len(labels))
    return Split(
        np.ascontiguousarray(check_images(images), dtype=np.uint8),
        check_labels(labels, NUM_CLASSES).astype(np.uint8),
    )


def _idx_file(folder: Path, name: str) -> Path | None:
    spellings = (name, name.replace("-idx", ".idx"))
    candidates = (folder / (spelling + end) for spelling in spellings for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _decompressed_limit(*files: io.FileIO) -> int:
    return max(_MIN_LIMIT_BYTES, _MAX_EXPANSION * sum(map(data_size, files)))


def _check_size(declared: int, limit: int) -> None:
    if declared > limit:
        raise ValueError(f"it must unpack to at most {limit:,} bytes; it declares {declared:,}")


def _read_uint8(file: Readable, count: int) -> UInt8Array:
    """Return the next `count` bytes as a writable array."""
    # Pages of an empty array take no memory until they are written, so a wrong count is harmless.
    values = np.empty(count, np.uint8)
    for first in range(0, count, _CHUNK_BYTES):
        part = values[first : first + _CHUNK_BYTES]
        chunk = file.read(len(part))
        if len(chunk) != len(part):
            raise EOFError(f"it must hold {count:,} more bytes; it holds {first + len(chunk):,}")
        part[:] = np.frombuffer(chunk, np.uint8)
    return values
