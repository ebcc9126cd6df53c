"""IDX and NumPy files under every name in use: in a folder, a folder per file, a zip archive."""

import gzip
import shutil
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistcnn import CorruptFileError, DataUnavailableError, load_data
from mnistcnn.data.formats.idx import IDX_NAMES, encode_idx
from tests.helpers import strategies
from tests.helpers.http_server import arrays_of, datasets_equal

EMNIST_NAMES = tuple(
    f"{part}-{kind}"
    for part in ("train", "test")
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
)


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


def write_idx_files(folder, dataset, names=IDX_NAMES, *, compress=False):
    """Write the four arrays of a data set; names may contain folders."""
    for name, array in zip(names, arrays_of(dataset), strict=True):
        path = folder / (f"{name}.gz" if compress else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = encode_idx(array)
        path.write_bytes(gzip.compress(content) if compress else content)
    return folder


def transposed(dataset):
    """Return a data set as EMNIST stores it."""
    return tuple((images.transpose(0, 2, 1), labels) for images, labels in dataset)


LAYOUTS = {
    "one folder": IDX_NAMES,
    "a folder per file, as on Kaggle": [f"{name}/{name}" for name in IDX_NAMES],
    "a folder per file with dots": [f"{name}/{name.replace('-idx', '.idx')}" for name in IDX_NAMES],
    "torchvision": [f"MNIST/raw/{name}" for name in IDX_NAMES],
    "another prefix": [f"mine-{name}" for name in EMNIST_NAMES],
    "other words": [
        "x_train.idx3-ubyte", "y_train.idx1-ubyte", "x_test.idx3-ubyte", "y_test.idx1-ubyte"
    ],
}  # fmt: skip


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_folder(layout, compress, tiny, tmp_path):
    write_idx_files(tmp_path, tiny, LAYOUTS[layout], compress=compress)
    assert datasets_equal(load_data(tmp_path), tiny)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_zip_archive(layout, tiny, tmp_path):
    write_idx_files(tmp_path / "files", tiny, LAYOUTS[layout], compress=True)
    path = shutil.make_archive(tmp_path / "data", "zip", tmp_path / "files")
    assert datasets_equal(load_data(path), tiny)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_stands_for_those_beside_it(layout, tiny, tmp_path):
    names = LAYOUTS[layout]
    write_idx_files(tmp_path, tiny, names)
    (tmp_path / "notes.txt").write_text("not a data set")
    for name in names:
        assert datasets_equal(load_data(tmp_path / name), tiny)


def test_a_plain_and_a_compressed_copy_are_one_data_set(tiny, tmp_path):
    """As torchvision leaves them."""
    for compress in (False, True):
        write_idx_files(tmp_path, tiny, LAYOUTS["torchvision"], compress=compress)
    assert datasets_equal(load_data(tmp_path), tiny)
    assert datasets_equal(load_data(tmp_path / f"MNIST/raw/{IDX_NAMES[0]}.gz"), tiny)


def test_images_of_emnist_are_transposed(tiny, tmp_path):
    names = [f"emnist-digits-{name}" for name in EMNIST_NAMES]
    write_idx_files(tmp_path, transposed(tiny), names)
    assert datasets_equal(load_data(tmp_path), tiny)
    assert np.array_equal(
        load_data(tmp_path, transpose=False).train.images, tiny.train.images.transpose(0, 2, 1)
    )


def test_transpose_applies_to_any_file(tiny, tmp_path):
    write_idx_files(tmp_path, transposed(tiny))
    assert datasets_equal(load_data(tmp_path, transpose=True), tiny)


def test_the_labels_of_emnist_letters_begin_at_0(tiny, tmp_path):
    letters = [
        (images, np.arange(1, 27, dtype=np.uint8)[[0, 25, 7, 7, 8, 9, 3, 4]])
        for images, _ in transposed(tiny)
    ]
    write_idx_files(tmp_path, letters, [f"emnist-letters-{name}" for name in EMNIST_NAMES])
    dataset = load_data(tmp_path)
    assert dataset.train.labels.tolist() == [0, 25, 7, 7, 8, 9, 3, 4]
    assert dataset.class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert np.array_equal(dataset.train.images, tiny.train.images)


def test_letters_that_begin_at_0_stay(tiny, tmp_path):
    write_idx_files(tmp_path, tiny, [f"emnist-letters-{name}" for name in EMNIST_NAMES])
    assert np.array_equal(load_data(tmp_path).train.labels, tiny.train.labels)


def test_more_classes_than_digits(tiny, tmp_path):
    labels = np.array([0, 1, 46, 200, 4, 5, 6, 7], np.uint8)
    write_idx_files(tmp_path, [(tiny.train.images, labels), tiny.test])
    dataset = load_data(tmp_path)
    assert dataset.train.labels.tolist() == labels.tolist()
    assert dataset.class_names == tuple(map(str, range(201)))


def test_the_extended_labels_of_qmnist(tiny, tmp_path):
    for part, split in zip(("train", "test"), tiny, strict=True):
        (tmp_path / f"qmnist-{part}-images-idx3-ubyte").write_bytes(encode_idx(split.images))
        labels = np.zeros((len(split.labels), 8), ">i4")
        labels[:, 0], labels[:, 1:] = split.labels, 70_000
        header = struct.pack(">HBBII", 0, 12, 2, *labels.shape)
        content = gzip.compress(header + labels.tobytes())
        (tmp_path / f"qmnist-{part}-labels-idx2-int.gz").write_bytes(content)
    assert datasets_equal(load_data(tmp_path), tiny)


@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_a_numpy_file_per_array(suffix, tiny, tmp_path):
    """KMNIST has four .npz archives with an array ``arr_0`` each."""
    names = [
        f"kmnist-{part}-{kind}.{suffix}"
        for part in ("train", "test")
        for kind in ("imgs", "labels")
    ]
    for name, array in zip(names, arrays_of(tiny), strict=True):
        (np.savez_compressed if suffix == "npz" else np.save)(tmp_path / name, array)
    dataset = load_data(tmp_path)
    assert datasets_equal(dataset, tiny)
    assert dataset.class_names == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    assert datasets_equal(load_data(tmp_path / names[2]), tiny)


def test_a_training_set_alone_is_split(digits, tmp_path):
    for name, array in zip(IDX_NAMES, digits.train, strict=False):
        (tmp_path / name).write_bytes(encode_idx(array))
    with pytest.raises(ValueError, match="holds a train set only, so load_data needs test_size"):
        load_data(tmp_path)
    train, test = load_data(tmp_path, test_size=0.1)
    assert len(train.labels) + len(test.labels) == 1442
    assert len(test.labels) == 144


def test_several_data_sets_are_listed(tiny, tmp_path):
    """As in the folder of torchvision."""
    for name in ("MNIST", "FashionMNIST"):
        write_idx_files(tmp_path / name / "raw", tiny)
    message = (
        "must hold one data set; it holds 2: 'FashionMNIST', 'MNIST'. Pass the path of a folder "
        rf"or of a file of one, such as {tmp_path}/FashionMNIST/raw/t10k-images-idx3-ubyte"
    )
    with pytest.raises(ValueError, match=message) as error:
        load_data(tmp_path)
    assert not isinstance(error.value, CorruptFileError)
    assert datasets_equal(load_data(tmp_path / "MNIST"), tiny)


def test_several_data_sets_in_an_archive_are_listed(tiny, tmp_path):
    for name in ("letters", "balanced"):
        names = [f"gzip/emnist-{name}-{rest}" for rest in EMNIST_NAMES]
        write_idx_files(tmp_path / "files", tiny, names)
    path = shutil.make_archive(tmp_path / "data", "zip", tmp_path / "files")
    with pytest.raises(ValueError, match="it holds 2: 'emnist-balanced', 'emnist-letters'"):
        load_data(path)


def test_an_incomplete_data_set_beside_a_complete_one_is_ignored(tiny, tmp_path):
    write_idx_files(tmp_path / "MNIST/raw", tiny)
    (tmp_path / "KMNIST/raw").mkdir(parents=True)
    (tmp_path / "KMNIST/raw/train-images-idx3-ubyte").write_bytes(b"half a download")
    assert datasets_equal(load_data(tmp_path), tiny)


def test_missing_files_of_a_folder_are_listed(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DataUnavailableError) as error:
        load_data(tmp_path)
    assert "missing: train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1" in str(
        error.value
    )


def test_a_missing_file_beside_a_named_one_is_reported(tmp_path):
    path = tmp_path / "emnist-letters-test-images-idx3-ubyte"
    path.write_bytes(encode_idx(np.zeros((1, 28, 28), np.uint8)))
    message = "missing: emnist-letters-train-images-idx3-ubyte, emnist-letters-train-labels-idx1-ubyte, emnist-letters-test-labels-idx1-ubyte"
    with pytest.raises(DataUnavailableError, match=message):
        load_data(path)


def test_an_array_file_needs_a_name_that_says_what_it_holds(tmp_path):
    path = tmp_path / "digits.idx"
    path.write_bytes(encode_idx(np.zeros((1, 28, 28), np.uint8)))
    message = "digits.idx holds one array, so its name must say which, such as train-images-idx3-ubyte; received 'digits.idx'"
    with pytest.raises(CorruptFileError, match=message):
        load_data(path)


def test_a_damaged_file_is_named(tiny, tmp_path):
    write_idx_files(tmp_path, tiny)
    (tmp_path / IDX_NAMES[3]).write_bytes(b"\0\0\x08\x01\0\0\0\x09123")
    with pytest.raises(
        CorruptFileError,
        match=f"{IDX_NAMES[3]} is not a valid IDX or NumPy file: it must hold 9 more bytes",
    ):
        load_data(tmp_path)


def test_an_archive_of_several_arrays_is_no_array_file(tiny, tmp_path, write_npz):
    for name in ("train-images", "train-labels"):
        write_npz(tiny, f"{name}.npz")
    with pytest.raises(
        CorruptFileError,
        match=r"train-images\.npz is not a valid IDX or NumPy file: it must hold one array",
    ):
        load_data(tmp_path)


# Links and many files


def test_a_link_out_of_the_folder_is_rejected(tiny, tmp_path):
    write_idx_files(tmp_path / "outside", tiny)
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in IDX_NAMES:
        (inside / name).symlink_to(tmp_path / "outside" / name)
    message = r"inside/\S+-ubyte must not be a link to a folder or out of \S+/inside: replace it by a copy"
    with pytest.raises(CorruptFileError, match=message):
        load_data(inside)


def test_a_link_to_a_folder_is_rejected(tiny, tmp_path):
    write_idx_files(tmp_path / "a", tiny)
    (tmp_path / "a/b").symlink_to("..")
    with pytest.raises(CorruptFileError, match="a/b must not be a link to a folder or out of"):
        load_data(tmp_path / "a")


def test_links_in_the_folder_and_to_the_named_file_are_followed(tiny, tmp_path):
    write_idx_files(tmp_path / "a/store", tiny)
    (tmp_path / "a/set").mkdir()
    for name in IDX_NAMES:
        (tmp_path / "a/store" / name).rename(tmp_path / "a" / f"{name}.blob")
        (tmp_path / "a/set" / name).symlink_to(f"../{name}.blob")
        (tmp_path / name).symlink_to(f"a/{name}.blob")
    assert datasets_equal(load_data(tmp_path / "a/set" / ".."), tiny)
    assert datasets_equal(load_data(tmp_path / IDX_NAMES[0]), tiny)


def test_a_member_with_a_path_out_of_the_archive_is_ignored(tiny, tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in zip(IDX_NAMES, arrays_of(tiny), strict=True):
            archive.writestr(name, encode_idx(array))
            archive.writestr(f"../../{name}.gz", b"canary")
            archive.writestr(f"__MACOSX/._{name}", b"canary")
    assert datasets_equal(load_data(path), tiny)


def test_an_empty_folder(tmp_path):
    message = "must hold a data set: IDX, .npy or CSV files of images and labels, one .npz file, or a folder of images for each class; it holds 0 files, none of these"
    with pytest.raises(DataUnavailableError, match=message):
        load_data(tmp_path)


def test_a_folder_with_one_archive(tiny, tmp_path, write_npz):
    write_npz(tiny, "sub/data.npz")
    assert datasets_equal(load_data(tmp_path / "sub"), tiny)
