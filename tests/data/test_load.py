"""load_data: where a data set comes from, and the errors if it is unavailable."""

import re
import threading

import numpy as np
import pytest

import mnistcnn
from mnistcnn import CorruptFileError, DataUnavailableError, load_data
from mnistcnn.data import download, http_client, load
from mnistcnn.data.formats.idx import IDX_NAMES, encode_idx
from tests.helpers.http_server import (
    Server,
    arrays_of,
    change_named,
    datasets_equal,
    mirrors_of,
)


def break_mirrors(server, *numbers, response=500):
    for path in server.files:
        if int(path[0]) in numbers:
            server.files[path] = response


# A path


def test_unpacks_like_a_data_set_of_keras(tiny, write_npz):
    path = write_npz(tiny)
    (x_train, y_train), (x_test, y_test) = load_data(path)
    assert np.array_equal(x_train, tiny.train.images)
    assert np.array_equal(y_test, tiny.test.labels)
    assert load_data(path).test.images is not None
    assert x_train.shape[0] == len(y_train)
    assert x_test.dtype == np.uint8


def test_an_unknown_source_is_rejected():
    expected = 'source must be "digits", "mnist", "fashion_mnist", "kmnist", "emnist-digits", "emnist-letters", "emnist-balanced", "qmnist", "usps" or the path of an existing file or folder; received \'minst\''
    with pytest.raises(DataUnavailableError, match=re.escape(expected)):
        load_data("minst")


def test_a_source_of_the_wrong_type_is_rejected():
    with pytest.raises(TypeError, match="source must be a path; received 3"):
        load_data(3)


def test_verbose_is_validated():
    with pytest.raises(ValueError, match="verbose must be one of 'auto', 0, 1; received 'loud'"):
        load_data("digits", verbose="loud")


# MNISTCNN_DATA


def test_the_variable_may_name_a_file_or_a_folder(small_mnist, write_npz, tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTCNN_DATA", str(write_npz(small_mnist)))
    assert datasets_equal(load_data(), small_mnist)
    folder = tmp_path / "idx"
    folder.mkdir()
    for name, array in zip(IDX_NAMES, arrays_of(small_mnist), strict=True):
        (folder / name).write_bytes(encode_idx(array))
    monkeypatch.setenv("MNISTCNN_DATA", str(folder))
    assert datasets_equal(load_data("mnist"), small_mnist)


def test_a_changed_pixel_is_rejected(small_mnist, write_npz, monkeypatch):
    images = small_mnist.test.images.copy()
    images[3, 10, 10] ^= 1
    path = write_npz(small_mnist, x_test=images)
    assert load_data(path).test.images[3, 10, 10] == images[3, 10, 10]
    monkeypatch.setenv("MNISTCNN_DATA", str(path))
    with pytest.raises(
        CorruptFileError, match="must hold MNIST; the md5 of its t10k-images-idx3-ubyte is"
    ):
        load_data("mnist")


def test_the_variable_may_begin_with_the_home_folder(small_mnist, write_npz, monkeypatch):
    path = write_npz(small_mnist)
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))
    monkeypatch.setenv("MNISTCNN_DATA", f"~/{path.name}")
    assert datasets_equal(load_data("mnist"), small_mnist)


def test_the_variable_must_name_an_existing_path(monkeypatch):
    monkeypatch.setenv("MNISTCNN_DATA", "nowhere.npz")
    with pytest.raises(
        DataUnavailableError,
        match="MNISTCNN_DATA must name an existing file or folder; received 'nowhere.npz'",
    ):
        load_data()


# The cache and the mirrors


def test_downloads_once_then_reads_the_cache(mirrors, small_mnist, tmp_path):
    cache = tmp_path / "a cache"
    assert datasets_equal(load_data(cache_dir=cache), small_mnist)
    assert mirrors.requested == ["/0/mnist.npz"]
    assert datasets_equal(load_data(cache_dir=cache), small_mnist)
    assert mirrors.requested == ["/0/mnist.npz"]
    assert sorted(path.name for path in cache.iterdir() if path.name != "lock") == ["mnist.npz"]


def test_the_default_cache_folder_is_used(mirrors, small_mnist, monkeypatch, tmp_path):
    monkeypatch.setattr(load, "default_cache_dir", lambda: tmp_path / "default")
    load_data()
    assert (tmp_path / "default" / "mnist.npz").is_file()


def test_mirrors_are_tried_in_turn(mirrors, small_mnist, tmp_path):
    break_mirrors(mirrors, 0, 1)
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert mirrors.requested[:2] == ["/0/mnist.npz", "/1/train-images-idx3-ubyte.gz"]
    assert sum(path.startswith("/2/") for path in mirrors.requested) == 4
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert len(mirrors.requested) == 6


