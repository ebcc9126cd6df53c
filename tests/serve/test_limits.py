"""Limits of size, pixels, time and concurrency: each has its status and one clear sentence."""

import asyncio
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fastapi import Request
from PIL import Image
from starlette.exceptions import HTTPException

from mnistcnn.serve.limits import RequestLimits
from mnistcnn.serve.settings import Settings


class SlowRecognizer:
    """Reads pages until it is released."""

    class_names = tuple("0123456789")

    def __init__(self, reading):
        self.released = threading.Event()
        self.started = threading.Semaphore(0)
        self.num_calls = 0
        self._reading = reading

    def read(self, *_, **__):
        self.num_calls += 1
        self.started.release()
        assert self.released.wait(60)
        return self._reading


@pytest.fixture
def slow(recognizer, picture):
    slow = SlowRecognizer(recognizer.read(picture))
    yield slow
    slow.released.set()


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_413(client_of, declared):
    client = client_of(max_bytes=1000)
    content = bytes(1001)
    response = client.post("/read", content=content if declared else iter([content]))
    assert response.status_code == 413
    size = "1,001" if declared else "more"
    assert response.json() == {"detail": f"the body must hold at most 1,000 bytes; it holds {size}"}
    assert client.post("/predict", content=bytes(1000)).status_code == 422


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "PDF"])
def test_a_page_with_too_many_pixels_is_422(client_of, file_format):
    client = client_of(max_pixels=10_000)
    file = io.BytesIO()
    Image.fromarray(np.full((100, 101), 255, np.uint8)).save(file, file_format, resolution=200)
    response = client.post("/read", content=file.getvalue())
    assert response.status_code == 422
    detail = "picture must hold at most 10,000 pixels; received 101 × 100 pixels"
    assert response.json() == {"detail": detail}


def test_too_many_pixels_are_reported_before_a_file_is_decoded(client_of, monkeypatch):
    client = client_of(max_pixels=10_000)
    monkeypatch.setattr("mnistcnn.images.documents.decode_content", None)
    file = io.BytesIO()
    pages = [Image.new("L", (10, 10)), Image.new("L", (200, 100))]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    response = client.post("/read?page=2", content=file.getvalue())
    detail = "picture must hold at most 10,000 pixels; received 200 × 100 pixels"
    assert (response.status_code, response.json()) == (422, {"detail": detail})


def test_a_request_that_takes_too_long_is_504(client_of, slow, picture):
    client = client_of(timeout=0.2)
    client.app.state.recognizer = slow
    response = client.post("/read", content=picture)
    assert response.status_code == 504
    assert response.json() == {
        "detail": "the request must be answered within 0.2 seconds; it takes longer"
    }
    assert client.get("/healthz").status_code == 200


def test_no_page_is_read_after_the_deadline(client_of, slow, pixels):
    client = client_of(timeout=0.2)
    client.app.state.recognizer = slow
    file = io.BytesIO()
    page = Image.fromarray(pixels)
    page.save(file, "TIFF", save_all=True, append_images=[page] * 5)
    assert client.post("/read", content=file.getvalue()).status_code == 504
    slow.released.set()
    assert client.app.state.limits._threads.submit(lambda: slow.num_calls).result() == 1


def test_a_request_too_many_is_429_until_another_is_done(client_of, slow, picture):
    client = client_of(max_waiting=1, timeout=30)
    client.app.state.recognizer = slow
    with ThreadPoolExecutor(2) as threads:
        accepted = [threads.submit(client.post, "/read", content=picture) for _ in range(2)]
        limits = client.app.state.limits
        wait_until(lambda: limits._free_places._value == 0)
        response = client.post("/read", content=picture)
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "1"
        assert response.json() == {
            "detail": "at most 2 requests at a time are accepted; try again later"
        }
        assert client.get("/healthz").status_code == 200
        slow.released.set()
        assert [future.result().status_code for future in accepted] == [200, 200]
    wait_until(lambda: limits._free_places._value == 2)
    assert client.post("/read", content=picture).status_code == 200


def test_a_request_whose_time_is_over_keeps_its_place(client_of, slow, picture):
    """Otherwise its thread would be one more than the limit."""
    client = client_of(max_waiting=0, timeout=0.2)
    client.app.state.recognizer = slow
    assert client.post("/read", content=picture).status_code == 504
    assert client.post("/read", content=picture).status_code == 429
    slow.released.set()
    limits = client.app.state.limits
    wait_until(lambda: limits._free_places._value == 1)
    assert client.post("/read", content=picture).status_code == 200


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def request_of(receive, **headers):
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": encoded}, receive)


async def never():
    await asyncio.sleep(3600)


@pytest.mark.parametrize("max_waiting", [0, 1])
def test_a_body_that_does_not_arrive_is_408_and_frees_its_place(max_waiting):
    limits = RequestLimits(Settings(concurrency=1, max_waiting=max_waiting, timeout=0.1))

    async def send_two():
        for _ in range(2):
            with pytest.raises(HTTPException) as caught:
                await limits.compute(request_of(never), lambda body, _: body)
            assert caught.value.status_code == 408
            assert caught.value.detail == (
                "the request must be received within 0.1 seconds; it takes longer"
            )

    asyncio.run(send_two())
    assert limits._free_places._value == 1 + max_waiting


@pytest.mark.parametrize("expects", [True, False])
def test_a_rejected_body_is_received_unless_the_client_asks_first(expects):
    """Or the client would report a broken connection, while it sends, instead of the response."""
    limits = RequestLimits(Settings(concurrency=1, max_bytes=100, timeout=5))
    received = []

    async def receive():
        received.append(60)
        return {"type": "http.request", "body": bytes(60), "more_body": True}

    headers = {"Content-Length": "999999"} | ({"Expect": "100-continue"} if expects else {})
    with pytest.raises(HTTPException) as caught:
        asyncio.run(limits.compute(request_of(receive, **headers), lambda body, _: body))
    assert caught.value.status_code == 413
    assert sum(received) == (0 if expects else 120)


def test_a_rejected_body_that_does_not_arrive_is_not_waited_for():
    limits = RequestLimits(Settings(concurrency=1, max_bytes=100, timeout=0.1))
    request = request_of(never, **{"Content-Length": "200"})
    with pytest.raises(HTTPException) as caught:
        asyncio.run(limits.compute(request, lambda body, _: body))
    assert caught.value.status_code == 413


def test_a_client_that_disconnects_frees_its_place(client, caplog):
    async def disconnect():
        return {"type": "http.disconnect"}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/read", "raw_path": b"/read",
        "query_string": b"", "headers": [], "root_path": "", "scheme": "http",
        "http_version": "1.1", "server": ("test", 80), "client": ("test", 1),
    }  # fmt: skip
    free = client.app.state.limits._free_places._value
    asyncio.run(client.app(scope, disconnect, send))
    assert sent[0]["status"] == 499
    assert client.app.state.limits._free_places._value == free
