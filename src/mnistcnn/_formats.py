"""The two file formats of MNIST: IDX, plain or gzipped, and Keras' ``.npz``.

Both readers look at the declared sizes before they unpack anything, take array members
by their exact names and never unpickle. The IDX layout is the one that the MNIST page of
LeCun, Cortes and Burges describes: two zero bytes, a type code, the number of dimensions,
each dimension as a big-endian 32-bit number, then the values in C order.
"""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnistcnn import _checks
from mnistcnn._errors import CorruptFileError, DataUnavailableError
from mnistcnn._types import IMAGE_SIZE, NUM_CLASSES, Dataset, Split, UInt8Array

IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
NPZ_NAMES = ("x_train", "y_train", "x_test", "y_test")

_UNSIGNED_BYTE = 8
# MNIST fits in the free allowance. Beyond it a file has to be backed by bytes on the
# disk, which real images are (they deflate about 5:1) and a bomb (1000:1) is not.
_FREE_BYTES = 64 << 20
_MOST_EXPANSION = 100

_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def encode_idx(array: UInt8Array) -> bytes:
    """Return the uncompressed IDX bytes of a ``uint8`` array."""
    header = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array).tobytes()


def read_idx(path: Path) -> UInt8Array:
    """Read one IDX file of unsigned bytes; gzipped if its name ends in ``.gz``."""
    limit = _unpacked_limit(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            zero, kind, ndim = struct.unpack(">HBB", _exactly(file, 4))
            if zero != 0 or kind != _UNSIGNED_BYTE or ndim not in (1, 3):
                raise ValueError(
                    "an IDX file must begin with 00 00 08 and 1 or 3 dimensions; "
                    f"it begins with {zero >> 8:02x} {zero & 255:02x} {kind:02x} {ndim:02x}"
                )
            shape = struct.unpack(f">{ndim}I", _exactly(file, 4 * ndim))
            _check_size(math.prod(shape), limit)
            values = _exactly(file, math.prod(shape))
            if file.read(1):
                raise ValueError(f"it must end after the {shape} values that its header names")
    except FileNotFoundError:
        raise
    except _DAMAGE as error:
        raise CorruptFileError(f"{path} is not a whole IDX file: {error}") from error
    return np.frombuffer(bytearray(values), dtype=np.uint8).reshape(shape)


def read_idx_folder(folder: Path) -> Dataset:
    """Read the four IDX files of a folder; ``-idx3-`` may also be written ``.idx3-``."""
    found = {name: _idx_file(folder, name) for name in IDX_NAMES}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise DataUnavailableError(
            f"{folder} must hold {', '.join(IDX_NAMES)}, each plain or with .gz; "
            f"missing: {', '.join(missing)}"
        )
    return _dataset(folder, [read_idx(path) for path in found.values() if path is not None])


def read_npz(path: Path) -> Dataset:
    """Read an ``.npz`` archive with Keras' four arrays."""
    limit = _unpacked_limit(path)
    arrays = []
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {member.filename: member.file_size for member in archive.infolist()}
            missing = [name for name in NPZ_NAMES if f"{name}.npy" not in sizes]
            if missing:
                raise ValueError(
                    f"it must hold the arrays {', '.join(NPZ_NAMES)}; missing: {', '.join(missing)}"
                )
            _check_size(sum(sizes[f"{name}.npy"] for name in NPZ_NAMES), limit)
            for name in NPZ_NAMES:
                with archive.open(f"{name}.npy") as member:
                    arrays.append(_read_npy(member, sizes[f"{name}.npy"]))
    except FileNotFoundError:
        raise
    except (*_DAMAGE, RuntimeError) as error:  # RuntimeError: an encrypted member
        raise CorruptFileError(f"{path} is not a whole .npz data set: {error}") from error
    return _dataset(path, arrays)


def _read_npy(file: IO[bytes], size: int) -> NDArray[Any]:
    try:
        shape, fortran_order, dtype = _HEADER_READERS[np.lib.format.read_magic(file)](file)
    except Exception as error:  # NumPy parses it as Python and lets any error through
        raise ValueError(
            f"an .npy member must have a header of format 1.0 or 2.0: {error}"
        ) from error
    if dtype.kind not in "iu":
        raise ValueError(f"its arrays must be integers; one is of dtype {dtype}")
    count = math.prod(shape)
    _check_size(count * dtype.itemsize, size)
    values = np.frombuffer(bytearray(_exactly(file, count * dtype.itemsize)), dtype=dtype)
    if file.read(1):
        raise ValueError(f"an .npy member must end after the {shape} values that its header names")
    return values.reshape(shape[::-1]).T if fortran_order else values.reshape(shape)


def _dataset(source: Path, arrays: list[NDArray[Any]]) -> Dataset:
    x_train, y_train, x_test, y_test = arrays
    try:
        return Dataset(_split("train", x_train, y_train), _split("test", x_test, y_test))
    except (TypeError, ValueError) as error:
        raise CorruptFileError(f"{source} is not a data set of digits: {error}") from error


def _split(part: str, images: NDArray[Any], labels: NDArray[Any]) -> Split:
    if images.ndim != 3 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError(f"{part} images must have shape (n, 28, 28); received {images.shape}")
    if labels.ndim != 1:
        raise ValueError(f"{part} labels must have shape (n,); received {labels.shape}")
    _checks.same_length(f"{part} images", len(images), f"{part} labels", len(labels))
    return Split(
        np.ascontiguousarray(_checks.image_stack(images), dtype=np.uint8),
        _checks.class_labels(labels, NUM_CLASSES).astype(np.uint8),
    )


def _idx_file(folder: Path, name: str) -> Path | None:
    spellings = (name, name.replace("-idx", ".idx"))
    candidates = (folder / (spelling + end) for spelling in spellings for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _unpacked_limit(path: Path) -> int:
    return max(_FREE_BYTES, _MOST_EXPANSION * path.stat().st_size)


def _check_size(declared: int, limit: int) -> None:
    if declared > limit:
        raise ValueError(f"it must unpack to at most {limit:,} bytes; it declares {declared:,}")


def _exactly(file: _Readable, count: int) -> bytes:
    content = file.read(count)
    if len(content) != count:
        raise EOFError(f"it must hold {count:,} more bytes; it holds {len(content):,}")
    return content
