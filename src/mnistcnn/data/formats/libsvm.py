"""The USPS digits in LIBSVM's text format, compressed with bzip2."""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.data.size_normalization import to_mnist_format
from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array, Split
from mnistcnn.utils.safe_read import Readable, data_size, open_regular
from mnistcnn.utils.text import escape

_SIDE = 16
_NUM_PIXELS = _SIDE * _SIDE
_NUM_CLASSES = 10
_CHUNK_BYTES = 1 << 16
_MAX_LINE_BYTES = 16 << 10
_MIN_LIMIT = 32 << 20


def read_libsvm(path: Path) -> Split:
    """Read 16 × 16 digits and bring them into the format of MNIST.

    A line is a label in 1...10, then ``index:value`` for each pixel, with values in [-1, 1].

    Raises
    ------
    OSError
        If the file can't be read.
    CorruptFileError
        If it is damaged or of another format.
    """
    images, labels = [], []
    with open_regular(path) as file:
        limit = UnpackingLimit(data_size(file), minimum=_MIN_LIMIT)
        try:
            for number, line in enumerate(_lines(_decompress(file, limit)), 1):
                label, ink = _parse(line, number)
                labels.append(label)
                images.append(to_mnist_format(ink))
            if not labels:
                raise ValueError("it must hold a digit; it holds none")
            return Split(np.array(images), np.array(labels, np.uint8))
        except (ValueError, OSError, EOFError) as error:
            raise CorruptFileError(f"{path} is not a valid LIBSVM file: {escape(error)}") from error


def _decompress(file: Readable, limit: UnpackingLimit) -> Iterator[bytes]:
    decompressor = bz2.BZ2Decompressor()
    while not decompressor.eof:
        data = file.read(_CHUNK_BYTES) if decompressor.needs_input else b""
        chunk = decompressor.decompress(data, _CHUNK_BYTES)
        if not data and not chunk and decompressor.needs_input and not decompressor.eof:
            raise EOFError("its compressed data ends too early")
        limit.spend(len(chunk))
        yield chunk


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        block = rest + chunk
        while b"\n\n" in block:
            block = block.replace(b"\n\n", b"\n")
        *lines, rest = block.split(b"\n")
        if len(rest) > _MAX_LINE_BYTES:
            raise ValueError(f"a line must have at most {_MAX_LINE_BYTES:,} bytes; it has more")
        yield from filter(bytes.strip, lines)
    if rest.strip():
        yield rest


def _parse(line: bytes, number: int) -> tuple[int, Float32Array]:
    label, *entries = line.split()
    pixels = np.zeros(_NUM_PIXELS, np.float32)
    try:
        for entry in entries:
            index, _, value = entry.partition(b":")
            pixels[int(index) - 1] = float(value)
        digit = int(float(label)) - 1
    except (ValueError, IndexError, OverflowError):
        raise ValueError(f"line {number:,} must be a label and index:value pairs") from None
    if not 0 <= digit < _NUM_CLASSES or not (np.abs(pixels) <= 1).all():
        raise ValueError(f"line {number:,} must hold a label in 1...10 and values in [-1, 1]")
    return digit, ((pixels + 1) / 2).astype(np.float32).reshape(_SIDE, _SIDE)
