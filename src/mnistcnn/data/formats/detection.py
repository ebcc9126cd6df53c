"""Recognition of file formats by the first bytes, and what to do about those that aren't read."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from mnistcnn.data.formats.idx import is_idx
from mnistcnn.data.formats.npz import NPY_MAGIC
from mnistcnn.utils.text import quote

Format: TypeAlias = Literal["zip", "idx", "npy", "csv"]

HEAD_BYTES = 512
_ACCEPTED = "a data set must be an .npz, IDX or CSV file, a zip of these, or a folder"
# The start of a file as a regular expression, and what it is with the way out.
_REJECTED = {
    rb"\x80[\x02-\x05]|\(*c[\w.]+\n|\([dlt]p": (
        "it is a pickle, which is never loaded because it can run any code. mnist.pkl.gz holds "
        'MNIST: use load_data("mnist"). If you trust the file, unpickle it in a program of your '
        "own and save the arrays with numpy.savez"
    ),
    rb"MATLAB 5\.0 MAT-file": (
        "it is a MATLAB file, which is not read. Read it with scipy.io.loadmat and save the "
        "arrays with numpy.savez"
    ),
    rb"\x89HDF\r\n\x1a\n|MATLAB 7\.3 MAT-file": (
        "it is an HDF5 or MATLAB 7.3 file, which is not read. Read it with h5py and save the "
        "arrays with numpy.savez"
    ),
    rb"PAR1": (
        "it is a Parquet file, which is not read. Read it with pandas.read_parquet and save the "
        "arrays with numpy.savez"
    ),
    rb"(?i)(%[^\n]*\n|\s)*@relation": (
        "it is an ARFF file, which is not read. Delete the lines before the first row to make it "
        "a CSV file"
    ),
    rb"BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd": (
        "it is compressed by another method than gzip or zip: decompress it first"
    ),
    rb".{257}ustar": "it is a tar archive: unpack it and pass the folder",
    rb"\x89PNG|\xff\xd8\xff|GIF8|BM.{8}|II\*\0|MM\0\*|RIFF....WEBP": (
        "it is a single picture. To read the digits in it, use Recognizer().read; a data set of "
        "pictures is a folder with a folder of pictures for each class"
    ),
    rb"\s*[\[{]": (
        "it is a JSON file, which is not read. Read it with pandas.read_json and save the arrays "
        "with numpy.savez"
    ),
    rb"\xff\xfe|\xfe\xff": "it is text in UTF-16: save it as CSV in UTF-8",
    rb"\s*<": "it is a web page: the download of the file may have failed",
}
_TEXT = re.compile(rb"[\x09\x0a\x0d\x20-\x7e\x80-\xff]*")


def detect_format(head: bytes) -> Format:
    """Return the format of a file with the first bytes `head`, decompressed if it is gzipped.

    Raises
    ------
    ValueError
        If it is another format. The message says why it is not read, and a way out.
    """
    if head.startswith(b"PK"):
        return "zip"
    if head.startswith(NPY_MAGIC):
        return "npy"
    if is_idx(head):
        return "idx"
    if not head:
        raise ValueError(f"{_ACCEPTED}; it is empty")
    reason = why_rejected(head)
    if reason is not None:
        raise ValueError(reason)
    if _TEXT.fullmatch(head):
        return "csv"
    raise ValueError(f"{_ACCEPTED}; it begins with {quote(head[:8])}")


def why_rejected(head: bytes) -> str | None:
    """Return what a file of a known format is that is not read, with the way out; or None."""
    for pattern, reason in _REJECTED.items():
        if re.match(pattern, head, re.DOTALL):
            return reason
    return None
