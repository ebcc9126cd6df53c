"""The IDX and npz readers: what was written comes back equal; anything else is refused."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistcnn import CorruptFileError, DataUnavailableError, load_data
from mnistcnn.data.formats import IDX_NAMES, encode_idx, read_idx
from tests.helpers import strategies


@given(strategies.idx_arrays, st.booleans())
def test_idx_comes_back_equal(tmp_path_factory, array, gzipped):
    path = tmp_path_factory.mktemp("idx") / ("images.gz" if gzipped else "images")
    path.write_bytes(gzip.compress(encode_idx(array)) if gzipped else encode_idx(array))
    found = read_idx(path)
    assert found.dtype == np.uint8
    assert found.flags.writeable
    assert np.array_equal(found, array)
    assert found.shape == array.shape


def test_idx_header_is_the_published_one():
    encoded = encode_idx(np.zeros((3, 28, 28), np.uint8))
    assert encoded[:16] == bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28])
    assert len(encoded) == 16 + 3 * 784


@given(strategies.datasets(), st.booleans())
def test_npz_comes_back_equal(tmp_path_factory, arrays, fortran):
    path = tmp_path_factory.mktemp("npz") / "data.npz"
    order = np.asfortranarray if fortran else np.ascontiguousarray
    np.savez(
        path,
        **dict(zip(("x_train", "y_train", "x_test", "y_test"), map(order, arrays), strict=True)),
    )
    found = [array for split in load_data(path) for array in split]
    for given_array, read in zip(arrays, found, strict=True):
        assert read.dtype == np.uint8
        assert np.array_equal(read, given_array)


@given(strategies.datasets(), st.lists(st.booleans(), min_size=4, max_size=4), st.booleans())
@settings(max_examples=50)
def test_idx_folder_comes_back_equal(tmp_path_factory, arrays, gzipped, dotted):
    folder = tmp_path_factory.mktemp("folder")
    for array, name, packed in zip(arrays, IDX_NAMES, gzipped, strict=True):
        content = encode_idx(array)
        spelled = name.replace("-idx", ".idx") if dotted else name
        if packed:
            (folder / f"{spelled}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / spelled).write_bytes(content)
    found = [array for split in load_data(folder) for array in split]
    for given_array, read in zip(arrays, found, strict=True):
        assert np.array_equal(read, given_array)


def test_int64_labels_and_pixels_are_taken(tiny, write_npz):
    images = tiny.train.images.astype(np.int64)
    path = write_npz(tiny, x_train=images, y_train=tiny.train.labels.astype(np.int64))
    (x_train, y_train), _ = load_data(str(path))
    assert x_train.dtype == y_train.dtype == np.uint8
    assert np.array_equal(x_train, tiny.train.images)
    assert np.array_equal(y_train, tiny.train.labels)


REFUSED_ARRAYS = [
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


@pytest.mark.parametrize(("replaced", "message"), REFUSED_ARRAYS)
def test_npz_of_another_form_is_refused(tiny, write_npz, replaced, message):
    path = write_npz(tiny, **replaced)
    with pytest.raises(CorruptFileError, match=message) as caught:
        load_data(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "data.npz"
    path.write_text("<html>not found</html>")
    with pytest.raises(CorruptFileError, match=r"data\.npz is not a valid \.npz data set: .*zip"):
        load_data(path)


@given(data=st.data())
@settings(max_examples=200)
def test_a_damaged_npz_gives_the_right_data_or_a_refusal(tmp_path_factory, tiny, data):
    buffer = io.BytesIO()
    arrays = [array for split in tiny for array in split]
    np.savez(buffer, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    content = bytearray(buffer.getvalue())
    cut = data.draw(st.integers(0, len(content)))
    if data.draw(st.booleans()):
        content = content[:cut]
    else:
        content[cut % len(content)] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "data.npz"
    path.write_bytes(content)
    try:
        found = load_data(path)
    except CorruptFileError:
        return
    for split, expected in zip(found, tiny, strict=True):
        assert np.array_equal(split.images, expected.images)
        assert np.array_equal(split.labels, expected.labels)


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
@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx_refused_by_name(tmp_path, content, message, end):
    path = tmp_path / f"images{end}"
    path.write_bytes(gzip.compress(content) if end else content)
    with pytest.raises(CorruptFileError, match=f"is not a valid IDX file: .*{message}"):
        read_idx(path)


def test_truncated_gzip_is_refused(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(encode_idx(np.arange(200, dtype=np.uint8)))[:-10])
    with pytest.raises(CorruptFileError, match="is not a valid IDX file"):
        read_idx(path)


def test_a_folder_without_its_files_says_which(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DataUnavailableError) as caught:
        load_data(tmp_path)
    assert "missing: train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1" in str(
        caught.value
    )


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tiny, write_npz, tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{name}.npy", bytes(70 << 20))
    with pytest.raises(CorruptFileError, match=r"it must unpack to at most 67,108,864 bytes"):
        load_data(path)


def test_an_npy_header_that_promises_too_much_is_refused(tiny, write_npz):
    good = write_npz(tiny)
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    lie = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        lie, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)}
    )
    members["x_train.npy"] = lie.getvalue()
    with zipfile.ZipFile(good, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(CorruptFileError, match="it declares 784,000,000,000,000"):
        load_data(good)


def test_an_absent_idx_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent")


def test_an_npy_member_with_more_than_its_header_says_is_refused(tiny, write_npz):
    good = write_npz(tiny)
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["y_test.npy"] += b"more"
    with zipfile.ZipFile(good, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(
        CorruptFileError, match=r"must end after the \(8,\) values that its header declares"
    ):
        load_data(good)
