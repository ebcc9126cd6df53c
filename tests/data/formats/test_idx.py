"""IDX files: round trips, all types, and the rejection of invalid files."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn import CorruptFileError
from mnistcnn.data.formats.idx import encode_idx, read_idx
from tests.helpers import strategies


@given(strategies.idx_arrays, st.booleans())
def test_idx_round_trip(tmp_path_factory, array, gzipped):
    path = tmp_path_factory.mktemp("idx") / ("images.gz" if gzipped else "images")
    path.write_bytes(gzip.compress(encode_idx(array)) if gzipped else encode_idx(array))
    result = read_idx(path)
    assert result.dtype == np.uint8
    assert result.flags.writeable
    assert result.shape == array.shape
    assert np.array_equal(result, array)


def test_idx_header():
    encoded = encode_idx(np.zeros((3, 28, 28), np.uint8))
    assert encoded[:16] == bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28])
    assert len(encoded) == 16 + 3 * 784


def idx(kind=8, shape=(2,), values=b"\0\1", zero=0):
    return struct.pack(f">HBB{len(shape)}I", zero, kind, len(shape), *shape) + values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it must hold 4 more bytes; it holds 0"),
        (idx(zero=1), "an IDX file must begin with 00 00, a type code such as 08, and 1 to 4 dimensions; it begins with 00 01 08 01"),
        (idx(kind=10), "it begins with 00 00 0a 01"),
        (idx(shape=(1, 1, 1, 1, 2)), "it begins with 00 00 08 05"),
        (idx(shape=(3,)), "it must hold 3 more bytes; it holds 2"),
        (idx(shape=(1,)), r"it must end after the \(1,\) values that its header declares"),
        (idx(shape=(2**32 - 1,)), "it must unpack to at most 67,108,864 bytes; it has at least 4,294,967,295"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_invalid_idx_files_are_rejected(tmp_path, content, message, suffix):
    path = tmp_path / f"images{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(CorruptFileError, match=f"is not a valid IDX file: .*{message}"):
        read_idx(path)


def test_truncated_gzip_is_rejected(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(encode_idx(np.arange(200, dtype=np.uint8)))[:-10])
    with pytest.raises(CorruptFileError, match="is not a valid IDX file"):
        read_idx(path)


@pytest.mark.parametrize(("kind", "dtype"), [(9, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")])  # fmt: skip
def test_all_types_are_read(tmp_path, kind, dtype):
    array = np.arange(-6, 6).astype(dtype).reshape(3, 4)
    (tmp_path / "a").write_bytes(idx(kind, array.shape, array.tobytes()))
    result = read_idx(tmp_path / "a")
    assert result.dtype == np.dtype(dtype)
    assert np.array_equal(result, array)


def test_gzip_is_recognized_by_content(tmp_path):
    """A browser may decompress a file and keep its name."""
    array = np.arange(9, dtype=np.uint8)
    (tmp_path / "a.gz").write_bytes(encode_idx(array))
    (tmp_path / "b").write_bytes(gzip.compress(encode_idx(array)))
    assert np.array_equal(read_idx(tmp_path / "a.gz"), array)
    assert np.array_equal(read_idx(tmp_path / "b"), array)


def test_a_missing_idx_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent")
