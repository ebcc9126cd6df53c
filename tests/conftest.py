"""What many tests share. Keras is imported, and a network built, once per session."""

import gzip
import hashlib
import os
import shutil
import signal
import threading
from dataclasses import replace

import cv2
import hypothesis
import numpy as np
import pytest

import mnistcnn
from benchmarks.ocr import synthetic_pages
from mnistcnn.data import download, load
from mnistcnn.data.formats import IDX_NAMES, encode_idx
from mnistcnn.ocr.classification import classify_with_tta
from mnistcnn.ocr.components import Component
from mnistcnn.weights import pretrained
from tests.helpers.http_server import Server, arrays_of, idx_md5s

hypothesis.settings.register_profile(
    "mnistcnn",
    deadline=None,  # the first example of a test pays for imports
    print_blob=True,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,  # the fixtures used hold no state
        hypothesis.HealthCheck.too_slow,
    ],
)
hypothesis.settings.load_profile("mnistcnn")


@pytest.fixture(autouse=True)
def ctrl_c():
    """Let Ctrl-C be heard, also where the tests run in the background, which ignores it."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Run each test in a folder of its own, without the user's data or cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNISTCNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def digits():
    return mnistcnn.load_data("digits")


@pytest.fixture(scope="session")
def xy(digits):
    """The 355 test digits, preprocessed: small enough to train on in a second."""
    return mnistcnn.preprocess(*digits.test)


@pytest.fixture(scope="session")
def recognizer():
    return mnistcnn.Recognizer()


@pytest.fixture(scope="session")
def easy_digits(digits, recognizer):
    """Digits in one piece that the network knows at any size: a mistake is the reader's own."""
    images, labels = (part[:240] for part in digits.train)
    sizes = (32, 44, 60, 84, 120)
    drawn = [synthetic_pages.upscale_digit(image, size) for image in images for size in sizes]
    parts = [Component(0, 0, ink[np.ix_((ink > 0.5).any(1), (ink > 0.5).any(0))]) for ink in drawn]
    answers = classify_with_tta([part.digit_crop() for part in parts], recognizer.predict_proba)
    answers = answers.reshape(len(images), len(sizes), 10)
    sure = answers[np.arange(len(images)), :, labels].min(axis=1) > 0.97
    count = len(sizes)
    whole = [all(map(in_one_piece, drawn[i * count : (i + 1) * count])) for i in range(len(images))]
    chosen = sure & np.array(whole)
    assert set(labels[chosen]) == set(range(10))
    return mnistcnn.Split(images[chosen], labels[chosen])


def in_one_piece(ink):
    return cv2.connectedComponents((ink > 0.4).astype(np.uint8), connectivity=8)[0] == 2


@pytest.fixture(scope="session")
def page(easy_digits):
    """A small easy page of three lines whose text the reader is expected to find."""
    look = replace(
        synthetic_pages.PAGE_STYLES["clean"], height=(40, 40), lines=(3, 3), digits_per_line=(3, 5)
    )
    return synthetic_pages.draw_page(*easy_digits, np.random.default_rng(0), look)


@pytest.fixture(scope="session")
def network():
    """A network that no test may train; build another where weights must change."""
    return mnistcnn.build_model(seed=0)


@pytest.fixture(scope="session")
def tiny(digits):
    """Eight images for each part, as a user's own data set."""
    return mnistcnn.Dataset(*(mnistcnn.Split(s.images[:8], s.labels[:8]) for s in digits))


@pytest.fixture
def shipped_files(tmp_path, monkeypatch):
    """A copy of the folder of shipped files, from which the package reads them."""
    copy = tmp_path / "assets"
    shutil.copytree(pretrained.FOLDER, copy)
    monkeypatch.setattr(pretrained, "FOLDER", copy)
    return copy


@pytest.fixture
def write_npz(tmp_path):
    """Write a data set as Keras' npz file, with any array replaced or (None) left out."""

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
    """Let eight images a part pass for MNIST, so that no test needs the real one."""
    monkeypatch.setattr(load, "_MNIST_MD5", idx_md5s(tiny))
    return tiny


@pytest.fixture
def mirrors(small_mnist, server, monkeypatch, write_npz):
    """Three mirrors of it on a local server, as the real ones are: one npz, two IDX."""
    npz = write_npz(small_mnist, "mirror.npz").read_bytes()
    idx = {
        f"{name}.gz": gzip.compress(encode_idx(array))
        for name, array in zip(IDX_NAMES, arrays_of(small_mnist), strict=True)
    }
    contents = [{"mnist.npz": npz}, idx, idx]
    made = []
    for number, files in enumerate(contents):
        server.files |= {f"{number}/{name}": content for name, content in files.items()}
        sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        made.append(download.Mirror(f"{server.address}{number}/", sha256))
    monkeypatch.setattr(download, "MIRRORS", tuple(made))
    monkeypatch.setattr(download, "STALL_TIMEOUT", 1)
    return server


MNIST = os.environ.get("MNISTCNN_DATA")


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="MNISTCNN_DATA is not set: no real MNIST to train on")
    for item in items:
        if "mnist" in item.keywords and not MNIST:
            item.add_marker(skip)


@pytest.fixture
def mnist_path():
    return MNIST
