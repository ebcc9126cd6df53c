"""Names of files and arrays say what they hold."""

import time

import pytest

from mnistcnn.data.formats.roles import part_of_folder, role_of


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


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train", "train"), ("Testing", "test"), ("trainingSet", "train"), ("val_images", "validation"),
        ("t10k", "test"), ("7", None), ("images", None), ("trainingSample", None), ("train_test", None),
        ("", None),
    ],
)  # fmt: skip
def test_part_of_a_folder(name, expected):
    assert part_of_folder(name) == expected


def test_time_is_linear_in_the_number_of_suffixes():
    start = time.process_time()
    for suffix in (".gz", ".idx3-ubyte"):
        assert role_of("images" + suffix * 5_000).kind == "images"
    assert time.process_time() - start < 1
