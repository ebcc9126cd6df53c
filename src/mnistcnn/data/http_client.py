"""HTTP downloads of limited size and duration; the only module that opens a connection.

``http.client`` limits the length of each line of a response, not the number of lines: interim
responses, chunk sizes and trailers may have no end, and each byte restarts the time-out of
the socket. Therefore the bytes of a connection are counted where they arrive.
"""

from __future__ import annotations

import http.client
import io
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests
import urllib3

from mnistcnn.utils.text import escape

# In seconds.
CONNECT_TIMEOUT = 5
STALL_TIMEOUT = 30
RESPONSE_TIMEOUT = 60
# In bytes per second. A slower server would block the program for hours without a time-out.
MIN_THROUGHPUT = 2048
# Status line and fields, also those of interim responses, and what is read ahead.
_MAX_HEADER_BYTES = 64 << 10
# The smallest pieces that a server sends have the size of a network packet.
_MIN_PIECES, _MIN_PIECE_BYTES = 200_000, 1 << 10
_MAX_REDIRECTS = 5
_ERROR_NUMBER = re.compile(r"\[Errno -?\d+\] ")
_CHUNK_BYTES = 1 << 16


class DownloadError(Exception):
    """A download failed; `retryable` is whether it may work a moment later."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(escape(message))  # it may quote the server
        self.retryable = retryable


def iter_body(
    url: str, *, max_bytes: int, on_length: Callable[[int], None] | None = None
) -> Iterator[bytes]:
    """Yield the body of a response in pieces.

    Parameters
    ----------
    url : str
        Where to download from; redirects are followed.
    max_bytes : int
        Largest number of bytes of the response, with its header and trailers.
    on_length : callable, optional
        Called with the number of bytes that the server declares, 0 if it declares none.

    Raises
    ------
    DownloadError
        If there is no such body, or it is too large or too slow.
    """
    try:
        with _open(url, max_bytes) as response:
            if response.status_code != requests.codes.ok:
                status = f"{response.status_code} {response.reason}"
                raise DownloadError(status, retryable=response.status_code >= 500)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise DownloadError("the response is a web page instead of the file")
            if on_length is not None:
                on_length(int(response.headers.get("Content-Length", "").strip() or 0))
            num_pieces, max_pieces = 0, max(_MIN_PIECES, max_bytes // _MIN_PIECE_BYTES)
            while piece := response.raw.read1(_CHUNK_BYTES, decode_content=False):
                num_pieces += 1
                if num_pieces > max_pieces:
                    raise DownloadError(f"the response has more than {max_pieces:,} pieces")
                yield piece
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise DownloadError(_root_cause(error)) from error


def _open(url: str, max_bytes: int) -> requests.Response:
    """Return a response once its header is received.

    A host name may have many addresses, and each redirect has time-outs of its own. So a thread
    waits for the header; what it receives is limited in any case.
    """
    results: queue.SimpleQueue[requests.Response | Exception] = queue.SimpleQueue()

    def request() -> None:
        try:
            results.put(
                _session(max_bytes).get(
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
        raise DownloadError(f"no response within {RESPONSE_TIMEOUT} s") from None
    if isinstance(result, Exception):
        raise result
    return result


def _session(max_bytes: int) -> requests.Session:
    session = requests.Session()
    session.max_redirects = _MAX_REDIRECTS
    session.hooks["response"].append(_drop_redirect_body)
    for scheme in ("http", "https"):
        session.mount(f"{scheme}://", _LimitedAdapter(max_bytes))
    return session


def _drop_redirect_body(response: requests.Response, **_options: Any) -> None:
    """Close a redirect, whose whole body `requests` would read and decode otherwise."""
    if response.is_redirect:
        response.close()
        response.raw = io.BytesIO()


class _LimitedStream(io.RawIOBase):
    """The bytes of one response, from its header to its trailers.

    Parameters
    ----------
    stream : io.RawIOBase
        The stream of the socket.

    Attributes
    ----------
    limit : int
        Number of bytes above which reading raises.
    """

    def __init__(self, stream: io.RawIOBase) -> None:
        super().__init__()
        self.limit = _MAX_HEADER_BYTES
        self._stream = stream
        self._count, self._started = 0, time.monotonic()

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        """Read what has arrived, at least one byte unless the stream has ended."""
        count = self._stream.readinto(buffer)
        self._count += count or 0
        seconds = time.monotonic() - self._started
        if self._count > self.limit:
            raise DownloadError(f"the response has more than {self.limit:,} bytes")
        if seconds > STALL_TIMEOUT and self._count < MIN_THROUGHPUT * seconds:
            raise DownloadError(f"less than {MIN_THROUGHPUT:,} bytes per second")
        return count

    def close(self) -> None:
        """Close the stream of the socket."""
        self._stream.close()
        super().close()


class _LimitedResponse(http.client.HTTPResponse):
    """A response of at most `max_bytes` bytes, which is read through a `_LimitedStream`."""

    max_bytes: int

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stream = _LimitedStream(self.fp.detach())
        self.fp = io.BufferedReader(self._stream)

    def begin(self) -> None:
        """Read the header."""
        super().begin()
        self._stream.limit = self.max_bytes


def _limited_pools(max_bytes: int) -> dict[str, type]:
    """Return the classes of connection pools whose responses are limited, by scheme."""

    class Response(_LimitedResponse):
        pass

    Response.max_bytes = max_bytes

    class HttpConnection(urllib3.connection.HTTPConnection):
        response_class = Response

    class HttpsConnection(urllib3.connection.HTTPSConnection):
        response_class = Response

    class HttpPool(urllib3.HTTPConnectionPool):
        ConnectionCls = HttpConnection

    class HttpsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = HttpsConnection

    return {"http": HttpPool, "https": HttpsPool}


class _LimitedAdapter(requests.adapters.HTTPAdapter):
    """Opens connections whose responses are limited, also those of a proxy."""

    def __init__(self, max_bytes: int) -> None:
        self._pools = _limited_pools(max_bytes)
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Create the pools of direct connections."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """Return the pools of connections through a proxy."""
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


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
    # requests leaves the end of a representation, and Python the number of the error.
    text = _ERROR_NUMBER.sub("", text).removesuffix('"))')
    return " ".join(text.split()) or kind
