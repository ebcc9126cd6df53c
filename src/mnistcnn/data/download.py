"""Download of data sets; the only module that opens a connection."""

from __future__ import annotations

import hashlib
import io
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mnistcnn.errors import CorruptFileError, DataUnavailableError
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.safe_read import open_regular
from mnistcnn.utils.text import escape

if TYPE_CHECKING:
    import requests

# In seconds.
CONNECT_TIMEOUT = 5
STALL_TIMEOUT = 30
RESPONSE_TIMEOUT = 60
RETRY_DELAY = 1.0
LOCK_TIMEOUT = 600
# In bytes per second. A slower server would block the program for hours without a time-out.
MIN_THROUGHPUT = 2048
_MAX_BYTES = 16 << 20
_MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 16


class Mirror(NamedTuple):
    """A server that has a data set.

    Attributes
    ----------
    base_url : str
        URL of the folder of the files.
    files : dict
        Checksum of each file by its name: the SHA-256, or ``md5:`` and the MD5.
    max_bytes : int
        Largest size of a file.
    """

    base_url: str
    files: dict[str, str]
    max_bytes: int = _MAX_BYTES


@contextmanager
def cache_lock(folder: Path) -> Iterator[None]:
    """Lock the cache against other processes; wait while another one holds the lock."""
    import filelock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock")
        lock.acquire(timeout=LOCK_TIMEOUT)
    except OSError as error:  # filelock.Timeout is one, too
        raise DataUnavailableError(
            f"the cache {escape(folder)} is not usable: {escape(error)}"
        ) from error
    try:
        yield
    finally:
        lock.release()


def fetch(mirrors: Sequence[Mirror], folder: Path, *, verbose: bool) -> Mirror:
    """Download the files of the first working mirror to a folder; return the mirror.

    Each file is checked against its checksum before it appears under its name. If all mirrors
    fail, those with a server error are tried once more.

    Raises
    ------
    DataUnavailableError
        If no mirror works (the message lists the error of each) or `folder` is not writable.
    """
    errors: dict[str, str] = {}
    remaining = list(mirrors)
    for delay in (RETRY_DELAY, 0.0):
        retry = []
        for mirror in remaining:
            try:
                for name in mirror.files:
                    _fetch_file(mirror, name, folder / name, verbose=verbose)
            except _MirrorError as error:
                errors[mirror.base_url] = str(error)
                retry += [mirror] if error.retryable else []
            except OSError as error:
                raise DataUnavailableError(
                    f"  {escape(folder)} is not writable: {escape(error)}"
                ) from error
            else:
                return mirror
        remaining = retry
        if not remaining:
            break
        time.sleep(delay)
    raise DataUnavailableError("\n".join(f"  {url}: {text}" for url, text in errors.items()))


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


class _MirrorError(Exception):
    """A download from a mirror failed."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(escape(message))  # it may quote the server
        self.retryable = retryable


def _fetch_file(mirror: Mirror, name: str, path: Path, *, verbose: bool) -> None:
    checksum = mirror.files[name]
    if matches_checksum(path, checksum):
        return
    digest, expected = _new_digest(checksum)
    with (
        _progress(name, shown=verbose) as bar,
        atomic_write(path) as temporary,
        temporary.open("wb") as file,
    ):
        for chunk in _iter_bytes(mirror.base_url + name, bar, max_bytes=mirror.max_bytes):
            file.write(chunk)
            digest.update(chunk)
        if digest.hexdigest() != expected:
            raise _MirrorError(
                f"{name} must have the hash {digest.name}:{expected}; received {digest.hexdigest()}"
            )


def _iter_bytes(url: str, bar: _ProgressBar | None, *, max_bytes: int) -> Iterator[bytes]:
    """Yield the body of a response in chunks; raise if it is too large or too slow."""
    import requests
    import urllib3

    try:
        with _open(url) as response:
            if response.status_code != requests.codes.ok:
                status = f"{response.status_code} {response.reason}"
                raise _MirrorError(status, retryable=response.status_code >= 500)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise _MirrorError("the response is a web page instead of the file")
            if bar is not None:
                bar.total = int(response.headers.get("Content-Length", "").strip() or 0)
            count, started = 0, time.monotonic()
            while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
                count += len(chunk)
                seconds = time.monotonic() - started
                if count > max_bytes:
                    raise _MirrorError(f"the response has more than {max_bytes:,} bytes")
                if seconds > STALL_TIMEOUT and count < MIN_THROUGHPUT * seconds:
                    raise _MirrorError(f"less than {MIN_THROUGHPUT:,} bytes per second")
                if bar is not None:
                    bar.update(len(chunk))
                yield chunk
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise _MirrorError(_root_cause(error)) from error


def _open(url: str) -> requests.Response:
    """Return a response once its header is received.

    The time-outs of `requests` restart with each byte, so a thread waits for a slow header.
    """
    import requests

    results: queue.SimpleQueue[requests.Response | Exception] = queue.SimpleQueue()

    def request() -> None:
        session = requests.Session()
        session.max_redirects = _MAX_REDIRECTS
        session.hooks["response"].append(_drop_redirect_body)
        try:
            results.put(
                session.get(
                    url,
                    stream=True,
                    timeout=(CONNECT_TIMEOUT, STALL_TIMEOUT),
                    headers={"Accept-Encoding": "identity"},
                )
            )
        except Exception as error:  # noqa: BLE001  # raised below
            results.put(error)

    threading.Thread(target=request, daemon=True).start()
    try:
        result = results.get(timeout=RESPONSE_TIMEOUT)
    except queue.Empty:
        raise _MirrorError(f"no response within {RESPONSE_TIMEOUT} s") from None
    if isinstance(result, Exception):
        raise result
    return result


def _drop_redirect_body(response: requests.Response, **_options: Any) -> None:
    """Close a redirect, whose whole body `requests` would read and decode otherwise."""
    if response.is_redirect:
        response.close()
        response.raw = io.BytesIO()


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
        self.total = 0

    def start(self) -> None:
        """Show the bar."""
        self._progress.start()

    def update(self, count: int) -> None:
        """Advance by `count` bytes."""
        self._progress.update(self._task, advance=count, total=self.total or None)

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


def _root_cause(error: Exception) -> str:
    """Return the innermost message of a chain of network errors, on one line."""
    kind = type(error).__name__
    if kind == "ConnectTimeout":
        return f"no connection within {CONNECT_TIMEOUT} s"
    if "timed out" in str(error):
        return f"no data for {STALL_TIMEOUT} s"
    reason = error.args[0] if error.args else error
    inner = getattr(reason, "reason", None)
    text = str(inner if inner is not None else reason)
    # urllib3 prefixes the message with the object's address or the connection pool.
    text = text.rpartition(">: ")[2].rpartition("): ")[2] if inner is not None else text
    return " ".join(text.split()) or kind
