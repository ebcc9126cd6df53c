"""Download of data sets from their mirrors into the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mnistcnn.errors import CorruptFileError, DataUnavailableError
from mnistcnn.notebook.kernel import in_notebook
from mnistcnn.notebook.progress_bar import NotebookProgress
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.lock import file_lock
from mnistcnn.utils.safe_read import open_regular
from mnistcnn.utils.text import escape

RETRY_DELAY = 1.0  # in seconds
LOCK_TIMEOUT = 600
_MAX_FILE_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 18


class Mirror(NamedTuple):
    """A server that has a data set.

    Attributes
    ----------
    base_url : str
        URL of the folder of the files.
    files : dict
        Checksum of each file by its name: the SHA-256, or ``md5:`` and the MD5.
    max_bytes : int
        Largest number of bytes of a response.
    """

    base_url: str
    files: dict[str, str]
    max_bytes: int = _MAX_FILE_BYTES


@contextmanager
def cache_lock(folder: Path) -> Iterator[None]:
    """Lock the cache against other processes; wait while another one holds the lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stack = ExitStack()
        stack.enter_context(file_lock(folder / "lock", timeout=LOCK_TIMEOUT))
    except OSError as error:
        raise DataUnavailableError(
            f"the cache {escape(folder)} is not usable: {escape(error)}"
        ) from error
    with stack:
        yield


def fetch(
    mirrors: Sequence[Mirror], folder: Path, *, title: str, replace: bool, verbose: bool
) -> Mirror:
    """Download the files of the first working mirror; return the mirror.

    Each file is checked against its checksum before it appears under its name. If all mirrors
    fail, those with a server error are tried once more.

    Parameters
    ----------
    mirrors : sequence of Mirror
        Servers, in the order in which they are tried.
    folder : pathlib.Path
        The cache.
    title : str
        Name of the data set in messages.
    replace : bool
        Whether other files of the same names are replaced.
    verbose : bool
        Whether to show a progress bar.

    Raises
    ------
    DataUnavailableError
        If no mirror works (the message lists the error of each), `folder` is not writable or,
        unless `replace`, it holds another file of the same name.
    """
    from mnistcnn.data.http_client import DownloadError

    errors: dict[str, str] = {}
    remaining = list(mirrors)
    for delay in (RETRY_DELAY, 0.0):
        retry = []
        for mirror in remaining:
            try:
                _fetch_files(mirror, folder, title=None if replace else title, verbose=verbose)
            except DownloadError as error:
                errors[mirror.base_url] = str(error)
                retry += [mirror] if error.retryable else []
            except DataUnavailableError:
                raise
            except OSError as error:
                raise DataUnavailableError(
                    f"  {escape(folder)} is not writable: {escape(error.strerror or error)}"
                ) from error
            else:
                return mirror
        remaining = retry
        if not remaining:
            break
        time.sleep(delay)
    raise DataUnavailableError("\n".join(f"  {url}: {text}" for url, text in errors.items()))


def _fetch_files(mirror: Mirror, folder: Path, *, title: str | None, verbose: bool) -> None:
    """Download the files of a mirror that are absent; if `title` is given, replace no other."""
    for name, checksum in mirror.files.items():
        path = folder / name
        if not matches_checksum(path, checksum):
            if title is not None:
                _check_absent(path, title)
            _fetch_file(mirror, path, title=title, verbose=verbose)


def matches_checksum(path: Path, checksum: str) -> bool:
    """Return whether a regular file exists and has this checksum; see `Mirror.files`."""
    digest, expected = _new_digest(checksum)
    try:
        with open_regular(path) as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except (OSError, CorruptFileError):
        return False
    return bool(digest.hexdigest() == expected)


def _new_digest(checksum: str) -> tuple[Any, str]:
    """Return a hash object of the algorithm of a checksum, and the expected hash."""
    algorithm, _, expected = checksum.rpartition(":")
    return hashlib.new(algorithm or "sha256", usedforsecurity=not algorithm), expected


def _fetch_file(mirror: Mirror, path: Path, *, title: str | None, verbose: bool) -> None:
    """Download a file; if `title` is given, no other file is replaced."""
    from mnistcnn.data import http_client

    name = path.name
    digest, expected = _new_digest(mirror.files[name])
    # The file of the download has no name, so a process that is killed meanwhile leaves nothing.
    with tempfile.TemporaryFile(dir=path.parent) as body:
        with _progress(name, shown=verbose) as bar:
            for piece in http_client.iter_body(
                mirror.base_url + name,
                max_bytes=mirror.max_bytes,
                on_length=None if bar is None else bar.set_total,
            ):
                body.write(piece)
                digest.update(piece)
                if bar is not None:
                    bar.update(len(piece))
        if digest.hexdigest() != expected:
            raise http_client.DownloadError(
                f"{name} must have the hash {digest.name}:{expected}; received {digest.hexdigest()}"
            )
        if title is not None:
            _check_absent(path, title)  # it may have appeared meanwhile
        body.seek(0)
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            shutil.copyfileobj(body, file)


def _check_absent(path: Path, title: str) -> None:
    """Raise if there is a file; several data sets have files of the same names."""
    if os.path.lexists(path):
        raise DataUnavailableError(
            f"  {escape(path)} must be {title} or not exist; "
            "received another file: move it or choose another cache_dir"
        )


class _ProgressBar:
    """The progress bar of a download."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

        self._progress = (
            NotebookProgress(unit="MB", scale=1e6)
            if in_notebook()
            else Progress(
                "{task.description}",
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
        )
        self._task: Any = self._progress.add_task(f"Downloading {name}", total=None)

    def start(self) -> None:
        """Show the bar."""
        self._progress.start()

    def set_total(self, count: int) -> None:
        """Set the size of the file; 0 if it is unknown."""
        self._progress.update(self._task, total=count or None)

    def update(self, count: int) -> None:
        """Advance by `count` bytes."""
        self._progress.update(self._task, advance=count)

    def close(self) -> None:
        """Stop updating the bar."""
        self._progress.stop()


@contextmanager
def _progress(name: str, *, shown: bool) -> Iterator[_ProgressBar | None]:
    if not shown:
        yield None
        return
    bar = _ProgressBar(name)
    bar.start()
    try:
        yield bar
    finally:
        bar.close()
