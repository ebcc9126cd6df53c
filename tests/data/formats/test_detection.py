"""Formats that are recognized by content, and the way out for those that are not read."""

import gzip
import io
import pickle
import tarfile
from shutil import make_archive
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mnistcnn import CorruptFileError, DataUnavailableError, load_data

ARRAYS = np.zeros((2, 784), np.float32), np.zeros(2, np.int64)


def mat():
    buffer = io.BytesIO()
    savemat(buffer, {"data": ARRAYS[0], "label": ARRAYS[1]})
    return buffer.getvalue()


def tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return buffer.getvalue()


def picture(kind):
    buffer = io.BytesIO()
    Image.new("L", (28, 28)).save(buffer, kind)
    return buffer.getvalue()


PICKLE = r'it is a pickle, which is never loaded because it can run any code. mnist.pkl.gz holds MNIST: use load_data\("mnist"\). If you trust the file, unpickle it in a program of your own and save the arrays with numpy.savez'
FOREIGN = {
    "mnist.pkl": (lambda: pickle.dumps((ARRAYS, ARRAYS), 2), PICKLE),
    "old.pkl": (lambda: pickle.dumps((ARRAYS, ARRAYS), 0), PICKLE),
    "new.pkl": (lambda: pickle.dumps({"x": ARRAYS}, 5), PICKLE),
    "mnist-original.mat": (mat, "it is a MATLAB file, which is not read. Read it with scipy.io.loadmat and save the arrays with numpy.savez"),
    "new.mat": (lambda: b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(600), "it is an HDF5 or MATLAB 7.3 file, which is not read. Read it with h5py"),
    "a.h5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(600), "it is an HDF5 or MATLAB 7.3 file"),
    "a.parquet": (lambda: b"PAR1" + bytes(600), "it is a Parquet file, which is not read. Read it with pandas.read_parquet"),
    "a.arff": (lambda: b"% MNIST\n\n@RELATION mnist_784\n", "it is an ARFF file, which is not read. Delete the lines before the first row"),
    "a.bz2": (lambda: b"BZh91AY&SY", "it is compressed by another method than gzip or zip: decompress it first"),
    "a.7z": (lambda: b"7z\xbc\xaf\x27\x1c", "it is compressed by another method"),
    "a.tar": (tar, "it is a tar archive: unpack it and pass the folder"),
    "a.png": (lambda: picture("PNG"), r"it is a single picture. To read the digits in it, use Recognizer\(\).read; a data set of pictures is a folder with a folder of pictures for each class"),
    "a.jpg": (lambda: picture("JPEG"), "it is a single picture"),
    "a.tif": (lambda: picture("TIFF"), "it is a single picture"),
    "a.html": (lambda: b"\n<!DOCTYPE html>", "it is a web page: the download of the file may have failed"),
    "a.json": (lambda: b'{"pixels": [[0, 1]]}', "it is a JSON file, which is not read. Read it with pandas.read_json"),
    "utf16.csv": (lambda: "label,pixel0\n".encode("utf-16"), "it is text in UTF-16: save it as CSV in UTF-8"),
    "empty": (lambda: b"", "a data set must be an .npz, IDX or CSV file, a zip of these, or a folder; it is empty"),
    "zeros": (lambda: bytes(99), r"a data set must be an .npz, IDX or CSV file, a zip of these, or a folder; it begins with b'\\x00\\x00"),
}  # fmt: skip


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", FOREIGN)
def test_the_error_has_the_reason_and_a_way_out(name, compress, tmp_path):
    make, message = FOREIGN[name]
    path = tmp_path / (f"{name}.gz" if compress else name)
    path.write_bytes(gzip.compress(make()) if compress else make())
    with pytest.raises(CorruptFileError, match=message) as error:
        load_data(path)
    assert str(path) in str(error.value)


def test_an_archive_that_is_gzipped(tiny, write_npz, tmp_path):
    path = tmp_path / "a.npz.gz"
    path.write_bytes(gzip.compress(write_npz(tiny).read_bytes()))
    with pytest.raises(CorruptFileError, match="a zip archive must not be gzipped"):
        load_data(path)


def test_a_suffix_does_not_matter(tiny, write_npz, tmp_path):
    write_npz(tiny).rename(tmp_path / "data.csv")
    assert len(load_data(tmp_path / "data.csv").test.labels) == 8


@pytest.mark.parametrize("compress", [False, True])
def test_a_folder_or_archive_of_such_a_file_says_why(compress, tmp_path):
    """NIST distributes EMNIST as matlab.zip."""
    folder = tmp_path / "matlab"
    folder.mkdir()
    (folder / "README.txt").write_text("EMNIST")
    (folder / "emnist-digits.mat").write_bytes(mat())
    path = make_archive(tmp_path / "matlab", "zip", folder) if compress else folder
    message = r"it holds 2 files, none of these\. 'emnist-digits\.mat': it is a MATLAB file, which is not read\. Read it with scipy\.io\.loadmat"
    with pytest.raises(CorruptFileError if compress else DataUnavailableError, match=message):
        load_data(path)


def test_a_file_of_torch_save_is_a_pickle(tmp_path):
    with ZipFile(tmp_path / "training.pt", "w") as archive:
        archive.writestr("training/data.pkl", pickle.dumps([1], 2))
        archive.writestr("training/data/0", bytes(784))
    with pytest.raises(
        CorruptFileError, match="'training/data.pkl': it is a pickle, which is never"
    ):
        load_data(tmp_path / "training.pt")
