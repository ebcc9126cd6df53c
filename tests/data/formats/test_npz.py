"""The .npz archives that people have: round trips, and the rejection of invalid ones."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistcnn import CorruptFileError, load_data
from tests.helpers import strategies
from tests.helpers.http_server import datasets_equal


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


def test_int64_images_and_labels_are_converted(tiny, write_npz):
    images = tiny.train.images.astype(np.int64)
    path = write_npz(tiny, x_train=images, y_train=tiny.train.labels.astype(np.int64))
    (x_train, y_train), _ = load_data(str(path))
    assert x_train.dtype == y_train.dtype == np.uint8
    assert np.array_equal(x_train, tiny.train.images)
    assert np.array_equal(y_train, tiny.train.labels)


def one_hot(labels):
    return np.eye(10)[labels]


# By name: the arrays of the file, made of those of a data set.
VARIANTS = {
    "(n, 784)": lambda x, y, x2, y2: dict(x_train=x.reshape(-1, 784), y_train=y, x_test=x2.reshape(-1, 784), y_test=y2),
    "(n, 28, 28, 1)": lambda x, y, x2, y2: dict(x_train=x[..., None], y_train=y, x_test=x2[..., None], y_test=y2),
    "(n, 1, 28, 28)": lambda x, y, x2, y2: dict(x_train=x[:, None], y_train=y, x_test=x2[:, None], y_test=y2),
    "floats in [0, 1]": lambda x, y, x2, y2: dict(x_train=x / 255, y_train=y, x_test=x2.astype("f4") / 255, y_test=y2),
    "floats in 0...255": lambda x, y, x2, y2: dict(x_train=x.astype("f8"), y_train=y, x_test=x2.astype("f2"), y_test=y2),
    "float labels": lambda x, y, x2, y2: dict(x_train=x, y_train=y.astype("f4"), x_test=x2, y_test=y2),
    "one-hot": lambda x, y, x2, y2: dict(x_train=x, y_train=one_hot(y), x_test=x2, y_test=one_hot(y2).astype(bool)),
    "(n, 1) labels": lambda x, y, x2, y2: dict(x_train=x, y_train=y[:, None], x_test=x2, y_test=y2[:, None]),
    "X_train": lambda x, y, x2, y2: dict(X_train=x, y_train=y, X_test=x2, y_test=y2),
    "train_images": lambda x, y, x2, y2: dict(train_images=x, train_labels=y[:, None], val_images=x2[:3], val_labels=y2[:3], test_images=x2, test_labels=y2[:, None]),
    "trainX": lambda x, y, x2, y2: dict(trainX=x, trainY=y, testX=x2, testY=y2),
    "unnamed, as Keras returns them": lambda x, y, x2, y2: dict(arr_0=x, arr_1=y, arr_2=x2, arr_3=y2),
    "unnamed, as train_test_split returns them": lambda x, y, x2, y2: dict(arr_0=x, arr_1=x2, arr_2=y, arr_3=y2),
    "big-endian": lambda x, y, x2, y2: dict(x_train=x.astype(">i4"), y_train=y.astype(">i8"), x_test=x2.astype(">u2"), y_test=y2),
    "others beside": lambda x, y, x2, y2: dict(x_train=x, y_train=y, x_test=x2, y_test=y2, writer=np.array(["a"]), other_train_images=x2),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_are_read_equal(name, tiny, tmp_path):
    np.savez(tmp_path / "data.npz", **VARIANTS[name](*(array for split in tiny for array in split)))
    result = load_data(tmp_path / "data.npz")
    assert datasets_equal(result, tiny)
    assert all(array.dtype == np.uint8 for split in result for array in split)


@pytest.mark.parametrize("names", [("images", "labels"), ("X", "y"), ("data", "target")])
def test_one_set_is_split(names, digits, tmp_path):
    images, labels = (array[:100] for array in digits.train)
    np.savez(tmp_path / "data.npz", **dict(zip(names, (images, labels), strict=True)))
    message = r"data\.npz holds one set of images, so load_data needs test_size, such as 0\.2, or the path of the other set: load_data\(train_path, test=test_path\)"
    with pytest.raises(ValueError, match=message):
        load_data(tmp_path / "data.npz")
    train, test = load_data(tmp_path / "data.npz", test_size=0.2)
    assert len(train.labels) + len(test.labels) == 100
    assert abs(len(test.labels) - 20) <= 4


INVALID_ARRAYS = [
    (dict(x_train=None), "it must hold the arrays x_train, y_train, x_test, y_test; missing: x_train; its members: 'y_train.npy', 'x_test.npy', 'y_test.npy'"),
    (dict(x_train=None, y_train=None, x_test=None, y_test=None, foo=np.zeros(3)), "missing: x_train, y_train, x_test, y_test; its members: 'foo.npy'"),
    (dict(x_train=np.zeros((8, 28, 27), np.uint8)), r"train images must have shape \(n, 28, 28\), \(n, 784\), \(n, 28, 28, 1\) or \(n, 1, 28, 28\); received \(8, 28, 27\)"),
    (dict(x_train=np.zeros((8, 28, 28, 3), np.uint8)), r"received \(8, 28, 28, 3\)"),
    (dict(y_test=np.zeros((8, 10), np.uint8)), r"test labels must have shape \(n,\) or be one-hot; received \(8, 10\)"),
    (dict(y_train=np.zeros(7, np.uint8)), "train images and train labels must have the same length; received 8 and 7"),
    (dict(y_train=np.array([0, 1, 256, 300, 4, 5, 6, 7])), r"train labels must be integers in 0\.\.\.255; received 256 in row 3"),
    (dict(y_train=np.array([0, 1, 2, -1, 4, 5, 6, 7])), r"received -1 in row 4"),
    (dict(y_train=np.array([0, 1, 2.5, 3, 4, 5, 6, 7])), r"received 2.5 in row 3"),
    (dict(y_train=np.array([0, np.nan, 2, 3, 4, 5, 6, 7])), r"received nan in row 2"),
    (dict(x_train=np.full((8, 28, 28), 256)), r"train images must be integers in 0\.\.\.255 or floats in \[0, 1\]; received 256\.\.\.256"),
    (dict(x_train=np.full((8, 28, 28), -0.5)), r"received -0\.5\.\.\.-0\.5"),
    (dict(x_train=np.full((8, 28, 28), np.nan)), r"received nan\.\.\.nan"),
    (dict(x_train=np.full((8, 28, 28), 1.5)), r"train images of floats must lie in \[0, 1\] or be integers; received fractions in 1\.5\.\.\.1\.5"),
    (dict(y_train=np.array([{}] * 8, dtype=object)), "its arrays must be integers or floats; one is of dtype object"),
    (dict(y_train=np.array(list("abcdefgh"))), "its arrays must be integers or floats; one is of dtype <U1"),
    (dict(x_train=np.zeros((8, 28, 28), np.complex64)), "one is of dtype complex64"),
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
    with pytest.raises(
        CorruptFileError, match=r"data\.npz is not a valid data set: it is a web page"
    ):
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


def test_an_npy_member_that_is_longer_than_declared_is_rejected(tiny, write_npz):
    path = write_npz(tiny)
    replace_member(path, "y_test.npy", lambda content: content + b"more")
    with pytest.raises(
        CorruptFileError, match=r"must end after the \(8,\) values that its header declares"
    ):
        load_data(path)
