"""Data sets in CSV files: one of all images, or one of the training and one of the test set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypeAlias

from mnistcnn.data.formats.csv_table import MAX_LINE_BYTES, CsvTable, count_columns, read_csv
from mnistcnn.data.formats.file_sets import FileSet
from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.data.formats.raw import AmbiguousDataError, PartName, RawDataset, RawSplit
from mnistcnn.data.formats.roles import role_of
from mnistcnn.data.formats.streams import check_unpacked_size, decompressed, peek_content
from mnistcnn.errors import CorruptFileError
from mnistcnn.types import NUM_PIXELS
from mnistcnn.utils.text import escape, quote_names

_SUFFIX = re.compile(r"\.(csv|tsv)(\.gz)?$", re.IGNORECASE)
_UNLABELED = (
    "it must have a column of labels; it has 784 columns of pixels only. To classify its images, "
    "pass them to preprocess: preprocess(pandas.read_csv(path))"
)
_Found: TypeAlias = Mapping[PartName, str]


def find_csv_files(files: FileSet) -> list[str]:
    """Return the names of the CSV files that have columns of pixels."""
    return [name for name in files.names if _SUFFIX.search(name) and _has_pixels(files, name)]


def read_csv_files(files: FileSet, names: Sequence[str]) -> RawDataset:
    """Read the only CSV file, or the one of the training and the one of the test set.

    A test set without labels, as in Kaggle's competition, is left out.

    Raises
    ------
    CorruptFileError
        If a file is damaged or has no labels.
    ValueError
        If there are files of several data sets.
    """
    found = _by_part(files, names)
    limit = files.limit(list(found.values()))
    parts: dict[PartName, RawSplit] = {}
    notes, descriptions = [], []
    for part, name in found.items():
        table = _read_table(files, name, limit, needs_labels=len(found) == 1 or part != "test")
        if table.labels is None:
            notes.append(f"{name} has no labels and is left out")
        else:
            parts[part] = RawSplit(table.images, table.labels)
            descriptions.append(table.description)
    prefix = role_of(PurePosixPath(names[0]).name).prefix
    return RawDataset("; ".join(dict.fromkeys(descriptions)), parts, name=prefix, notes=notes)


def to_raw_dataset(table: CsvTable, name: str) -> RawDataset:
    """Return the content of a single CSV file; raise ``ValueError`` if it has no labels."""
    if table.labels is None:
        raise ValueError(_UNLABELED)
    parts: dict[PartName, RawSplit] = {"all": RawSplit(table.images, table.labels)}
    return RawDataset(table.description, parts, name=role_of(name).prefix)


def _by_part(files: FileSet, names: Sequence[str]) -> _Found:
    if len(names) == 1:
        return {"all": names[0]}
    found: dict[PartName, str] = {}
    for name in names:
        part = role_of(PurePosixPath(name).name).part
        if part not in ("train", "test") or part in found:
            raise AmbiguousDataError(
                f"{escape(files.path)} must hold one CSV file, or a train and a test file; "
                f"it holds {quote_names(names)}. Pass the path of one"
            )
        found[part] = name
    return {part: found[part] for part in ("train", "test")}


def _has_pixels(files: FileSet, name: str) -> bool:
    with files.open(name) as raw:
        try:
            head = peek_content(raw, MAX_LINE_BYTES)
        except Exception:  # noqa: BLE001  # a damaged file is reported when it is read
            return True
    return count_columns(head.partition(b"\n")[0]) >= NUM_PIXELS


def _read_table(
    files: FileSet, name: str, limit: UnpackingLimit, *, needs_labels: bool
) -> CsvTable:
    with files.open(name) as counted, files.open(name) as raw:
        try:
            check_unpacked_size(decompressed(counted), limit)
            table = read_csv(decompressed(raw), limit)
            if needs_labels and table.labels is None:
                raise ValueError(_UNLABELED)
        except Exception as error:  # zlib raises others than ValueError
            raise CorruptFileError(
                f"{escape(files.path / name)} is not a valid CSV file: {escape(error, limit=400)}"
            ) from error
    return table
