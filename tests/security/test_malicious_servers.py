"""Faulty and malicious servers: the data is right or an error names the fault; no partial files."""

import contextlib
import gzip
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import zlib

import pytest

from mnistcnn import DataUnavailableError, load_data
from mnistcnn.data import download, http_client
from tests.helpers.http_server import change_named, datasets_equal, mirrors_of


@pytest.fixture(autouse=True)
def _short_timeouts(mirrors, monkeypatch):
    """Shorten the time-outs, which are half a minute for a real mirror."""
    for name, value in {
        "CONNECT_TIMEOUT": 1, "STALL_TIMEOUT": 0.2, "RESPONSE_TIMEOUT": 0.4, "RETRY_DELAY": 0.01,
    }.items():  # fmt: skip
        monkeypatch.setattr(download if name == "RETRY_DELAY" else http_client, name, value)


@pytest.fixture
def respond(mirrors, monkeypatch):
    """Leave one mirror, and return a function that sets its response."""
    change_named(monkeypatch, mirrors=mirrors_of()[:1])

    def set_response(response):
        mirrors.files["0/mnist.npz"] = response

    return set_response


def cached_files(cache):
    """Return the names of the files in the cache, without the lock."""
    return sorted(path.name for path in cache.iterdir() if path.name != "lock")


def failure(cache):
    """Return the line of the error message about the first mirror."""
    with pytest.raises(DataUnavailableError) as error:
        load_data(cache_dir=cache)
    message = str(error.value)
    assert message.startswith("MNIST is unavailable (not cached; download failed):\n")
    for alternative in (str(cache), "MNISTCNN_DATA", 'load_data("digits")'):
        assert alternative in message
    assert cached_files(cache) == []
    return message.splitlines()[1]


def send_head(handler, *, length=None, content_type="application/octet-stream"):
    handler.send_response(200)
    handler.send_header("Content-Type", content_type)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def pause(seconds=60):
    threading.Event().wait(seconds)


# Responses; each is a function of the handler of a request.


def half_a_body(handler):
    send_head(handler, length=1000)
    handler.wfile.write(bytes(500))


def no_body(handler):
    send_head(handler, length=1000)


def redirect_loop(handler):
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.end_headers()


def redirect_to_a_file(handler):
    handler.send_response(302)
    handler.send_header("Location", "file:///etc/passwd")
    handler.end_headers()


def stalled_header(handler):
    pause()


def stalled_body(handler):
    send_head(handler, length=1000)
    handler.wfile.write(b"a few bytes")
    handler.wfile.flush()
    pause()


def slow_header(handler):
    with contextlib.suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            pause(0.05)


def slow_redirects(handler):
    pause(0.15)
    handler.send_response(302)
    handler.send_header("Location", f"{handler.path}x")
    handler.server.files[f"{handler.path}x".lstrip("/")] = slow_redirects
    handler.end_headers()


def slow_body(handler):
    send_head(handler, length=100_000)
    with contextlib.suppress(OSError):
        for _ in range(1000):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            pause(0.05)


def endless_body(handler):
    send_head(handler)
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(bytes(1 << 20))


def web_page(handler):
    page = b"<html>Please accept our terms.</html>"
    send_head(handler, length=len(page), content_type="text/html; charset=utf-8")
    handler.wfile.write(page)


def terminal_escape(handler):
    handler.send_response_only(418, "\x1b]0;owned\x07" + "x" * 2000)
    handler.end_headers()


def not_http(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")


def closed_connection(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


COMPRESSED = gzip.compress(bytes(20 << 20), 1)


def content_encoding_bomb(handler):
    """A bomb in the content encoding, which is never decoded."""
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(COMPRESSED)))
    handler.end_headers()
    handler.wfile.write(COMPRESSED)


