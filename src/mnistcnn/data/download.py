"""Fetching MNIST: the only module that touches the network."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mnistcnn.errors import DataUnavailableError
from mnistcnn.utils.atomic_write import atomic_write

if TYPE_CHECKING:
    import requests

CONNECT_TIMEOUT = 5
STALL_TIMEOUT = 30
RESPONSE_TIMEOUT = 60
RETRY_DELAY = 1.0
LOCK_TIMEOUT = 600
# A third of what a telephone line carried. Below it a server only keeps a program waiting.
MIN_THROUGHPUT = 2048
# The largest file takes 11.5 MB.
_MAX_BYTES = 16 << 20
_MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 16
_MAX_ERROR_CHARS = 300


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
        lock.acquire(timeout=LOCK_TIMEOUT)
    except OSError as error:  # filelock's own Timeout is one too
        raise DataUnavailableError(f"the cache {folder} cannot be used: {error}") from error
    try:
        yield
    finally:
        lock.release()


def fetch(folder: Path, *, verbose: bool) -> Path:
    """Put MNIST into `folder` from the first mirror that has it, and return where it is.

    Each file is checked against its sha256 before it appears under its name. A mirror that
    says that it has trouble is asked once more, when no other one had the files.

    Raises
    ------
    DataUnavailableError
        If no mirror gave the right files, each named with its reason, or the folder can't
        be written.
    """
    reasons: dict[str, str] = {}
    waiting = list(MIRRORS)
    for pause in (RETRY_DELAY, 0.0):
        troubled = []
        for mirror in waiting:
            try:
                for name, sha256 in mirror.files.items():
                    _fetch_file(mirror.base_url + name, folder / name, sha256, verbose=verbose)
            except _MirrorError as error:
                reasons[mirror.base_url] = str(error)
                troubled += [mirror] if error.may_pass else []
            except OSError as error:
                raise DataUnavailableError(f"  {folder} cannot be written: {error}") from error
            else:
                return folder / "mnist.npz" if "mnist.npz" in mirror.files else folder
        waiting = troubled
        if not waiting:
            break
        time.sleep(pause)
    raise DataUnavailableError("\n".join(f"  {url}: {why}" for url, why in reasons.items()))


class _MirrorError(Exception):
    """What a mirror did wrong, and whether it may do better soon."""

    def __init__(self, reason: str, *, may_pass: bool = False) -> None:
        # A server's words may hold what a terminal would obey.
        shown = "".join(one if one.isprintable() else "?" for one in reason[:_MAX_ERROR_CHARS])
        super().__init__(shown)
        self.may_pass = may_pass


def _fetch_file(url: str, path: Path, sha256: str, *, verbose: bool) -> None:
    if path.is_file():
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                return
    with (
        _progress(path.name, shown=verbose) as bar,
        atomic_write(path) as temporary,
        temporary.open("wb") as file,
    ):
        digest = hashlib.sha256()
        for piece in _iter_bytes(url, bar):
            file.write(piece)
            digest.update(piece)
        if digest.hexdigest() != sha256:
            raise _MirrorError(
                f"{path.name} must have the hash sha256:{sha256}; received {digest.hexdigest()}"
            )


def _iter_bytes(url: str, bar: _ProgressBar | None) -> Iterator[bytes]:
    """Give what a server sends, as it comes; neither too much of it nor too slowly."""
    import requests
    import urllib3

    try:
        with _open(url) as response:
            if response.status_code != requests.codes.ok:
                trouble = response.status_code >= 500
                raise _MirrorError(f"{response.status_code} {response.reason}", may_pass=trouble)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise _MirrorError("a web page came in place of the file")
            if bar is not None:
                bar.total = int(response.headers.get("Content-Length", "").strip() or 0)
            count, started = 0, time.monotonic()
            while piece := response.raw.read1(_CHUNK_BYTES, decode_content=False):
                count += len(piece)
                seconds = time.monotonic() - started
                if count > _MAX_BYTES:
                    raise _MirrorError(f"it sent more than {_MAX_BYTES:,} bytes")
                if seconds > STALL_TIMEOUT and count < MIN_THROUGHPUT * seconds:
                    raise _MirrorError(f"fewer than {MIN_THROUGHPUT:,} bytes a second")
                if bar is not None:
                    bar.update(len(piece))
                yield piece
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise _MirrorError(_root_cause(error)) from error


def _open(url: str) -> requests.Response:
    """Return an answer whose head is there; for one that trickles in nobody waits."""
    import requests

    answers: queue.SimpleQueue[requests.Response | Exception] = queue.SimpleQueue()

    def ask() -> None:
        session = requests.Session()
        session.max_redirects = _MAX_REDIRECTS
        try:
            answers.put(
                session.get(
                    url,
                    stream=True,
                    timeout=(CONNECT_TIMEOUT, STALL_TIMEOUT),
                    headers={"Accept-Encoding": "identity"},
                )
            )
        except Exception as error:  # noqa: BLE001  # raised below
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=RESPONSE_TIMEOUT)
    except queue.Empty:
        raise _MirrorError(f"no answer within {RESPONSE_TIMEOUT} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


class _ProgressBar:
    """How far a download is."""

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

    def close(self) -> None:
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


def _root_cause(error: Exception) -> str:
    """Return the innermost reason of a chain of network errors, on one line."""
    kind = type(error).__name__
    if kind == "ConnectTimeout":
        return f"no connection within {CONNECT_TIMEOUT} s"
    if "timed out" in str(error):
        return f"no data for {STALL_TIMEOUT} s"
    reason = error.args[0] if error.args else error
    inner = getattr(reason, "reason", None)
    text = str(inner if inner is not None else reason)
    # urllib3 puts the object's address or the pool in front: only what follows says why.
    text = text.rpartition(">: ")[2].rpartition("): ")[2] if inner is not None else text
    return " ".join(text.split()) or kind
