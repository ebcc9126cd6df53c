"""The readers of IDX and .npz files: round trips, and the rejection of invalid files."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistcnn import CorruptFileError, DataUnavailableError, load_data
from mnistcnn.data.file_formats import IDX_NAMES, encode_idx, read_idx
from tests.helpers import strategies
from tests.helpers.http_server import datasets_equal


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


@given(strategies.datasets(), st.booleans())
def test_npz_round_trip(tmp_path_factory, arrays, fortran):
    path = tmp_path_factory.mktemp("npz") / "data.npz"
    order = np.asfortranarray if fortran else np.ascontiguousarray
    np.savez(
        path,
        **dict(zip(("x_train", "y_train", "x_test", "y_test"), map(order, arrays), strict=True)),
    )
    results = [array for split in load_data(path) for array in split]
    for array, result in zip(arrays, results, strict=True):
        assert result.dtype == np.uint8
        assert np.array_equal(result, array)


@given(strategies.datasets(), st.lists(st.booleans(), min_size=4, max_size=4), st.booleans())
@settings(max_examples=50)
def test_idx_folder_round_trip(tmp_path_factory, arrays, gzipped, dotted):
    folder = tmp_path_factory.mktemp("folder")
    for array, name, is_gzipped in zip(arrays, IDX_NAMES, gzipped, strict=True):
        content = encode_idx(array)
        file_name = name.replace("-idx", ".idx") if dotted else name
        if is_gzipped:
            (folder / f"{file_name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / file_name).write_bytes(content)
    results = [array for split in load_data(folder) for array in split]
    for array, result in zip(arrays, results, strict=True):
        assert np.array_equal(result, array)


def test_int64_images_and_labels_are_converted(tiny, write_npz):
    images = tiny.train.images.astype(np.int64)
    path = write_npz(tiny, x_train=images, y_train=tiny.train.labels.astype(np.int64))
    (x_train, y_train), _ = load_data(str(path))
    assert x_train.dtype == y_train.dtype == np.uint8
    assert np.array_equal(x_train, tiny.train.images)
    assert np.array_equal(y_train, tiny.train.labels)


INVALID_ARRAYS = [
    (dict(x_train=None), "it must hold the arrays x_train, y_train, x_test, y_test; missing: x_train"),
    (dict(x_train=np.zeros((8, 28, 27), np.uint8)), r"train images must have shape \(n, 28, 28\); received \(8, 28, 27\)"),
    (dict(x_test=np.zeros((8, 784), np.uint8)), r"test images must have shape \(n, 28, 28\); received \(8, 784\)"),
    (dict(y_test=np.zeros((8, 10), np.uint8)), r"test labels must have shape \(n,\); received \(8, 10\)"),
    (dict(y_train=np.zeros(7, np.uint8)), "train images and train labels must have the same length; received 8 and 7"),
    (dict(y_train=np.full(8, 10, np.uint8)), r"labels must lie in 0\.\.\.9; received 10"),
    (dict(x_train=np.full((8, 28, 28), 256)), r"integer images must lie in 0\.\.\.255; received 256"),
    (dict(x_train=np.zeros((8, 28, 28))), "its arrays must be integers; one is of dtype float64"),
    (dict(y_train=np.array([{}] * 8, dtype=object)), "its arrays must be integers; one is of dtype object"),
]  # fmt: skip


@pytest.mark.parametrize(("replaced", "message"), INVALID_ARRAYS)
def test_npz_with_invalid_arrays_is_rejected(tiny, write_npz, replaced, message):
    path = write_npz(tiny, **replaced)
    with pytest.raises(CorruptFileError, match=message) as error:
        load_data(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_no_archive_is_rejected(tmp_path):
    path = tmp_path / "data.npz"
    path.write_text("<html>not found</html>")
    with pytest.raises(CorruptFileError, match=r"data\.npz is not a valid \.npz data set: .*zip"):
        load_data(path)


@given(data=st.data())
@settings(max_examples=100)
def test_a_damaged_npz_is_rejected_or_read_right(tmp_path_factory, tiny, data):
    buffer = io.BytesIO()
    arrays = [array for split in tiny for array in split]
    np.savez(buffer, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    content = bytearray(buffer.getvalue())
    offset = data.draw(st.integers(0, len(content)))
    if data.draw(st.booleans()):
        content = content[:offset]
    else:
        content[offset % len(content)] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "data.npz"
    path.write_bytes(content)
    try:
        result = load_data(path)
    except CorruptFileError:
        return
    assert datasets_equal(result, tiny)


def idx(kind=8, shape=(2,), values=b"\0\1", zero=0):
    return struct.pack(f">HBB{len(shape)}I", zero, kind, len(shape), *shape) + values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it must hold 4 more bytes; it holds 0"),
        (idx(zero=1), "an IDX file must begin with 00 00 08 and 1 or 3 dimensions; it begins with 00 01 08 01"),
        (idx(kind=13), "it begins with 00 00 0d 01"),
        (idx(shape=(1, 2)), "it begins with 00 00 08 02"),
        (idx(shape=(3,)), "it must hold 3 more bytes; it holds 2"),
        (idx(shape=(1,)), r"it must end after the \(1,\) values that its header declares"),
        (idx(shape=(2**32 - 1,)), "it must unpack to at most 67,108,864 bytes; it declares 4,294,967,295"),
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


def test_missing_files_of_a_folder_are_listed(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DataUnavailableError) as error:
        load_data(tmp_path)
    assert "missing: train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1" in str(
        error.value
    )


def test_a_zip_bomb_is_rejected_before_it_is_decompressed(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{name}.npy", bytes(17 << 20), compresslevel=1)
    with pytest.raises(CorruptFileError, match=r"it must unpack to at most 67,108,864 bytes"):
        load_data(path)


def replace_member(path, name, change):
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)


def test_an_npy_header_with_a_huge_shape_is_rejected(tiny, write_npz):
    path = write_npz(tiny)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)}
    )
    replace_member(path, "x_train.npy", lambda content: header.getvalue())
    with pytest.raises(CorruptFileError, match="it declares 784,000,000,000,000"):
        load_data(path)


def test_a_missing_idx_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent")


def test_an_npy_member_that_is_longer_than_declared_is_rejected(tiny, write_npz):
    path = write_npz(tiny)
    replace_member(path, "y_test.npy", lambda content: content + b"more")
    with pytest.raises(
        CorruptFileError, match=r"must end after the \(8,\) values that its header declares"
    ):
        load_data(path)
