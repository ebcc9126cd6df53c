"""Data sets that are far larger than they look are rejected with little memory and time."""

import gzip
import os
import shutil

import pytest

from tests.security.test_special_files import read_with_limits

pytestmark = pytest.mark.slow

ROW = b"5," + b",".join([b"0"] * 784) + b"\n"
GIGABYTES = 10


@pytest.fixture
def million_files(tmp_path):
    """A folder of a class with a million empty pictures, removed after the test."""
    folder = tmp_path / "data/5"
    folder.mkdir(parents=True)
    for number in range(1_000_000):
        os.close(os.open(folder / f"{number}.png", os.O_CREAT | os.O_WRONLY))
    yield folder.parent
    shutil.rmtree(folder)


def read(path, tmp_path):
    (result,) = read_with_limits(tmp_path, [["data", str(path)]])
    return result


def test_ten_gigabytes_of_csv_in_a_small_gzip_file(tmp_path):
    rows = ROW * ((100 << 20) // len(ROW))
    member = gzip.compress(rows, 9)
    with (tmp_path / "train.csv.gz").open("wb") as file:
        for _ in range(GIGABYTES * 10):
            file.write(member)
    size = (tmp_path / "train.csv.gz").stat().st_size
    assert size < 20 << 20
    error, message, processor, _ = read(tmp_path / "train.csv.gz", tmp_path)
    assert error == "CorruptFileError", message
    assert f"it must unpack to at most {25 * size:,} bytes; it has at least " in message
    assert processor < 10, processor


@pytest.mark.release
def test_a_folder_of_a_million_files(million_files, tmp_path):
    error, message, processor, _ = read(million_files, tmp_path)
    assert error == "CorruptFileError", message
    assert message.endswith("data must hold at most 500,000 files; it holds more")
    assert processor < 10, processor
