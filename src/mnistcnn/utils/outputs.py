"""Checks that an output replaces no input, and unasked no file of another program."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from mnistcnn.errors import CorruptFileError
from mnistcnn.utils.safe_read import open_regular
from mnistcnn.utils.text import escape

_MARKER_BYTES = 4096  # in which a marker is, at the beginning or end of a file
# How files of this package begin, and what else is in their first or last bytes. A word alone
# would also be in the notes of a user.
_MARKERS = (
    (rb"\x89PNG\r\n", rb"tEXtSoftware\0mnistcnn"),
    (rb"<!doctype html>", rb'<meta name="generator" content="mnistcnn">'),
    (rb"%PDF-", rb"/Creator \(mnistcnn\)"),
    (rb"\{", rb'\A\{\s*("command": "\w+",\s*)?"versions": \{[^{}]*"mnistcnn": "'),
)
_DATA_NAME = re.compile(
    r"\.(npz|npy|csv|tsv|gz|zip|bz2|png|jpe?g|bmp|gif|tiff?|webp|p[bgp]m|pdf|hei[cf])$|idx|ubyte",
    re.IGNORECASE,
)


def check_not_input(output: Path, inputs: Iterable[Path]) -> None:
    """Check that `output` is none of the files `inputs`, whatever their names.

    Of an input that is a folder, the files of data in it count.

    Raises
    ------
    FileExistsError
        If it is one of them.
    """
    for path in inputs:
        if _same_file(output, path):
            raise FileExistsError(
                f"an output must not replace an input; the output {escape(output)} "
                f"is the input {escape(path)}"
            )


def check_own_file(output: Path, *, own: bool | None = None) -> None:
    """Check that `output` does not exist or was written by this package.

    This is for outputs whose name the user did not give. `own` is whether an existing file is of
    this package, by default the result of `is_own_file`.

    Raises
    ------
    FileExistsError
        If it exists and is not such a file.
    """
    if os.path.lexists(output) and not (is_own_file(output) if own is None else own):
        raise FileExistsError(
            f"{escape(output)} must not exist or be a file that mnistcnn wrote; "
            "received another file: move it or choose another output"
        )


def is_own_file(path: Path) -> bool:
    """Return whether a file has the marker of the PNG, HTML, PDF and JSON files of this package."""
    try:
        with open_regular(path, follow_links=False) as file:
            head = file.read(_MARKER_BYTES)
            # Matplotlib writes the metadata of a PDF last.
            file.seek(max(0, file.seek(0, os.SEEK_END) - _MARKER_BYTES))
            tail = file.read(_MARKER_BYTES)
            return any(
                re.match(begin, head) and any(re.search(marker, part) for part in (head, tail))
                for begin, marker in _MARKERS
            )
    except (OSError, CorruptFileError):  # absent, unreadable, a link or not a regular file
        return False


def _same_file(output: Path, path: Path) -> bool:
    try:
        return output.samefile(path) or (path.is_dir() and _is_data_in(output, path))
    except OSError:  # one of them does not exist
        return False


def _is_data_in(output: Path, folder: Path) -> bool:
    """Return whether a file is one of the files of data in a folder or the folders in it."""
    if is_own_file(output):  # such as a figure in a folder of results beside the data
        return False
    inode = output.stat().st_ino
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                # The inode of a link is its own.
                elif (
                    (entry.inode() == inode or entry.is_symlink())
                    and _DATA_NAME.search(entry.name)
                    and output.samefile(entry.path)
                ):
                    return True
    return False
