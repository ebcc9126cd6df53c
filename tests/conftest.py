"""What many tests share. Keras is imported, and a network built, once per session."""

import os

import hypothesis
import numpy as np
import pytest

import mnistcnn

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
def network():
    """A network that no test may train; build another where weights must change."""
    return mnistcnn.build_model(seed=0)


@pytest.fixture(scope="session")
def tiny(digits):
    """Eight images for each part, as a user's own data set."""
    return mnistcnn.Dataset(*(mnistcnn.Split(s.images[:8], s.labels[:8]) for s in digits))


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


MNIST = os.environ.get("MNISTCNN_DATA")


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="MNISTCNN_DATA is not set: no real MNIST to train on")
    for item in items:
        if "slow" in item.keywords and not MNIST:
            item.add_marker(skip)


@pytest.fixture
def mnist_path():
    return MNIST
