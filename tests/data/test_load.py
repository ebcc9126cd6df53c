"""load_data: where a data set comes from, and what is said when it can't be had."""

import multiprocessing
import pathlib
import re
import threading

import numpy as np
import pytest

import mnistcnn
from mnistcnn import CorruptFileError, DataUnavailableError, load_data
from mnistcnn.data import download, load
from mnistcnn.data.formats import IDX_NAMES, encode_idx
from tests.helpers.http_server import Server, arrays_of, equal


def fail(server, *numbers, status=500):
    for path in server.files:
        if int(path[0]) in numbers:
            server.files[path] = status


# The small set that needs no network


def test_digits_are_all_there_and_split_by_class(digits):
    assert (digits.train.images.shape, digits.test.images.shape) == ((1442, 28, 28), (355, 28, 28))
    assert digits.train.images.dtype == digits.train.labels.dtype == np.uint8
    every = [np.bincount(split.labels, minlength=10) for split in digits]
    assert sum(every).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.all(np.abs(every[1] / sum(every) - 0.2) < 0.01)


def test_digits_are_laid_out_like_mnist(digits):
    """Ink in a 20 × 20 box, the centre of mass within a pixel of the middle."""
    positions = np.arange(28)
    for image in np.concatenate([digits.train.images, digits.test.images]):
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert 18 <= max(height, width) <= 20
        mass = image.sum(dtype=float)
        centre = np.array([image.sum(axis=1) @ positions, image.sum(axis=0) @ positions]) / mass
        assert np.all(np.abs(centre - 14) <= 0.5), centre
        assert image.max() > 200


def test_digits_are_the_source_and_no_image_is_in_both_parts(digits):
    from sklearn import datasets

    source = datasets.load_digits()
    assert sorted(np.concatenate([s.labels for s in digits])) == sorted(source.target)
    train, test = ({image.tobytes() for image in split.images} for split in digits)
    assert not train & test


def test_digits_keep_the_shape_of_their_source(digits):
    """Sampled at the source's cells, a glyph has the source's ink again."""
    from sklearn import datasets

    source = datasets.load_digits()
    in_train = iter(zip(digits.train.images, digits.train.labels, strict=True))
    glyph, label = next(in_train)
    assert label == source.target[0] == 0
    cell = source.images[0]
    rows, columns = np.flatnonzero(cell.any(axis=1)), np.flatnonzero(cell.any(axis=0))
    cell = cell[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    rows, columns = np.flatnonzero(glyph.any(axis=1)), np.flatnonzero(glyph.any(axis=0))
    ys = rows[0] + (np.arange(cell.shape[0]) + 0.5) * len(rows) / cell.shape[0]
    xs = columns[0] + (np.arange(cell.shape[1]) + 0.5) * len(columns) / cell.shape[1]
    sampled = glyph[np.ix_(ys.astype(int), xs.astype(int))]
    assert np.corrcoef(sampled.ravel(), cell.ravel())[0, 1] > 0.9


def test_digits_are_the_same_each_time(digits):
    assert equal(load_data("digits"), digits)


# A path of the user's own


def test_unpacks_as_keras_does(tiny, write_npz):
    path = write_npz(tiny)
    (x_train, y_train), (x_test, y_test) = load_data(path)
    assert np.array_equal(x_train, tiny.train.images)
    assert np.array_equal(y_test, tiny.test.labels)
    assert load_data(path).test.images is not None
    assert x_train.shape[0] == len(y_train)
    assert x_test.dtype == np.uint8


def test_a_source_that_is_nothing_is_refused():
    expected = 'source must be "mnist", "digits" or the path of an existing .npz file or folder; received \'minst\''
    with pytest.raises(DataUnavailableError, match=re.escape(expected)):
        load_data("minst")


def test_a_source_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="source must be a path; received 3"):
        load_data(3)


def test_verbose_is_checked():
    with pytest.raises(ValueError, match="verbose must be one of 'auto', 0, 1; received 'loud'"):
        load_data("digits", verbose="loud")


# MNISTCNN_DATA


