"""Shared fixtures. Keras is imported and a model is built once per session."""

import gzip
import hashlib
import os
import shutil
import signal
import threading
from dataclasses import replace

import hypothesis
import numpy as np
import pytest

import mnistcnn
from mnistcnn.data import download, http_client
from mnistcnn.data.formats.idx import IDX_NAMES, encode_idx
from mnistcnn.utils.environment import set_tf_defaults
from mnistcnn.weights import pretrained
from tests.helpers.http_server import Server, arrays_of, change_named, idx_md5s

# Tests compare results with those of the command, bit for bit.
set_tf_defaults(command=True)
hypothesis.settings.register_profile(
    "mnistcnn",
    deadline=None,  # the first example of a test includes imports
    print_blob=True,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,  # those fixtures are stateless
        hypothesis.HealthCheck.too_slow,
    ],
)
hypothesis.settings.load_profile("mnistcnn")


@pytest.fixture(autouse=True)
def _default_sigint():
    """Enable SIGINT, which processes in the background ignore."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.fixture(autouse=True)
def _temporary_folder(tmp_path, monkeypatch):
    """Run each test in a temporary folder, without the user's data or cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNISTCNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def digits():
    return mnistcnn.load_data("digits")


@pytest.fixture(scope="session")
def xy(digits):
    """The 355 preprocessed test digits, on which training takes a second."""
    return mnistcnn.preprocess(*digits.test)


@pytest.fixture(scope="session")
def recognizer():
    # The idle threads of a pool spin, and the test processes share the cores.
    return mnistcnn.Recognizer(num_threads=1)


@pytest.fixture(scope="session")
def legible_digits(digits, recognizer):
    """Digits of one component that the network classifies right, with confidence, at any size.

    If one is misread on a page, the cause is not the classification.
    """
    import cv2

    from benchmarks.ocr import synthetic_pages
    from mnistcnn.ocr.classification import classify_with_tta
    from mnistcnn.ocr.digit_crop import digit_crop

    sizes = (32, 44, 60, 84, 120)
    images, labels = (array[:240] for array in digits.train)
    drawings = [synthetic_pages.upscale_digit(image, size) for image in images for size in sizes]
    crops = [
        digit_crop(ink[np.ix_((ink > 0.5).any(axis=1), (ink > 0.5).any(axis=0))])
        for ink in drawings
    ]
    probabilities = classify_with_tta(crops, recognizer.predict_proba)
    confidences = probabilities.reshape(len(images), len(sizes), 10)[
        np.arange(len(images)), :, labels
    ]
    num_components = np.array(
        [
            cv2.connectedComponents((ink > 0.4).astype(np.uint8), connectivity=8)[0]
            for ink in drawings
        ]
    )
    is_whole = (num_components.reshape(len(images), len(sizes)) == 2).all(axis=1)
    legible = is_whole & (confidences.min(axis=1) > 0.97)
    assert set(labels[legible]) == set(range(10))
    return mnistcnn.Split(images[legible], labels[legible])


@pytest.fixture(scope="session")
def page(legible_digits):
    """A small, clean page of three lines that must be read without an error."""
    from benchmarks.ocr import synthetic_pages

    style = replace(
        synthetic_pages.PAGE_STYLES["clean"], height=(40, 40), lines=(3, 3), digits_per_line=(3, 5)
    )
    return synthetic_pages.draw_page(*legible_digits, np.random.default_rng(0), style)


@pytest.fixture(scope="session")
def network():
    """A model that tests must not train or change."""
    return mnistcnn.build_model(seed=0)


@pytest.fixture(scope="session")
def tiny(digits):
    """A data set of eight training and eight test images."""
    return mnistcnn.Dataset(*(mnistcnn.Split(s.images[:8], s.labels[:8]) for s in digits))


@pytest.fixture
def shipped_files(tmp_path, monkeypatch):
    """A copy of the folder of pretrained weights, which the package then reads from."""
    copy = tmp_path / "assets"
    shutil.copytree(pretrained.FOLDER, copy)
    monkeypatch.setattr(pretrained, "FOLDER", copy)
    return copy


@pytest.fixture
def write_npz(tmp_path):
    """A function that writes a data set as an .npz file; arrays can be replaced or omitted (None)."""

    def write(dataset, name="data.npz", **replaced):
        (x_train, y_train), (x_test, y_test) = dataset
        arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
        arrays = {k: v for k, v in {**arrays, **replaced}.items() if v is not None}
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **arrays)
        return path

    return write


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def small_mnist(tiny, monkeypatch):
    """Make `load_data` accept `tiny` as MNIST."""
    change_named(monkeypatch, array_md5=idx_md5s(tiny))
    return tiny


@pytest.fixture
def mirrors(small_mnist, server, monkeypatch, write_npz):
    """A local server with three mirrors of `small_mnist`, one of npz and two of IDX files."""
    npz = write_npz(small_mnist, "mirror.npz").read_bytes()
    idx = {
        f"{name}.gz": gzip.compress(encode_idx(array))
        for name, array in zip(IDX_NAMES, arrays_of(small_mnist), strict=True)
    }
    contents = [{"mnist.npz": npz}, idx, idx]
    mirrors = []
    for number, files in enumerate(contents):
        server.files |= {f"{number}/{name}": content for name, content in files.items()}
        sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        mirrors.append(download.Mirror(f"{server.address}{number}/", sha256))
    change_named(monkeypatch, mirrors=tuple(mirrors))
    monkeypatch.setattr(http_client, "STALL_TIMEOUT", 1)
    return server


MNIST = os.environ.get("MNISTCNN_DATA")


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="needs MNIST: MNISTCNN_DATA is not set")
    for item in items:
        if "mnist" in item.keywords and not MNIST:
            item.add_marker(skip)


@pytest.fixture
def mnist_path():
    return MNIST
