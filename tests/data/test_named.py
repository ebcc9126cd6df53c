"""Named data sets, downloaded from a local server in place of their mirrors."""

import bz2
import gzip
import hashlib
import io
import struct
import zipfile

import numpy as np
import pytest

from mnistcnn import CorruptFileError, DataUnavailableError, load_data
from mnistcnn.data import download, http_client, load
from mnistcnn.data.catalog import CONVENTIONS, EMNIST_ARCHIVE, NAMED_DATASETS
from mnistcnn.data.formats.idx import IDX_NAMES, encode_idx
from mnistcnn.types import DIGIT_NAMES
from tests.helpers.http_server import arrays_of, change_named, datasets_equal

RELATIVES = [name for name in NAMED_DATASETS if name != "mnist"]
KINDS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "test-images-idx3-ubyte", "test-labels-idx1-ubyte")  # fmt: skip


def idx_files(arrays, names=IDX_NAMES):
    return {
        f"{name}.gz": gzip.compress(encode_idx(array), mtime=0)
        for name, array in zip(names, arrays, strict=True)
    }


def emnist_files(dataset, name, first_label=0):
    """Return the four files of EMNIST, with transposed images."""
    arrays = []
    for images, labels in dataset:
        arrays += [images.transpose(0, 2, 1), labels + np.uint8(first_label)]
    return idx_files(arrays, [f"emnist-{name}-{kind}" for kind in KINDS])