@pytest.mark.parametrize(
    ("response", "message", "requests"),
    [
        (404, "404 ", 1),
        (403, "403 ", 1),
        (500, "500 ", 2),
        (503, "503 ", 2),
        (half_a_body, "Connection broken: IncompleteRead|must have the hash", 1),
        (no_body, "Connection broken: IncompleteRead|must have the hash", 1),
        (b"wrong bytes", "mnist.npz must have the hash sha256:[0-9a-f]{64}; received [0-9a-f]{64}$", 1),
        (b"", "must have the hash", 1),
        (redirect_loop, "Exceeded 5 redirects", 6),
        (redirect_to_a_file, "No connection adapters were found for", 1),
        (stalled_header, "no data for 0.2 s", 1),
        (stalled_body, "no data for 0.2 s", 1),
        (slow_header, "less than 2,048 bytes per second", 1),
        (slow_redirects, "no response within 0.4 s", None),
        (slow_body, "less than 2,048 bytes per second", 1),
        (endless_body, "the response has more than 16,777,216 bytes", 1),
        (web_page, "the response is a web page instead of the file", 1),
        (terminal_escape, r"418 \\x1b\]0;owned\\x07x+\.\.\.x+$", 1),
        (not_http, "BadStatusLine|Connection aborted|SSH", 1),
        (closed_connection, "Remote end closed connection without response", 1),
        (content_encoding_bomb, "must have the hash", 1),
    ],
)  # fmt: skip
def test_each_fault_is_reported_and_leaves_no_file(
    response, message, requests, *, respond, mirrors, tmp_path
):
    respond(response)
    started = time.monotonic()
    line = failure(tmp_path / "cache")
    assert time.monotonic() - started < 20
    assert re.match(f"  {mirrors.address}0/: .*({message})", line), line
    assert len(line) < 400
    assert requests in (None, len(mirrors.requested))


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HEADER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
# Parts of a response that may be repeated for ever.
ENDLESS = {
    "interim responses": (b"", CONTINUE),
    "fields of an interim response": (b"HTTP/1.1 100 Continue\r\n", b"X: y\r\n"),
    "chunk-size lines": (HEADER, b"1;name=value\r\nx\r\n"),
    "one chunk-size line": (HEADER + b"1;", b"x"),
    "trailers": (HEADER + b"4\r\nbody\r\n0\r\n", b"X: y\r\n"),
    "one trailer": (HEADER + b"4\r\nbody\r\n0\r\nX: ", b"y"),
}


@pytest.fixture(params=ENDLESS)
def endless_part(request):
    """Return a function of the speed that returns a response with an endless part.

    Its attribute ``ended`` is set once the client has closed the connection.
    """

    def at_speed(*, slow):
        beginning, part = ENDLESS[request.param]

        def response(handler):
            handler.wfile.write(beginning)
            handler.wfile.flush()
            with contextlib.suppress(OSError):
                while True:
                    handler.wfile.write(part if slow else part * 10_000)
                    handler.wfile.flush()
                    pause(0.05 if slow else 0)
            response.ended.set()

        response.ended = threading.Event()
        return response

    return at_speed


@pytest.mark.parametrize("slow", [False, True])
def test_no_part_of_a_response_is_endless(endless_part, slow, respond, tmp_path):
    response = endless_part(slow=slow)
    respond(response)
    started, processor = time.monotonic(), time.process_time()
    line = failure(tmp_path / "cache")
    assert re.search(
        "less than 2,048 bytes per second|more than [0-9,]+ (bytes|pieces)|more than 100 headers|got more than|Connection broken|chunk",
        line,
    ), line
    assert response.ended.wait(20)  # also the thread that waits for a header has ended
    assert time.monotonic() - started < 40
    assert time.process_time() - processor < 10


@pytest.mark.parametrize("fault", [404, 500, half_a_body, stalled_body, slow_header, web_page])
def test_the_next_mirror_is_used_after(fault, mirrors, small_mnist, tmp_path):
    mirrors.files["0/mnist.npz"] = fault
    mirrors.files["1/t10k-labels-idx1-ubyte.gz"] = fault
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert all(name.endswith("ubyte.gz") for name in cached_files(tmp_path / "cache"))
    assert len(cached_files(tmp_path / "cache")) == 4


def test_a_server_error_is_retried(respond, mirrors, small_mnist, tmp_path):
    content = mirrors.files["0/mnist.npz"]

    def fail_once(handler):
        respond(content)
        handler.send_error(500)

    respond(fail_once)
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert mirrors.requested == ["/0/mnist.npz"] * 2
    assert cached_files(tmp_path / "cache") == ["mnist.npz"]


def test_a_redirect_to_the_file_is_followed(respond, mirrors, small_mnist, tmp_path):
    mirrors.files["target.npz"] = mirrors.files["0/mnist.npz"]

    def redirect(handler):
        handler.send_response(301)
        handler.send_header("Location", "/target.npz")
        handler.end_headers()

    respond(redirect)
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)


@pytest.fixture(scope="module")
def long_bomb():
    """Return a gzip stream that unpacks to 2 GB."""
    compressor = zlib.compressobj(1, wbits=31)
    chunks = [compressor.compress(bytes(1 << 20)) for _ in range(2 << 10)]
    return b"".join([*chunks, compressor.flush()])


@pytest.fixture(params=["endless", "gzip", "chunked"])
def redirect_with_body(request, mirrors, long_bomb):
    """A response that redirects to the next path, with a body that exhausts memory if it is read.

    Its attribute ``sent`` counts the bytes of the body that were sent.
    """

    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", f"/target{len(mirrors.requested)}")
        if request.param == "gzip":
            handler.send_header("Content-Encoding", "gzip")
        if request.param == "chunked":
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with contextlib.suppress(OSError):
            if request.param == "gzip":
                handler.wfile.write(long_bomb)
                redirect.sent += len(long_bomb)
            while redirect.sent < 2 << 30:
                chunk = bytes(1 << 20)
                if request.param == "chunked":
                    handler.wfile.write(b"100000\r\n" + chunk + b"\r\n")
                else:
                    handler.wfile.write(chunk)
                redirect.sent += len(chunk)

    redirect.sent = 0
    return redirect


