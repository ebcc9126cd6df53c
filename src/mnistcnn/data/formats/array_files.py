"""Data sets whose arrays lie in a file each: IDX, ``.npy``, or ``.npz`` with a single array.

The name of a file says what it holds. Known are the names of MNIST, EMNIST, QMNIST and KMNIST,
each plain or gzipped, in one folder, in a folder per file as on Kaggle, in the folders of
torchvision, or in a zip archive.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.formats.detection import HEAD_BYTES, detect_format
from mnistcnn.data.formats.file_sets import FileSet
from mnistcnn.data.formats.idx import read_idx_stream
from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.data.formats.npz import read_npy, read_npz_archive
from mnistcnn.data.formats.raw import AmbiguousDataError, PartName, RawDataset, RawSplit, pair_parts
from mnistcnn.data.formats.roles import Kind, Part, role_of
from mnistcnn.data.formats.streams import decompressed
from mnistcnn.errors import CorruptFileError, DataUnavailableError
from mnistcnn.utils.safe_read import open_zip
from mnistcnn.utils.text import MAX_NAME_CHARS, escape, quote_names

_CANDIDATE = re.compile(r"idx|ubyte|\.npy$|\.npy\.gz$|\.npz$", re.IGNORECASE)
# Folders that do not distinguish data sets.
_NEUTRAL_FOLDERS = ("raw", "gzip")
_QMNIST_COLUMNS = 8  # the first of which is the class
_Found: TypeAlias = Mapping[tuple[Part | None, Kind], str]


class Group(NamedTuple):
    """What the files of one data set have in common: their folder and the prefix of their names."""

    folder: str
    prefix: str

    def __str__(self) -> str:
        return "/".join(filter(None, self)) or "."


def find_groups(names: Sequence[str]) -> dict[Group, dict[tuple[Part | None, Kind], str]]:
    """Return the files that may hold arrays, by data set and role."""
    groups: dict[Group, dict[tuple[Part | None, Kind], str]] = {}
    # Of a file that is there twice, the shortest name is that of the plain one.
    for name in sorted(names, key=lambda name: (len(name), name)):
        path = PurePosixPath(name)
        role = role_of(path.name)
        if role.kind is not None and _CANDIDATE.search(path.name):
            group = Group(_folder_of(path), role.prefix)
            groups.setdefault(group, {}).setdefault((role.part, role.kind), name)
    return groups


def _folder_of(path: PurePosixPath) -> str:
    parts = list(path.parts[:-1])
    while parts and (parts[-1].lower() in _NEUTRAL_FOLDERS or is_folder_of_a_file(parts[-1])):
        parts.pop()
    return "/".join(parts)


def is_folder_of_a_file(name: str) -> bool:
    """Return whether a folder is named like the IDX file in it, as on Kaggle."""
    return "idx" in name and role_of(name).kind is not None


def choose_group(files: FileSet, groups: Mapping[Group, _Found]) -> Group:
    """Return the only complete data set.

    Raises
    ------
    DataUnavailableError
        If none is complete.
    ValueError
        If there are several.
    """
    complete = sorted(group for group, found in groups.items() if _is_complete(found, group))
    if not complete:
        largest = max(groups, key=lambda group: len(groups[group]))
        _pair(files, groups[largest], largest)  # raises
    if len(complete) > 1:
        example = min(groups[complete[0]].values())
        raise AmbiguousDataError(
            f"{escape(files.path)} must hold one data set; it holds {len(complete)}: "
            f"{quote_names([str(group) for group in complete])}. Pass the path of a folder or of "
            f"a file of one, such as {escape(files.path / example)}"
        )
    return complete[0]


def read_group(files: FileSet, group: Group, found: _Found) -> RawDataset:
    """Read the arrays of a data set."""
    parts = _pair(files, found, group)
    limit = files.limit([name for pair in parts.values() for name in pair])
    splits, formats = {}, []
    for part, (images_name, labels_name) in parts.items():
        images, image_format = _read_array(files, images_name, limit)
        labels, label_format = _read_array(files, labels_name, limit)
        if labels.ndim == 2 and labels.shape[1] == _QMNIST_COLUMNS and labels.dtype == ">i4":
            labels = labels[:, 0]
        splits[part] = RawSplit(images, labels)
        formats += [image_format, label_format]
    return RawDataset(f"{' and '.join(sorted(set(formats)))} files", splits, name=group.prefix)


def _is_complete(found: _Found, group: Group) -> bool:
    try:
        pair_parts(found, _speller(group))
    except ValueError:
        return False
    return True


def _pair(files: FileSet, found: _Found, group: Group) -> dict[PartName, tuple[str, str]]:
    try:
        return pair_parts(found, _speller(group))
    except ValueError as error:
        reason = str(error).removeprefix("it ")
        raise DataUnavailableError(f"{escape(files.path)} {reason}") from None


def _speller(group: Group) -> Callable[[Part, Kind], str]:
    prefix = escape(group.prefix, limit=MAX_NAME_CHARS)

    def spell(part: Part, kind: Kind) -> str:
        # MNIST has another name for the test set than all others.
        words = ["train" if part == "train" else "test" if group.prefix else "t10k", kind]
        return "-".join(
            filter(None, [prefix, *words, "idx3" if kind == "images" else "idx1", "ubyte"])
        )

    return spell


def _read_array(files: FileSet, name: str, limit: UnpackingLimit) -> tuple[NDArray[Any], str]:
    with files.open(name) as raw:
        try:
            stream = decompressed(raw)
            format_name = detect_format(stream.peek(HEAD_BYTES))
            if format_name == "idx":
                return read_idx_stream(stream, limit), "IDX"
            if format_name == "npy":
                return read_npy(stream, limit), ".npy"
            if format_name == "zip" and isinstance(raw, io.FileIO):
                raw.seek(0)
                with open_zip(raw) as archive:
                    array = read_npz_archive(archive, limit)
                if isinstance(array, np.ndarray):
                    return array, ".npz"
            raise ValueError("it must hold one array")
        except Exception as error:  # zlib and NumPy raise different exceptions for damaged files
            raise CorruptFileError(
                f"{escape(files.path / name)} is not a valid IDX or NumPy file: {escape(error)}"
            ) from error