def emnist_archive(dataset):
    """Return an archive like that of NIST."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("letters", "digits", "balanced", "byclass"):
            first_label = CONVENTIONS[f"emnist-{name}"].first_label
            for file, content in emnist_files(dataset, name, first_label).items():
                archive.writestr(zipfile.ZipInfo(f"gzip/{file}"), content)
            mapping = zipfile.ZipInfo(f"gzip/emnist-{name}-mapping.txt")
            archive.writestr(mapping, "0 48\n")
    return {EMNIST_ARCHIVE: buffer.getvalue()}


def qmnist_files(dataset):
    files = {}
    for part, (images, labels) in zip(("train", "test"), dataset, strict=True):
        files[f"qmnist-{part}-images-idx3-ubyte.gz"] = gzip.compress(encode_idx(images))
        table = np.zeros((len(labels), 8), ">i4")
        table[:, 0], table[:, 3] = labels, 99_999
        content = struct.pack(">HBBII", 0, 12, 2, *table.shape) + table.tobytes()
        files[f"qmnist-{part}-labels-idx2-int.gz"] = gzip.compress(content)
    return files


def usps_line(label, pixels):
    return f"{label + 1} " + " ".join(f"{i}:{v:.6f}" for i, v in enumerate(pixels, 1)) + " \n"


def usps_files(rng, count=8):
    text = [
        "".join(usps_line(label, rng.uniform(-1, 1, 256)) for label in range(count))
        for _ in range(2)
    ]
    return {
        name: bz2.compress(content.encode())
        for name, content in zip(("usps.bz2", "usps.t.bz2"), text, strict=True)
    }


def files_of(name, dataset):
    """Return the files of each mirror of a data set."""
    if name == "usps":
        return [usps_files(np.random.default_rng(0))]
    if name == "qmnist":
        return [qmnist_files(dataset)]
    if name.startswith("emnist-"):
        kind = name.removeprefix("emnist-")
        files = emnist_files(dataset, kind, CONVENTIONS[name].first_label)
        return ([] if kind == "digits" else [files]) + [emnist_archive(dataset)]
    return [idx_files(arrays_of(dataset))] * len(NAMED_DATASETS[name].mirrors)


@pytest.fixture
def serve(server, tiny, monkeypatch):
    """A function that serves a small data set in place of a named one."""
    monkeypatch.setattr(http_client, "STALL_TIMEOUT", 1)
    monkeypatch.setattr(download, "RETRY_DELAY", 0.01)

    def start(name, **changes):
        mirrors = []
        for number, files in enumerate(files_of(name, tiny)):
            published = NAMED_DATASETS[name].mirrors[number].files
            assert list(files) == list(published) or set(files) == set(published)
            server.files |= {f"{number}/{file}": content for file, content in files.items()}
            checksums = {
                file: f"md5:{hashlib.md5(content).hexdigest()}"
                if published[file].startswith("md5:")
                else hashlib.sha256(content).hexdigest()
                for file, content in files.items()
            }
            mirrors.append(download.Mirror(f"{server.address}{number}/", checksums))
        change_named(
            monkeypatch, name, mirrors=tuple(mirrors), **{"num_train": 8, "num_test": 8, **changes}
        )
        return server

    return start


@pytest.mark.parametrize("name", RELATIVES)
def test_downloads_once_then_reads_the_cache(name, serve, tiny, tmp_path):
    server = serve(name)
    dataset = load_data(name, cache_dir=tmp_path)
    assert dataset.class_names == NAMED_DATASETS[name].conventions.class_names
    if name == "usps":
        assert dataset.train.labels.tolist() == list(range(8))
        assert dataset.train.images.shape == (8, 28, 28)
    else:
        assert datasets_equal(dataset, tiny)
    count = len(server.requested)
    assert count == len(NAMED_DATASETS[name].mirrors[0].files)
    assert datasets_equal(load_data(name, cache_dir=tmp_path), dataset)
    assert len(server.requested) == count
    assert (tmp_path / NAMED_DATASETS[name].folder).is_dir()


@pytest.mark.parametrize("name", RELATIVES)
def test_each_mirror_serves_it(name, serve, tiny, tmp_path):
    server = serve(name)
    for number in range(len(NAMED_DATASETS[name].mirrors)):
        dataset = load_data(name, cache_dir=tmp_path / str(number))
        assert name == "usps" or datasets_equal(dataset, tiny)
        for path in server.files:
            if path.startswith(f"{number}/"):
                server.files[path] = 404
    with pytest.raises(DataUnavailableError) as error:
        load_data(name, cache_dir=tmp_path / "none")
    lines = str(error.value).splitlines()
    assert lines[0] == f"{NAMED_DATASETS[name].title} is unavailable (not cached; download failed):"
    assert len(lines) == 2 + len(NAMED_DATASETS[name].mirrors)
    assert lines[-1].endswith(", or pass the path of a copy to load_data.")


@pytest.mark.parametrize("name", RELATIVES)
def test_a_file_with_a_wrong_checksum_is_not_saved(name, serve, tmp_path):
    server = serve(name)
    for path in server.files:
        server.files[path] = b"another file"
    with pytest.raises(
        DataUnavailableError, match=r"must have the hash (md5|sha256):\w+; received"
    ):
        load_data(name, cache_dir=tmp_path)
    assert [
        path.name for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"
    ] == []


@pytest.mark.parametrize("name", RELATIVES)
def test_a_damaged_cache_is_downloaded_again(name, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(load, "default_cache_dir", lambda: tmp_path)
    server = serve(name)
    dataset = load_data(name)
    file = next(iter(NAMED_DATASETS[name].mirrors[0].files))
    (tmp_path / NAMED_DATASETS[name].folder / file).write_bytes(b"half")
    count = len(server.requested)
    message = rf"{file} must be {NAMED_DATASETS[name].title} or not exist; received another file"
    with pytest.raises(DataUnavailableError, match=message):
        load_data(name, cache_dir=tmp_path)
    assert datasets_equal(load_data(name), dataset)
    assert server.requested[count:] == [f"/0/{file}"]


@pytest.mark.parametrize("name", RELATIVES)
def test_the_number_of_images_is_verified(name, serve, tmp_path):
    serve(name, num_test=9)
    with pytest.raises(CorruptFileError, match=r"must hold .*: 8 and 9 images of \d+ classes; received 8 and 8 images of \d+ classes"):  # fmt: skip
        load_data(name, cache_dir=tmp_path)


def test_the_data_sets_of_emnist_share_an_archive(serve, tiny, tmp_path):
    server = serve("emnist-digits")
    load_data("emnist-digits", cache_dir=tmp_path)
    serve("emnist-letters")
    for path in server.files:
        if path.startswith("0/emnist-letters"):
            server.files[path] = 404
    count = len(server.requested)
    assert datasets_equal(load_data("emnist-letters", cache_dir=tmp_path), tiny)
    assert len(server.requested) == count


def test_the_cache_of_mnist_is_not_confused_by_others(mirrors, small_mnist, serve, tmp_path):
    load_data(cache_dir=tmp_path)
    serve("kmnist")
    load_data("kmnist", cache_dir=tmp_path)
    (tmp_path / "mnist.npz").unlink()
    for name, content in idx_files(arrays_of(small_mnist)).items():
        (tmp_path / name).write_bytes(content)
    count = len(mirrors.requested)
    assert datasets_equal(load_data(cache_dir=tmp_path), small_mnist)
    assert len(mirrors.requested) == count


def test_a_mirror_may_not_send_more_than_its_files_have(serve, monkeypatch, tmp_path):
    server = serve("qmnist")
    (mirror,) = NAMED_DATASETS["qmnist"].mirrors
    change_named(monkeypatch, "qmnist", mirrors=(mirror._replace(max_bytes=100),))
    server.files = {path: bytes(100_000) for path in server.files}
    with pytest.raises(DataUnavailableError, match="the response has more than 100 bytes"):
        load_data("qmnist", cache_dir=tmp_path)


def test_a_damaged_archive_is_reported(serve, server, monkeypatch, tmp_path):
    content = b"PK\3\4 not an archive"
    serve("emnist-digits")
    server.files[f"0/{EMNIST_ARCHIVE}"] = content
    mirror = download.Mirror(
        f"{server.address}0/", {EMNIST_ARCHIVE: hashlib.sha256(content).hexdigest()}
    )
    change_named(monkeypatch, "emnist-digits", mirrors=(mirror,))
    with pytest.raises(
        CorruptFileError, match=r"gzip\.zip is not a valid zip file: File is not a zip file"
    ):
        load_data("emnist-digits", cache_dir=tmp_path)


# The identifier "mnist" would mark the test as one that needs the real MNIST.
@pytest.mark.parametrize("name", NAMED_DATASETS, ids="the entry {}".format)
def test_entries_of_the_catalog(name):
    entry = NAMED_DATASETS[name]
    assert entry.license
    assert entry.citation.endswith(".")
    assert len(set(entry.conventions.class_names)) == len(entry.conventions.class_names)
    for mirror in entry.mirrors:
        assert mirror.base_url.endswith("/")
        for checksum in mirror.files.values():
            algorithm, _, digest = checksum.rpartition(":")
            assert len(digest) == {"": 64, "md5": 32}[algorithm]
            int(digest, 16)


def test_classes():
    assert {name: len(entry.conventions.class_names) for name, entry in NAMED_DATASETS.items()} == {
        "mnist": 10, "fashion_mnist": 10, "kmnist": 10, "emnist-digits": 10, "emnist-letters": 26,
        "emnist-balanced": 47, "qmnist": 10, "usps": 10,
    }  # fmt: skip
    # The table of the paper: lower-case letters whose shape differs from the upper-case one.
    assert (
        "".join(CONVENTIONS["emnist-balanced"].class_names)
        == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
    )
    assert len(CONVENTIONS["emnist-byclass"].class_names) == 62
    assert CONVENTIONS["emnist-digits"].class_names == DIGIT_NAMES


@pytest.mark.parametrize("option", [dict(test="a"), dict(test_size=0.5), dict(transpose=True)])
def test_options_of_files_are_rejected(option):
    ((name, value),) = option.items()
    for source in ("digits", "mnist", "usps"):
        with pytest.raises(
            ValueError, match=f"{name} must be None unless source is a path; received {value!r}"
        ):
            load_data(source, **option)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 1:0.5", r"line 2 must hold a label in 1\.\.\.10 and values in \[-1, 1\]"),
        ("11 1:0.5", "line 2 must hold a label"),
        ("3 1:1.5", "line 2 must hold a label"),
        ("3 1:nan", "line 2 must hold a label"),
        ("3 257:0.5", "line 2 must be a label and index:value pairs"),
        ("3 0.5", "line 2 must be a label and index:value pairs"),
        ("x 1:0.5", "line 2 must be a label and index:value pairs"),
        ("1e999 1:0.5", "line 2 must be a label and index:value pairs"),
        ("1 " * 20_000, "a line must have at most 16,384 bytes; it has more"),
    ],
)
def test_damaged_usps_files_are_rejected(line, message, tmp_path):
    from mnistcnn.data.formats.libsvm import read_libsvm

    path = tmp_path / "usps.bz2"
    path.write_bytes(bz2.compress((usps_line(2, np.zeros(256)) + line).encode()))
    with pytest.raises(CorruptFileError, match=f"usps.bz2 is not a valid LIBSVM file: {message}"):
        read_libsvm(path)
    path.write_bytes(bz2.compress(b"\n"))
    with pytest.raises(CorruptFileError, match="it must hold a digit; it holds none"):
        read_libsvm(path)
    path.write_bytes(bz2.compress(usps_line(2, np.zeros(256)).encode())[:-20])
    with pytest.raises(CorruptFileError, match="its compressed data ends too early"):
        read_libsvm(path)


def test_usps_is_brought_into_the_format_of_mnist(tmp_path):
    from mnistcnn.data.formats.libsvm import read_libsvm
    from mnistcnn.data.size_normalization import to_mnist_format

    pixels = -np.ones((16, 16), np.float32)
    pixels[2:14, 7:9] = 1
    path = tmp_path / "usps.bz2"
    path.write_bytes(bz2.compress(usps_line(1, pixels.ravel()).encode()))
    images, labels = read_libsvm(path)
    assert labels.tolist() == [1]
    assert np.array_equal(images[0], to_mnist_format((pixels + 1) / 2))
