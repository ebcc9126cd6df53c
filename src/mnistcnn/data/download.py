"""Download of MNIST from its mirrors into the cache."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from mnistcnn.errors import CorruptFileError, DataUnavailableError
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.lock import file_lock
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.utils.text import escape

RETRY_DELAY = 1.0  # in seconds
LOCK_TIMEOUT = 600
# The largest file has 11.5 MB.
_MAX_FILE_BYTES = 16 << 20


class Mirror(NamedTuple):
    """A server that has MNIST: its URL and the sha256 of each file."""

    base_url: str
    files: dict[str, str]


_IDX_FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
MIRRORS = (
    Mirror(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        {"mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"},
    ),
    Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/", _IDX_FILES),
    Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/", _IDX_FILES),
)


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


def fetch(folder: Path, *, replace: bool, verbose: bool) -> Path:
    """Download MNIST from the first working mirror; return the path of the file or folder.

    Each file is checked against its sha256 before it appears under its name. If all mirrors
    fail, those with a server error are tried once more.

    Parameters
    ----------
    folder : pathlib.Path
        The cache.
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
    mirrors = list(MIRRORS)
    for delay in (RETRY_DELAY, 0.0):
        retry = []
        for mirror in mirrors:
            try:
                for name, sha256 in mirror.files.items():
                    url, path = mirror.base_url + name, folder / name
                    _fetch_file(url, path, sha256, replace=replace, verbose=verbose)
            except DownloadError as error:
                errors[mirror.base_url] = str(error)
                retry += [mirror] if error.retryable else []
            except DataUnavailableError:
                raise
            except OSError as error:
                raise DataUnavailableError(
                    f"  {escape(folder)} is not writable: {escape(error)}"
                ) from error
            else:
                return folder / "mnist.npz" if "mnist.npz" in mirror.files else folder
        mirrors = retry
        if not mirrors:
            break
        time.sleep(delay)
    raise DataUnavailableError("\n".join(f"  {url}: {text}" for url, text in errors.items()))


def _fetch_file(url: str, path: Path, sha256: str, *, replace: bool, verbose: bool) -> None:
    from mnistcnn.data import http_client

    if _has_hash(path, sha256):
        return
    if not replace:
        _check_absent(path)
    with _progress(path.name, shown=verbose) as bar:
        pieces = []
        for piece in http_client.iter_body(url, on_length=None if bar is None else bar.set_total):
            pieces.append(piece)
            if bar is not None:
                bar.update(len(piece))
    # Only the whole file is written, so a process that is killed meanwhile leaves no part of it.
    content = b"".join(pieces)
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise http_client.DownloadError(
            f"{path.name} must have the hash sha256:{sha256}; received {digest}"
        )
    if not replace:
        _check_absent(path)  # it may have appeared meanwhile
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def _has_hash(path: Path, sha256: str) -> bool:
    try:
        content = read_limited(path, limit=_MAX_FILE_BYTES)
    except (OSError, CorruptFileError):
        return False
    return hashlib.sha256(content).hexdigest() == sha256


def _check_absent(path: Path) -> None:
    """Raise if there is a file; other data sets, such as Fashion-MNIST, have the same names."""
    if os.path.lexists(path):
        raise DataUnavailableError(
            f"  {escape(path)} must be MNIST or not exist; "
            "received another file: move it or choose another cache_dir"
        )


class _ProgressBar:
    """The progress bar of a download."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

        self._progress = Progress(
            f"Downloading {name}",
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(name, total=None)

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
