"""Data sets known by name: from the cache, or downloaded to it, and verified."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mnistcnn.data import download
from mnistcnn.data.catalog import NAMED_DATASETS, NamedDataset
from mnistcnn.data.download import Mirror
from mnistcnn.data.files import convert, read_dataset, to_dataset
from mnistcnn.data.formats.array_files import Group, find_groups, read_group
from mnistcnn.data.formats.file_sets import FileSet, NamedFiles, ZipFiles
from mnistcnn.data.formats.idx import IDX_NAMES, encode_idx
from mnistcnn.data.formats.libsvm import read_libsvm
from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.errors import CorruptFileError, DataUnavailableError
from mnistcnn.types import Dataset
from mnistcnn.utils.safe_read import data_size, open_regular, open_zip
from mnistcnn.utils.text import escape, quote

DATA_VARIABLE = "MNISTCNN_DATA"


def default_cache_dir() -> Path | None:
    """Return the default folder of the download, or ``None`` for a user without a home folder."""
    import platformdirs

    try:
        path = platformdirs.user_cache_path("mnistcnn", appauthor=False)
    except RuntimeError:  # a user without a home folder
        return None
    # Older versions of platformdirs return a path that begins with ~ in this case.
    return path if path.is_absolute() else None


def is_cached() -> bool:
    """Return whether this machine seems to have MNIST, so that no download is necessary."""
    cache = default_cache_dir()
    return bool(os.environ.get(DATA_VARIABLE)) or any(
        (cache / name).exists()
        for name in ("mnist.npz", f"{IDX_NAMES[0]}.gz", IDX_NAMES[0])
        if cache is not None
    )


def load_named_dataset(
    name: str, cache_dir: Path | None, *, replace: bool, verbose: bool
) -> Dataset:
    """Return a data set of the catalog, downloaded if it is not in the cache.

    `replace` is whether the download replaces other files of the same names.
    """
    info = NAMED_DATASETS[name]
    value = os.environ.get(DATA_VARIABLE)
    if name == "mnist" and value:
        return _load_variable(value, info)
    if cache_dir is None:
        variable = (
            f", or set {DATA_VARIABLE} to a file or folder that holds MNIST"
            if name == "mnist"
            else ""
        )
        raise DataUnavailableError(
            f"{info.title} is unavailable (there is no home folder for the cache); set HOME or "
            f"XDG_CACHE_HOME, {'' if variable else 'or '}pass cache_dir{variable}"
        )
    folder = cache_dir / info.folder
    cached = _cached(folder, info)
    if cached is not None:
        return cached
    try:
        with download.cache_lock(cache_dir):
            # Another process may have downloaded it in the meantime.
            cached = _cached(folder, info)
            if cached is not None:
                return cached
            folder.mkdir(exist_ok=True)
            mirror = download.fetch(
                info.mirrors, folder, title=info.title, replace=replace, verbose=verbose
            )
            return _read_mirror(folder, info, mirror)
    except DataUnavailableError as error:
        raise DataUnavailableError(
            f"{info.title} is unavailable (not cached; download failed):\n{error}\n"
            f"{_alternatives(name, folder, info)}"
        ) from error


def variable_path(value: str) -> Path:
    """Return the path in the environment variable, with a ``~`` that no shell has expanded."""
    try:
        return Path(value).expanduser()
    except RuntimeError:  # a user without a home folder
        return Path(value)


def _load_variable(value: str, info: NamedDataset) -> Dataset:
    path = variable_path(value)
    if not exists(path):
        raise DataUnavailableError(
            f"{DATA_VARIABLE} must name an existing file or folder; received {quote(value)}"
        )
    return _verify(read_dataset(path), info, value)


def exists(path: Path) -> bool:
    """Return whether a path exists; one that is too long does not."""
    try:
        return path.exists()
    except OSError:
        return False


def _alternatives(name: str, folder: Path, info: NamedDataset) -> str:
    if name == "mnist":
        return (
            f"Put mnist.npz or the four IDX files into {escape(folder)}, "
            f"or set {DATA_VARIABLE} to a file or folder that holds them, "
            'or use the small data set that works offline: load_data("digits").'
        )
    files = " or ".join(dict.fromkeys(", ".join(mirror.files) for mirror in info.mirrors))
    return f"Put {files} into {escape(folder)}, or pass the path of a copy to load_data."


def _cached(folder: Path, info: NamedDataset) -> Dataset | None:
    """Return a data set from the cache, or None if it is absent or damaged."""
    if info.array_md5 is not None:
        return _read_copy(folder, info)
    for mirror in info.mirrors:
        if all(
            download.matches_checksum(folder / name, checksum)
            for name, checksum in mirror.files.items()
        ):
            return _read_mirror(folder, info, mirror)
    return None


def _read_copy(folder: Path, info: NamedDataset) -> Dataset | None:
    """Return a data set that is identified by its arrays, so that its files may be any copies."""
    for path in (folder / "mnist.npz", folder):
        try:
            dataset = _read_folder(folder, info) if path == folder else read_dataset(path)
            return _verify(dataset, info, path)
        except (OSError, ValueError):  # CorruptFileError is one, too
            continue
    return None


def _read_mirror(folder: Path, info: NamedDataset, mirror: Mirror) -> Dataset:
    """Return the data set in the files of a mirror, which lie in a folder of the cache."""
    names = list(mirror.files)
    if names[0].endswith(".bz2"):
        train, test = (read_libsvm(folder / name) for name in names)
        return _verify(Dataset(train, test), info, folder)
    if len(names) > 1:
        return _verify(_read_folder(folder, info, names), info, folder)
    path = folder / names[0]
    if names[0].endswith(".npz"):
        return _verify(read_dataset(path), info, path)
    return _verify(_read_archive(path, info), info, path)


def _read_folder(folder: Path, info: NamedDataset, names: list[str] | None = None) -> Dataset:
    if names is None:
        names = [entry.name for entry in os.scandir(folder) if entry.is_file()]
    return _read_group(NamedFiles(folder, names), info, Group("", info.prefix))


def _read_archive(path: Path, info: NamedDataset) -> Dataset:
    with open_regular(path) as file:
        limit = UnpackingLimit(data_size(file))
        try:
            with open_zip(file) as archive:
                return _read_group(ZipFiles(path, archive, limit), info, Group("", info.prefix))
        except CorruptFileError:
            raise
        except Exception as error:  # zipfile raises almost any exception for damaged files
            raise CorruptFileError(f"{path} is not a valid zip file: {escape(error)}") from error


def _read_group(files: FileSet, info: NamedDataset, group: Group) -> Dataset:
    found = find_groups(files.names).get(group, {})
    raw = read_group(files, group, found)
    conventions = info.conventions
    return to_dataset(files.path, convert(files.path, raw, conventions), conventions)


def _verify(dataset: Dataset, info: NamedDataset, source: object) -> Dataset:
    """Check that the arrays are those of the data set, as far as is known about them."""
    if info.array_md5 is not None:
        arrays = (array for split in dataset for array in split)
        for name, expected, array in zip(IDX_NAMES, info.array_md5, arrays, strict=True):
            md5 = hashlib.md5(encode_idx(array), usedforsecurity=False).hexdigest()
            if md5 != expected:
                raise CorruptFileError(
                    f"{source} must hold {info.title}; the md5 of its {name} is {md5} instead of "
                    f"{expected}"
                )
        return dataset
    num_classes = len(info.conventions.class_names)
    received = tuple(len(split.labels) for split in dataset)
    highest = max(int(split.labels.max(initial=0)) for split in dataset)
    if received != (info.num_train, info.num_test) or highest >= num_classes:
        raise CorruptFileError(
            f"{source} must hold {info.title}: {info.num_train:,} and {info.num_test:,} images of "
            f"{num_classes} classes; received {received[0]:,} and {received[1]:,} images of "
            f"{highest + 1} classes"
        )
    return dataset