def test_files_with_a_wrong_hash_are_not_saved(mirrors, small_mnist, tmp_path):
    mirrors.files["0/mnist.npz"] = b"<html>the page has moved</html>"
    mirrors.files["1/t10k-labels-idx1-ubyte.gz"] = b"half of it"
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert not (tmp_path / "cache" / "mnist.npz").exists()


def test_a_damaged_cache_is_downloaded_again(mirrors, small_mnist, monkeypatch, tmp_path):
    monkeypatch.setattr(load, "default_cache_dir", lambda: tmp_path)
    (tmp_path / "mnist.npz").write_bytes(b"half")
    assert datasets_equal(load_data(), small_mnist)


@pytest.mark.parametrize(("name", "working"), [("mnist.npz", 0), ("train-images-idx3-ubyte.gz", 1)])
def test_no_other_file_in_cache_dir_is_replaced(name, working, mirrors, small_mnist, tmp_path):
    """Fashion-MNIST and others come in files of the same names."""
    (tmp_path / name).write_bytes(b"another data set")
    break_mirrors(mirrors, *range(working))
    expected = (
        rf"{re.escape(str(tmp_path / name))} must be MNIST or not exist; "
        "received another file: move it or choose another cache_dir\n"
    )
    with pytest.raises(DataUnavailableError, match=expected):
        load_data(cache_dir=tmp_path)
    assert (tmp_path / name).read_bytes() == b"another data set"
    assert len(mirrors.requested) == working


def test_a_file_that_appears_during_the_download_is_not_replaced(mirrors, tmp_path, monkeypatch):
    iter_body = http_client.iter_body

    def write_and_download(url, **options):
        (tmp_path / "mnist.npz").write_bytes(b"another data set")
        return iter_body(url, **options)

    monkeypatch.setattr(http_client, "iter_body", write_and_download)
    with pytest.raises(DataUnavailableError, match="must be MNIST or not exist"):
        load_data(cache_dir=tmp_path)
    assert (tmp_path / "mnist.npz").read_bytes() == b"another data set"


def test_a_repacked_archive_in_the_cache_is_used(mirrors, small_mnist, write_npz, tmp_path):
    write_npz(small_mnist, "mnist.npz")
    assert datasets_equal(load_data(cache_dir=tmp_path), small_mnist)
    assert mirrors.requested == []


def stall(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"a few bytes")
    handler.wfile.flush()
    threading.Event().wait(1)


def test_the_error_lists_each_mirror_and_the_alternatives(mirrors, tmp_path, monkeypatch):
    monkeypatch.setattr(http_client, "STALL_TIMEOUT", 0.2)
    break_mirrors(mirrors, 0, response=404)
    break_mirrors(mirrors, 1, response=stall)
    break_mirrors(mirrors, 2, response=b"wrong bytes")
    with pytest.raises(DataUnavailableError) as error:
        load_data(cache_dir=tmp_path / "cache")
    message = str(error.value)
    for number, reason in enumerate(["404", "no data for 0.2 s", "hash"]):
        assert re.search(f"{mirrors.address}{number}/: .*{reason}", message), message
    for alternative in (str(tmp_path / "cache"), "MNISTCNN_DATA", 'load_data("digits")'):
        assert alternative in message
    names = [path.name for path in (tmp_path / "cache").iterdir()]
    assert [name for name in names if name != "lock"] == []


def test_a_refused_connection_has_a_short_message(small_mnist, monkeypatch, tmp_path):
    closed = Server()
    closed.server_close()
    mirror = download.Mirror(closed.address, {"mnist.npz": "0" * 64})
    change_named(monkeypatch, mirrors=(mirror,))
    with pytest.raises(DataUnavailableError, match="Connection refused") as error:
        load_data(cache_dir=tmp_path)
    assert "object at 0x" not in str(error.value)


def test_a_file_is_no_cache_folder(mirrors, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataUnavailableError, match=r"the cache .*file is not usable"):
        load_data(cache_dir=tmp_path / "file")
    assert mirrors.requested == []


def test_progress_is_shown_if_verbose(mirrors, tmp_path, capsys):
    load_data(cache_dir=tmp_path / "without", verbose=0)
    assert capsys.readouterr() == ("", "")
    load_data(cache_dir=tmp_path / "with", verbose=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Downloading mnist.npz" in captured.err


def test_the_mirrors_are_the_published_ones():
    assert [mirror.base_url for mirror in mirrors_of("mnist")] == [
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ]
    assert all(len(sha) == 64 for mirror in mirrors_of("mnist") for sha in mirror.files.values())


@pytest.mark.mnist
def test_the_real_mnist_is_accepted(mnist_path, monkeypatch):
    monkeypatch.setenv("MNISTCNN_DATA", mnist_path)
    dataset = mnistcnn.load_data()
    assert [array.shape for array in arrays_of(dataset)] == [
        (60000, 28, 28), (60000,), (10000, 28, 28), (10000,)
    ]  # fmt: skip
    assert np.bincount(dataset.test.labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009
    ]  # fmt: skip
