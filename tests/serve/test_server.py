"""The service as a process: start, signals, several workers, and hostile clients."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx2
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals of POSIX"),
]
WAIT = 240  # seconds; the machine may be busy


class Service:
    """A process of ``mnistcnn serve`` on a free port, and its log."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mnistcnn", "serve", "--port", "0", *options],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.log = []
        self.is_listening = threading.Event()
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()
        assert self.is_listening.wait(WAIT), self.log
        self.wait_until(self.is_healthy)

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            address = re.search(r"running on (http://\S+:(\d+))", self.log[-1]["message"])
            if address:
                self.url, self.port = address[1], int(address[2])
                self.is_listening.set()

    def is_healthy(self):
        with contextlib.suppress(httpx2.TransportError):
            return httpx2.get(f"{self.url}/healthz", timeout=WAIT).status_code == 200
        return False

    def workers(self):
        """Return the processes that have answered requests."""
        return {line["process"] for line in self.log if line["message"] == "request"}

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)

    def end(self, number=signal.SIGTERM):
        """Send a signal; return the exit code and the last lines of the log."""
        self.process.send_signal(number)
        code = self.process.wait(WAIT)
        self._reader.join(WAIT)
        return code

    @staticmethod
    def wait_until(condition):
        deadline = time.monotonic() + WAIT
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def serve():
    """A function that starts a service."""
    services = []

    def start(*options):
        services.append(Service(*options))
        return services[-1]

    yield start
    for service in services:
        service.process.kill()
        service.process.wait()
        service._reader.join(WAIT)
        service.process.stdout.close()
        service.process.stderr.close()


def head_of(content):
    return f"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: {len(content)}\r\n\r\n".encode()


def receive_all(connection):
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)]
)
def test_a_signal_ends_the_service_when_accepted_requests_are_answered(
    serve, picture, number, code
):
    service = serve()
    with service.connect() as connection:
        connection.sendall(head_of(picture) + picture[:100])
        service.wait_until(service.is_healthy)  # the server has seen the connection before
        ended = []
        ending = threading.Thread(target=lambda: ended.append(service.end(number)))
        ending.start()
        service.wait_until(lambda: "Shutting down" in [line["message"] for line in service.log])
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{service.url}/healthz", timeout=WAIT)
        assert service.process.poll() is None
        connection.sendall(picture[100:])
        answer = receive_all(connection)
    ending.join(WAIT)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'"text":"871"' in answer
    assert ended == [code]
    assert service.process.stdout.read() == ""


def test_a_worker_that_dies_is_replaced(serve, picture):
    service = serve("--workers", "2", "--log-level", "debug")

    def read():
        with contextlib.suppress(httpx2.TransportError):  # of the worker that was killed
            response = httpx2.post(f"{service.url}/read", content=picture, timeout=WAIT)
            assert response.status_code == 200
            assert response.json()["images"][0]["text"] == "871"

    def all_work(count):
        read()
        return len(service.workers()) == count

    service.wait_until(lambda: all_work(2))
    os.kill(min(service.workers()), signal.SIGKILL)
    service.wait_until(lambda: all_work(3))
    assert service.end() in (0, -signal.SIGTERM)
    assert not service.is_healthy()


def test_a_port_in_use_ends_the_service_with_a_reason(serve):
    service = serve()
    command = [sys.executable, "-m", "mnistcnn", "serve", "--port", str(service.port)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=False)
    assert result.returncode == 3
    (error,) = (
        line for line in map(json.loads, result.stderr.splitlines()) if line["level"] == "error"
    )
    assert "address already in use" in error["message"]


def test_clients_that_send_slowly_or_too_much_do_not_stop_the_service(serve, picture):
    service = serve("--timeout", "3", "--max-bytes", "10000", "--concurrency", "1",
                    "--max-waiting", "1")  # fmt: skip
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(service.connect()) for _ in range(2)]
        for connection in slow:
            connection.sendall(head_of(picture) + picture[:100])
        service.wait_until(
            lambda: (
                httpx2.post(f"{service.url}/read", content=picture, timeout=WAIT).status_code == 429
            )
        )
        assert [receive_all(connection)[:12] for connection in slow] == [b"HTTP/1.1 408"] * 2
    response = httpx2.post(f"{service.url}/read", content=bytes(15_000), timeout=WAIT)
    assert response.status_code == 413
    with service.connect() as connection:  # not HTTP at all
        connection.sendall(b"\x16\x03\x01" + bytes(100) + b"\r\n\r\n")
        assert receive_all(connection).startswith(b"HTTP/1.1 400")
    assert httpx2.post(f"{service.url}/read", content=picture, timeout=WAIT).status_code == 200