def test_the_body_of_a_redirect_is_not_read(
    redirect_with_body, respond, mirrors, small_mnist, tmp_path
):
    mirrors.files["target1"] = redirect_with_body
    mirrors.files["target2"] = mirrors.files["0/mnist.npz"]
    respond(redirect_with_body)
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert mirrors.requested == ["/0/mnist.npz", "/target1", "/target2"]
    assert redirect_with_body.sent < 32 << 20  # the buffers of two connections


# Reads from one mirror with 100 MB in addition to the imports, and prints the error.
LIMITED_DOWNLOAD = """
import dataclasses, pathlib, resource, sys, time
import mnistcnn
from mnistcnn.data import download, http_client
from mnistcnn.data.catalog import NAMED_DATASETS
download.RETRY_DELAY = 0
def failure(url):
    mirror = download.Mirror(url, {"mnist.npz": "0" * 64})
    NAMED_DATASETS["mnist"] = dataclasses.replace(NAMED_DATASETS["mnist"], mirrors=(mirror,))
    try:
        mnistcnn.load_data(cache_dir="cache")
    except mnistcnn.DataUnavailableError as error:
        return str(error).splitlines()[1]
failure(sys.argv[1] + "absent/")
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (100 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
started = time.process_time()
print(failure(sys.argv[1] + "0/"))
print(time.process_time() - started)
"""


@pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").is_file(), reason="the memory limit needs Linux"
)
def test_redirects_with_a_body_take_no_memory(redirect_with_body, respond, mirrors, tmp_path):
    respond(redirect_with_body)
    for number in range(2, 8):
        mirrors.files[f"target{number}"] = redirect_with_body
    result = subprocess.run(
        [sys.executable, "-c", LIMITED_DOWNLOAD, mirrors.address],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    message, seconds = result.stdout.splitlines()
    assert message.endswith("Exceeded 5 redirects.")
    assert float(seconds) < 1


def test_a_response_without_a_length_is_accepted(respond, mirrors, small_mnist, tmp_path):
    content = mirrors.files["0/mnist.npz"]

    def without_length(handler):
        send_head(handler)
        handler.wfile.write(content)

    respond(without_length)
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)


def test_complete_files_are_not_downloaded_again(mirrors, small_mnist, monkeypatch, tmp_path):
    """If the fourth file fails, the other three stay in the cache."""
    change_named(monkeypatch, mirrors=mirrors_of()[1:2])
    content = mirrors.files["1/t10k-labels-idx1-ubyte.gz"]
    mirrors.files["1/t10k-labels-idx1-ubyte.gz"] = half_a_body
    with pytest.raises(DataUnavailableError):
        load_data(cache_dir=tmp_path / "cache")
    assert len(cached_files(tmp_path / "cache")) == 3
    mirrors.files["1/t10k-labels-idx1-ubyte.gz"] = content
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert len(mirrors.requested) == 5


# Offline


@pytest.fixture
def offline(monkeypatch):
    """Return a function that disables sockets and returns the list of attempts to open one."""
    attempts = []

    def fail(*arguments, **options):
        attempts.append(arguments)
        raise OSError(101, "Network is unreachable")

    def go_offline():
        monkeypatch.setattr(socket, "socket", fail)
        monkeypatch.setattr(socket, "create_connection", fail)
        monkeypatch.setattr(socket, "getaddrinfo", fail)
        return attempts

    return go_offline


def test_a_cached_data_set_opens_no_socket(mirrors, small_mnist, offline, tmp_path):
    load_data(cache_dir=tmp_path / "cache")
    attempts = offline()
    assert datasets_equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert attempts == []


def test_the_error_without_a_network_lists_each_mirror(mirrors, offline, tmp_path):
    attempts = offline()
    with pytest.raises(DataUnavailableError) as error:
        load_data(cache_dir=tmp_path / "cache")
    message = str(error.value)
    assert (
        len(re.findall(r"^  http://127\.0\.0\.1:\d+/\d/: .*unreachable", message, re.MULTILINE))
        == 3
    ), message
    assert 'load_data("digits")' in message
    assert "object at 0x" not in message
    assert len(attempts) >= 3
    assert cached_files(tmp_path / "cache") == []


def test_the_sklearn_digits_open_no_socket(offline):
    attempts = offline()
    assert len(load_data("digits").test.labels) == 355
    assert attempts == []


def test_an_interrupt_leaves_no_file(respond, tmp_path, monkeypatch):
    def interrupt(url, **options):
        yield b"half of it"
        raise KeyboardInterrupt

    monkeypatch.setattr(http_client, "iter_body", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_data(cache_dir=tmp_path / "cache")
    assert cached_files(tmp_path / "cache") == []