def test_the_variable_names_a_file_or_a_folder(small_mnist, write_npz, tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTCNN_DATA", str(write_npz(small_mnist)))
    assert equal(load_data(), small_mnist)
    folder = tmp_path / "idx"
    folder.mkdir()
    for name, array in zip(IDX_NAMES, arrays_of(small_mnist), strict=True):
        (folder / name).write_bytes(encode_idx(array))
    monkeypatch.setenv("MNISTCNN_DATA", str(folder))
    assert equal(load_data("mnist"), small_mnist)


def test_a_changed_pixel_is_refused(small_mnist, write_npz, monkeypatch):
    images = small_mnist.test.images.copy()
    images[3, 10, 10] ^= 1
    path = write_npz(small_mnist, x_test=images)
    assert load_data(path).test.images[3, 10, 10] == images[3, 10, 10]
    monkeypatch.setenv("MNISTCNN_DATA", str(path))
    with pytest.raises(
        CorruptFileError, match="must hold MNIST; the md5 of its t10k-images-idx3-ubyte is"
    ):
        load_data("mnist")


def test_the_variable_must_name_something(monkeypatch):
    monkeypatch.setenv("MNISTCNN_DATA", "nowhere.npz")
    with pytest.raises(
        DataUnavailableError,
        match="MNISTCNN_DATA must name an existing file or folder; received 'nowhere.npz'",
    ):
        load_data()


# The cache and the mirrors


def test_downloads_once_then_reads_the_cache(mirrors, small_mnist, tmp_path):
    cache = tmp_path / "a cache"
    assert equal(load_data(cache_dir=cache), small_mnist)
    assert mirrors.requested == ["/0/mnist.npz"]
    assert equal(load_data(cache_dir=cache), small_mnist)
    assert mirrors.requested == ["/0/mnist.npz"]
    assert sorted(path.name for path in cache.iterdir() if path.name != "lock") == ["mnist.npz"]


def test_the_default_cache_is_the_users(mirrors, small_mnist, monkeypatch, tmp_path):
    monkeypatch.setattr(load, "default_cache_dir", lambda: tmp_path / "default")
    load_data()
    assert (tmp_path / "default" / "mnist.npz").is_file()


def test_mirrors_are_tried_in_turn(mirrors, small_mnist, tmp_path):
    fail(mirrors, 0, 1)
    assert equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert mirrors.requested[:2] == ["/0/mnist.npz", "/1/train-images-idx3-ubyte.gz"]
    assert sum(path.startswith("/2/") for path in mirrors.requested) == 4
    assert equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert len(mirrors.requested) == 6


def test_wrong_bytes_never_appear(mirrors, small_mnist, tmp_path):
    mirrors.files["0/mnist.npz"] = b"<html>the page has moved</html>"
    mirrors.files["1/t10k-labels-idx1-ubyte.gz"] = b"half of it"
    assert equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert not (tmp_path / "cache" / "mnist.npz").exists()


def test_a_damaged_cache_is_fetched_again(mirrors, small_mnist, tmp_path):
    (tmp_path / "mnist.npz").write_bytes(b"half")
    assert equal(load_data(cache_dir=tmp_path), small_mnist)


def test_a_repacked_archive_in_the_cache_is_taken(mirrors, small_mnist, write_npz, tmp_path):
    write_npz(small_mnist, "mnist.npz")
    assert equal(load_data(cache_dir=tmp_path), small_mnist)
    assert mirrors.requested == []


def stall(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"a few bytes")
    handler.wfile.flush()
    threading.Event().wait(2)


def test_nothing_reachable_names_each_mirror_and_the_ways_out(mirrors, tmp_path):
    fail(mirrors, 0, status=404)
    fail(mirrors, 1, status=stall)
    fail(mirrors, 2, status=b"wrong bytes")
    with pytest.raises(DataUnavailableError) as caught:
        load_data(cache_dir=tmp_path / "cache")
    message = str(caught.value)
    for number, reason in enumerate(["404", "no data for 1 s", "hash"]):
        assert re.search(f"{mirrors.address}{number}/: .*{reason}", message), message
    for way_out in (str(tmp_path / "cache"), "MNISTCNN_DATA", 'load_data("digits")'):
        assert way_out in message
    left = [path.name for path in (tmp_path / "cache").iterdir()]
    assert [name for name in left if name != "lock"] == []


def test_no_connection_is_said_plainly(small_mnist, monkeypatch, tmp_path):
    closed = Server()
    closed.server_close()
    mirror = download.Mirror(closed.address, {"mnist.npz": "0" * 64})
    monkeypatch.setattr(download, "MIRRORS", (mirror,))
    with pytest.raises(DataUnavailableError, match="Connection refused") as caught:
        load_data(cache_dir=tmp_path)
    assert "object at 0x" not in str(caught.value)


def test_a_place_that_cannot_be_a_cache_is_said_plainly(mirrors, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataUnavailableError, match=r"the cache .*file is not usable"):
        load_data(cache_dir=tmp_path / "file")
    assert mirrors.requested == []


def test_progress_is_shown_when_asked(mirrors, tmp_path, capsys):
    load_data(cache_dir=tmp_path / "quiet", verbose=0)
    assert capsys.readouterr() == ("", "")
    load_data(cache_dir=tmp_path / "loud", verbose=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Downloading mnist.npz" in captured.err


def _load_in_a_process(mirrors, expected_md5, cache, results):
    download.MIRRORS, load._MNIST_MD5 = mirrors, expected_md5
    results.put(len(load_data(cache_dir=cache).train.labels))


def test_two_processes_download_once(mirrors, small_mnist, tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    arguments = (download.MIRRORS, load._MNIST_MD5, pathlib.Path(tmp_path / "cache"), results)
    processes = [context.Process(target=_load_in_a_process, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    assert [results.get(timeout=60) for _ in processes] == [8, 8, 8]
    for process in processes:
        process.join()
    assert mirrors.requested == ["/0/mnist.npz"]


def test_the_real_mirrors_and_digests_are_the_published_ones():
    assert [mirror.base_url for mirror in download.MIRRORS] == [
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ]
    assert all(len(sha) == 64 for mirror in download.MIRRORS for sha in mirror.files.values())


@pytest.mark.mnist
def test_the_real_mnist_passes(mnist_path, monkeypatch):
    monkeypatch.setenv("MNISTCNN_DATA", mnist_path)
    dataset = mnistcnn.load_data()
    assert [array.shape for array in arrays_of(dataset)] == [
        (60000, 28, 28), (60000,), (10000, 28, 28), (10000,)
    ]  # fmt: skip
    assert np.bincount(dataset.test.labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009
    ]  # fmt: skip
