"""A network that does what networks do: the right data or the right error, and never half a file."""

import contextlib
import gzip
import re
import socket
import threading
import time

import pytest

from mnistcnn import DataUnavailableError, load_data
from mnistcnn.data import download
from tests.helpers.http_server import equal


@pytest.fixture(autouse=True)
def _impatience(mirrors, monkeypatch):
    """A tenth of a second for what takes half a minute with a real mirror."""
    for name, value in {
        "CONNECT_TIMEOUT": 1, "STALL_TIMEOUT": 0.3, "RESPONSE_TIMEOUT": 0.6, "RETRY_DELAY": 0.01,
    }.items():  # fmt: skip
        monkeypatch.setattr(download, name, value)


@pytest.fixture
def only(mirrors, monkeypatch):
    """One mirror, whose npz file is whatever the test says."""
    monkeypatch.setattr(download, "MIRRORS", download.MIRRORS[:1])

    def answer(what):
        mirrors.files["0/mnist.npz"] = what

    return answer


def left_in(cache):
    """What lies in the cache besides the lock."""
    return sorted(path.name for path in cache.iterdir() if path.name != "lock")


def refusal(cache):
    with pytest.raises(DataUnavailableError) as caught:
        load_data(cache_dir=cache)
    message = str(caught.value)
    assert message.startswith("MNIST is unavailable (not cached; download failed):\n")
    for way_out in (str(cache), "MNISTCNN_DATA", 'load_data("digits")'):
        assert way_out in message
    assert left_in(cache) == []
    return message.splitlines()[1]


def head(handler, *, length=None, kind="application/octet-stream"):
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def pause(seconds=3):
    threading.Event().wait(seconds)


# What a server may do; each takes the handler of a request.


def half_a_body(handler):
    head(handler, length=1000)
    handler.wfile.write(bytes(500))


def no_body(handler):
    head(handler, length=1000)


def redirect_loop(handler):
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.end_headers()


def redirect_to_a_file(handler):
    handler.send_response(302)
    handler.send_header("Location", "file:///etc/passwd")
    handler.end_headers()


def stalled_head(handler):
    pause()


def stalled_body(handler):
    head(handler, length=1000)
    handler.wfile.write(b"a few bytes")
    handler.wfile.flush()
    pause()


def dripped_head(handler):
    with contextlib.suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 50:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            pause(0.05)


def dripped_body(handler):
    head(handler, length=100_000)
    with contextlib.suppress(OSError):
        for _ in range(60):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            pause(0.05)


def endless_body(handler):
    head(handler)
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(bytes(1 << 20))


def a_page(handler):
    page = b"<html>Please accept our terms.</html>"
    head(handler, length=len(page), kind="text/html; charset=utf-8")
    handler.wfile.write(page)


def commands_to_the_terminal(handler):
    handler.send_response_only(418, "\x1b]0;owned\x07" + "x" * 2000)
    handler.end_headers()


def no_http(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")


def hangs_up(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


PACKED = gzip.compress(bytes(20 << 20), 1)


def packed(handler):
    """A bomb by the encoding of the transfer, which is never unpacked."""
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(PACKED)))
    handler.end_headers()
    handler.wfile.write(PACKED)


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
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
        (stalled_head, "no data for 0.3 s", 1),
        (stalled_body, "no data for 0.3 s", 1),
        (dripped_head, "no response within 0.6 s", 1),
        (dripped_body, "less than 2,048 bytes per second", 1),
        (endless_body, "the response has more than 16,777,216 bytes", 1),
        (a_page, "the response is a web page instead of the file", 1),
        (commands_to_the_terminal, r"418 \?\]0;owned\?x{250,300}$", 1),
        (no_http, "BadStatusLine|Connection aborted|SSH", 1),
        (hangs_up, "Remote end closed connection without response", 1),
        (packed, "must have the hash", 1),
    ],
)  # fmt: skip
def test_each_fault_is_named_and_leaves_nothing(
    answer, reason, requests, *, only, mirrors, tmp_path
):
    only(answer)
    begun = time.monotonic()
    line = refusal(tmp_path / "cache")
    assert time.monotonic() - begun < 2.5
    assert re.match(f"  {mirrors.address}0/: .*({reason})", line), line
    assert len(line) < 400
    assert len(mirrors.requested) == requests


