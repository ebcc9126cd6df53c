"""The files that may make up a data set: those of a folder, or the members of a zip archive."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.errors import CorruptFileError
from mnistcnn.utils.safe_read import Readable, data_size, member_size, open_regular
from mnistcnn.utils.text import escape

MAX_FILES = 500_000
_MAX_DEPTH = 5


class FileSet(Protocol):
    """Files by their names relative to a folder or archive.

    Attributes
    ----------
    path : Path
        The folder or archive.
    names : sequence of str
        Names of the files with forward slashes.
    """

    path: Path
    names: Sequence[str]

    def open(self, name: str) -> AbstractContextManager[Readable]:
        """Open a file."""

    def limit(self, names: Sequence[str]) -> UnpackingLimit:
        """Return the limit on what these files may unpack to."""


class NamedFiles:
    """Regular files that the user named, or that belong to a named one; links are followed."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        self.names = names

    @contextmanager
    def open(self, name: str) -> Iterator[io.FileIO]:
        """Open a file."""
        with open_regular(self.path / name) as file:
            yield file

    def limit(self, names: Sequence[str]) -> UnpackingLimit:
        """Return the limit on what these files may unpack to."""
        size = 0
        for name in names:
            with self.open(name) as file:
                size += data_size(file)
        return UnpackingLimit(size)


class FolderFiles(NamedFiles):
    """The regular files of a folder and of the folders in it.

    Hidden files are left out. Links are followed to files in the same folder only.

    Raises
    ------
    CorruptFileError
        If a link leads out of the folder or to a folder, or there are too many files.
    """

    def __init__(self, path: Path, *, depth: int = _MAX_DEPTH) -> None:
        super().__init__(path, [])
        self._root = Path(os.path.realpath(path))
        self.names = sorted(self._walk(depth))

    @contextmanager
    def open(self, name: str) -> Iterator[io.FileIO]:
        """Open a file."""
        path = self.path / name
        if path.is_symlink():
            path = self._target(path)
        with open_regular(path, follow_links=False) as file:
            yield file

    def _walk(self, depth: int) -> Iterator[str]:
        count = 0
        folders = [PurePosixPath()]
        while folders:
            folder = folders.pop()
            with os.scandir(self.path / folder) as entries:
                for entry in entries:
                    count += 1
                    if count > MAX_FILES:
                        raise CorruptFileError(
                            f"{self.path} must hold at most {MAX_FILES:,} files; it holds more"
                        )
                    if _is_hidden(entry.name):
                        continue
                    if entry.is_symlink():
                        self._target(Path(entry.path))
                    if entry.is_file():
                        yield str(folder / entry.name)
                    elif entry.is_dir() and len(folder.parts) + 1 < depth:
                        folders.append(folder / entry.name)

    def _target(self, link: Path) -> Path:
        target = Path(os.path.realpath(link))
        if target.is_dir() or not target.is_relative_to(self._root):
            raise CorruptFileError(
                f"{escape(link)} must not be a link to a folder or out of {self.path}: "
                "replace it by a copy"
            )
        return target


class ZipFiles:
    """The members of a zip archive, which must be stored or deflated."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, limit: UnpackingLimit) -> None:
        self.path = path
        self._archive, self._limit = archive, limit
        self.names: Sequence[str] = sorted(
            name
            for name in archive.namelist()
            if not name.endswith("/") and not any(map(_is_hidden, name.split("/")))
        )

    @contextmanager
    def open(self, name: str) -> Iterator[Readable]:
        """Open a member; raise ``ValueError`` if it is larger than the limit of the archive."""
        self._limit.check(member_size(self._archive, name))
        with self._archive.open(name) as file:
            yield file

    def limit(self, names: Sequence[str]) -> UnpackingLimit:  # noqa: ARG002  # of the archive
        """Return the limit on what all members together may unpack to."""
        return self._limit


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
