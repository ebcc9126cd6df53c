"""Reading of a data set from any file or folder; the format is recognized by the content."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

from mnistcnn.data.formats.array_files import (
    choose_group,
    find_groups,
    is_folder_of_a_file,
    read_group,
)
from mnistcnn.data.formats.csv_files import find_csv_files, read_csv_files, to_raw_dataset
from mnistcnn.data.formats.csv_table import read_csv
from mnistcnn.data.formats.detection import HEAD_BYTES, Format, detect_format, why_rejected
from mnistcnn.data.formats.file_sets import MAX_FILES, FileSet, FolderFiles, NamedFiles, ZipFiles
from mnistcnn.data.formats.image_folder import PICTURE_SUFFIXES, find_pictures, read_pictures
from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.data.formats.npz import is_npz, read_npz_archive
from mnistcnn.data.formats.raw import AmbiguousDataError, RawDataset
from mnistcnn.data.formats.streams import LookaheadReader, check_unpacked_size, decompressed
from mnistcnn.errors import CorruptFileError, DataUnavailableError
from mnistcnn.utils.safe_read import data_size, open_regular, open_zip
from mnistcnn.utils.text import escape, quote

_FORMAT_NAMES: dict[Format | None, str] = {
    "zip": ".npz or zip data set", "csv": "CSV file", None: "data set",
}  # fmt: skip
_MANY_FILES = 1_000  # more than the files of any data set but one of images
_EXAMINED_FILES = 20  # to explain why a folder holds no data set
_EXPECTED = (
    "must hold a data set: IDX, .npy or CSV files of images and labels, one .npz file, or a "
    "folder of images for each class"
)


def read_raw_dataset(path: Path, *, verbose: bool = False) -> RawDataset:
    """Read a data set from a file or folder; `verbose` shows the progress of reading pictures.

    Raises
    ------
    OSError
        If it can't be read; `DataUnavailableError` if files are missing.
    CorruptFileError
        If a file is damaged, too large, of another format or not a regular file.
    ValueError
        If there are several data sets.
    """
    if path.is_dir():
        return read_folder(FolderFiles(path), verbose=verbose)
    with open_regular(path) as file:
        result = _read_file(path, file)
    return _read_with_siblings(path) if result is None else result


def read_folder(files: FileSet, *, verbose: bool = False) -> RawDataset:
    """Read the data set that these files make up."""
    names = [name for name in files.names if not name.lower().endswith(PICTURE_SUFFIXES)]
    if len(names) <= _MANY_FILES:
        archives = [name for name in names if name.lower().endswith(".npz")]
        groups = find_groups(names)
        if groups and names != archives[:1]:
            group = choose_group(files, groups)
            return read_group(files, group, groups[group])
        # Before the pictures, since plots and examples of the digits may lie beside the table.
        csv_files = find_csv_files(files)
        if csv_files:
            return read_csv_files(files, csv_files)
    pictures = find_pictures(files.names)
    if pictures:
        if isinstance(files, NamedFiles):
            return read_pictures(files, pictures, verbose=verbose)
        raise CorruptFileError(f"{escape(files.path)} is an archive of pictures: unpack it first")
    if len(names) <= _MANY_FILES and len(archives) == 1 and files.path.is_dir():
        return read_raw_dataset(files.path / archives[0])
    raise _no_dataset(files)


def _no_dataset(files: FileSet) -> Exception:
    """Return the error of a folder or archive without a data set, with what is known of a file."""
    count = len(files.names)
    # A folder may get its files yet; an archive without any is not a data set.
    kind = CorruptFileError if isinstance(files, ZipFiles) else DataUnavailableError
    return kind(
        f"{escape(files.path)} {_EXPECTED}; it holds {count:,} file{'s' if count != 1 else ''}, "
        f"none of these{_reason(files)}"
    )


def _reason(files: FileSet) -> str:
    for name in files.names[:_EXAMINED_FILES]:
        try:
            with files.open(name) as raw:
                reason = why_rejected(decompressed(raw).peek(HEAD_BYTES))
        except Exception:  # noqa: BLE001, S112  # a damaged file gives no reason
            continue
        if reason is not None:
            return f". {quote(name)}: {reason}"
    return ""


def _read_file(path: Path, file: io.FileIO) -> RawDataset | None:
    """Return the content of a file, or None if it holds only one of the arrays of a data set."""
    limit = UnpackingLimit(data_size(file))
    kind: Format | None = None
    try:
        raw = LookaheadReader(file)
        is_zip = raw.peek(2) == b"PK"
        stream = decompressed(raw)
        kind = detect_format(stream.peek(HEAD_BYTES))
        if kind == "csv":
            if stream.is_decompressed:
                check_unpacked_size(stream, limit)
                file.seek(0)
                stream = decompressed(file)
            return to_raw_dataset(read_csv(stream, limit), path.name)
        if kind == "zip":
            if not is_zip:
                raise ValueError("a zip archive must not be gzipped")
            file.seek(0)
            return _read_zip(path, file, limit)
    except (CorruptFileError, DataUnavailableError, AmbiguousDataError):
        raise
    except Exception as error:  # zipfile and zlib raise almost any exception for damaged files
        raise CorruptFileError(
            f"{path} is not a valid {_FORMAT_NAMES.get(kind, 'data set')}: "
            f"{escape(error, limit=400)}"
        ) from error
    return None


def _read_zip(path: Path, file: io.FileIO, limit: UnpackingLimit) -> RawDataset | None:
    with open_zip(file) as archive:
        if is_npz(archive.namelist()):
            parts = read_npz_archive(archive, limit)
            return RawDataset(".npz archive", parts) if isinstance(parts, dict) else None
        return read_folder(ZipFiles(path, archive, limit))


def _read_with_siblings(path: Path) -> RawDataset:
    """Read the data set that a file belongs to which holds one of its arrays."""
    in_own_folder = is_folder_of_a_file(path.parent.name)
    base = path.parent.parent if in_own_folder else path.parent
    name = path.relative_to(base).as_posix()
    own = find_groups([name])
    if not own:
        raise CorruptFileError(
            f"{path} holds one array, so its name must say which, such as "
            f"train-images-idx3-ubyte; received {quote(path.name)}"
        )
    ((group, found),) = own.items()
    names = [name, *_files_of(base)]
    if in_own_folder:
        names += [
            f"{folder}/{file}"
            for folder in filter(is_folder_of_a_file, _entries_of(base))
            if (base / folder).is_dir()
            for file in _files_of(base / folder)
        ]
    return read_group(NamedFiles(base, names), group, {**find_groups(names)[group], **found})


def _files_of(folder: Path) -> list[str]:
    return [name for name in _entries_of(folder) if (folder / name).is_file()]


def _entries_of(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            if count >= MAX_FILES:
                raise CorruptFileError(
                    f"{folder} must hold at most {MAX_FILES:,} files; it holds more"
                )
            yield entry.name