@pytest.mark.parametrize("fault", [404, 500, half_a_body, stalled_body, dripped_head, a_page])
def test_the_next_mirror_gives_the_right_data(fault, mirrors, small_mnist, tmp_path):
    mirrors.files["0/mnist.npz"] = fault
    mirrors.files["1/t10k-labels-idx1-ubyte.gz"] = fault
    assert equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert all(name.endswith("ubyte.gz") for name in left_in(tmp_path / "cache"))
    assert len(left_in(tmp_path / "cache")) == 4


def test_500_then_good_is_asked_again(only, mirrors, small_mnist, tmp_path):
    good = mirrors.files["0/mnist.npz"]

    def first_bad(handler):
        only(good)
        handler.send_error(500)

    only(first_bad)
    assert equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert mirrors.requested == ["/0/mnist.npz"] * 2
    assert left_in(tmp_path / "cache") == ["mnist.npz"]


def test_a_redirect_to_the_file_is_followed(only, mirrors, small_mnist, tmp_path):
    mirrors.files["elsewhere.npz"] = mirrors.files["0/mnist.npz"]

    def moved(handler):
        handler.send_response(301)
        handler.send_header("Location", "/elsewhere.npz")
        handler.end_headers()

    only(moved)
    assert equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)


def test_a_body_without_a_length_is_taken(only, mirrors, small_mnist, tmp_path):
    good = mirrors.files["0/mnist.npz"]

    def unmeasured(handler):
        head(handler)
        handler.wfile.write(good)

    only(unmeasured)
    assert equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)


def test_what_came_whole_is_not_asked_for_again(mirrors, small_mnist, monkeypatch, tmp_path):
    """Three of four files stay when the fourth fails, each of them verified."""
    monkeypatch.setattr(download, "MIRRORS", download.MIRRORS[1:2])
    good = mirrors.files["1/t10k-labels-idx1-ubyte.gz"]
    mirrors.files["1/t10k-labels-idx1-ubyte.gz"] = half_a_body
    with pytest.raises(DataUnavailableError):
        load_data(cache_dir=tmp_path / "cache")
    assert len(left_in(tmp_path / "cache")) == 3
    mirrors.files["1/t10k-labels-idx1-ubyte.gz"] = good
    assert equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert len(mirrors.requested) == 5


# Offline


@pytest.fixture
def offline(monkeypatch):
    """No socket can be opened, and each try is counted."""
    tries = []

    def refuse(*arguments, **options):
        tries.append(arguments)
        raise OSError(101, "Network is unreachable")

    def cut_off():
        monkeypatch.setattr(socket, "socket", refuse)
        monkeypatch.setattr(socket, "create_connection", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        return tries

    return cut_off


def test_offline_a_warm_cache_opens_no_socket(mirrors, small_mnist, offline, tmp_path):
    load_data(cache_dir=tmp_path / "cache")
    tries = offline()
    assert equal(load_data(cache_dir=tmp_path / "cache"), small_mnist)
    assert tries == []


def test_offline_a_cold_cache_is_said_plainly(mirrors, offline, tmp_path):
    tries = offline()
    with pytest.raises(DataUnavailableError) as caught:
        load_data(cache_dir=tmp_path / "cache")
    message = str(caught.value)
    assert (
        len(re.findall(r"^  http://127\.0\.0\.1:\d+/\d/: .*unreachable", message, re.MULTILINE))
        == 3
    ), message
    assert 'load_data("digits")' in message
    assert "object at 0x" not in message
    assert len(tries) >= 3
    assert left_in(tmp_path / "cache") == []


def test_the_small_digits_open_no_socket(offline):
    tries = offline()
    assert len(load_data("digits").test.labels) == 355
    assert tries == []


def test_an_interrupt_leaves_nothing(only, tmp_path, monkeypatch):
    def interrupted(url, bar):
        yield b"half of it"
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_iter_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_data(cache_dir=tmp_path / "cache")
    assert left_in(tmp_path / "cache") == []
