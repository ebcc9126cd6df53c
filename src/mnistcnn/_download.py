"""Fetching MNIST: the only module that touches the network."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mnistcnn._errors import DataUnavailableError

CONNECT_SECONDS = 5
STALL_SECONDS = 30
LOCK_SECONDS = 600


class Mirror(NamedTuple):
    """A place that has MNIST: its address and the sha256 of each file there."""

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
    """Keep other processes away from the cache; wait for one that is at work."""
    import filelock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock")
        lock.acquire(timeout=LOCK_SECONDS)
    except OSError as error:  # filelock's own Timeout is one too
        raise DataUnavailableError(f"the cache {folder} cannot be used: {error}") from error
    try:
        yield
    finally:
        lock.release()


def fetch(folder: Path, *, verbose: bool) -> Path:
    """Put MNIST into `folder` from the first mirror that has it, and return where it is.

    Each file is checked against its sha256 before it appears under its name.

    Raises
    ------
    DataUnavailableError
        If no mirror gave the right files; it names each with its reason.
    """
    reasons = []
    for mirror in MIRRORS:
        try:
            for name, sha256 in mirror.files.items():
                _fetch_file(mirror.base_url + name, folder / name, sha256, verbose=verbose)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            reasons.append(f"{mirror.base_url}: {_in_short(error)}")
        else:
            return folder / "mnist.npz" if "mnist.npz" in mirror.files else folder
    raise DataUnavailableError("\n".join(f"  {reason}" for reason in reasons))


def _fetch_file(url: str, path: Path, sha256: str, *, verbose: bool) -> None:
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with _progress(path.name, shown=verbose) as bar:
            pooch.retrieve(
                url,
                known_hash=f"sha256:{sha256}",
                fname=path.name,
                path=path.parent,
                downloader=pooch.HTTPDownloader(
                    progressbar=bar, timeout=(CONNECT_SECONDS, STALL_SECONDS)
                ),
            )
    finally:
        logger.setLevel(level)


class _Bar:
    """What pooch asks of a progress bar, drawn by rich."""

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
        self.total = 0

    def start(self) -> None:
        self._progress.start()

    def update(self, count: int) -> None:
        self._progress.update(self._task, advance=count, total=self.total or None)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        self._progress.stop()


@contextmanager
def _progress(name: str, *, shown: bool) -> Iterator[_Bar | bool]:
    if not shown:
        yield False
        return
    bar = _Bar(name)
    bar.start()
    try:
        yield bar
    finally:
        bar.close()


def _in_short(error: BaseException) -> str:
    """Return the innermost reason of a chain of network errors, on one line."""
    kind = type(error).__name__
    if kind == "ConnectTimeout":
        return f"no connection within {CONNECT_SECONDS} s"
    if kind in ("ReadTimeout", "ConnectionError") and "timed out" in str(error):
        return f"no data for {STALL_SECONDS} s"
    reason = error.args[0] if error.args else error
    inner = getattr(reason, "reason", None)
    text = str(inner if inner is not None else error)
    # urllib3 puts the object's address or the pool in front: only what follows says why.
    text = text.rpartition(">: ")[2].rpartition("): ")[2] if inner is not None else text
    return " ".join(text.split()) or kind
