"""Names of files and arrays say what they hold."""

import time

import pytest

from mnistcnn.data.formats.roles import role_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train-images-idx3-ubyte.gz", ("", "train", "images")),
        ("x_train.npy", ("", "train", "images")),
        ("letters.test.labels.npy.gz", ("letters", "test", "labels")),
        ("train-labels.idx1-ubyte.gz.gz", ("", "train", "labels")),
        (".gz", ("gz", None, None)),
        ("", ("", None, None)),
    ],
)
def test_role(name, expected):
    assert role_of(name) == expected


def test_time_is_linear_in_the_number_of_suffixes():
    start = time.process_time()
    for suffix in (".gz", ".idx3-ubyte"):
        assert role_of("images" + suffix * 5_000).kind == "images"
    assert time.process_time() - start < 1
