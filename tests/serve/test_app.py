"""The other routes, the drawing page and errors of the service itself."""

import json
import logging
import re
import sys

import pytest
from fastapi.testclient import TestClient

import mnistcnn
from mnistcnn.serve.app import create_app
from mnistcnn.serve.drawing_page import drawing_page
from mnistcnn.serve.logs import JsonFormatter
from mnistcnn.serve.settings import VARIABLE, Settings


def test_health_and_version(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/version").json() == {"mnistcnn": mnistcnn.__version__, "weights": "best"}


def test_version_does_not_show_the_folder_of_the_weights(client, monkeypatch):
    settings = Settings(weights="/home/someone/network.onnx")
    monkeypatch.setitem(client.app.state._state, "settings", settings)
    assert client.get("/version").json()["weights"] == "network.onnx"


def test_the_drawing_page_is_at_the_root(client):
    response = client.get("/")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.text == drawing_page("/openapi.json")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_loads_scripts_of_a_third_party(client, path):
    response = client.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


def test_a_method_that_is_not_allowed_is_405(client):
    response = client.get("/read")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_an_error_of_the_service_shows_no_details(client, monkeypatch):
    def fail(*_, **__):
        raise KeyError("secret")

    monkeypatch.setattr("mnistcnn.serve.app.predict_images", fail)
    quiet = TestClient(client.app, raise_server_exceptions=False)
    response = quiet.post("/predict", content=b"")
    assert response.status_code == 500
    assert response.json() == {
        "detail": "the server failed to answer because of an error of its own"
    }


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert create_app().state.settings == Settings()
    monkeypatch.setenv(VARIABLE, "")
    settings = Settings(weights="robust", timeout=2, max_waiting=0)
    settings.to_environment()
    assert create_app().state.settings == settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_bytes": 0}, "max_bytes must be at least 1; received 0"),
        ({"max_bytes": 10**9}, "max_bytes must be at most 160000000, since larger files are not read; received 1000000000"),
        ({"max_pixels": 10**9}, "max_pixels must be at most 50000000, since larger pictures are not read; received 1000000000"),
        ({"concurrency": 0}, "concurrency must be at least 1; received 0"),
        ({"max_waiting": -1}, "max_waiting must be at least 0; received -1"),
        ({"timeout": 0}, "timeout must be greater than 0; received 0"),
        ({"timeout": 4000}, "timeout must be at most 3,600 seconds; received 4000"),
        ({"timeout": float("nan")}, "timeout must be finite; received nan"),
    ],
)  # fmt: skip
def test_invalid_settings_are_an_error(settings, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Settings(**settings)


def records_of(caplog):
    return [json.loads(JsonFormatter().format(record)) for record in caplog.records]


def test_a_request_is_logged_without_its_picture_options_or_client(client, picture, caplog):
    with caplog.at_level(logging.INFO, "mnistcnn.serve"):
        client.post("/read?pattern=871&min_confidence=0.123", content=picture)
        client.post("/read?pattern=(", content=picture)
        client.get("/healthz")
    first, second = (record for record in records_of(caplog) if record["message"] == "request")
    assert set(first) == {
        "time", "level", "logger", "process", "message",
        "method", "path", "status", "bytes_received", "seconds",
    }  # fmt: skip
    assert (first["method"], first["path"], first["status"]) == ("POST", "/read", 200)
    assert first["bytes_received"] == len(picture)
    assert second["status"] == 422
    text = json.dumps([first, second])
    for secret in ("871", "0.123", "pattern", "testclient", "127.0.0.1"):
        assert secret not in text


def test_health_checks_are_logged_at_the_level_debug(client, caplog):
    with caplog.at_level(logging.DEBUG, "mnistcnn.serve"):
        client.get("/healthz")
    (record,) = (record for record in records_of(caplog) if record["message"] == "request")
    assert (record["path"], record["level"]) == ("/healthz", "debug")


def test_a_path_is_logged_on_one_line_of_limited_length(client, caplog):
    with caplog.at_level(logging.INFO, "mnistcnn.serve"):
        client.get("/%0aforged" + "x" * 10_000)
    (record,) = (record for record in records_of(caplog) if record["message"] == "request")
    assert len(record["path"]) <= 200
    assert record["path"].startswith("/\\nforgedx")


def test_an_exception_is_logged_in_one_line():
    try:
        raise KeyError("a\nb")
    except KeyError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed: %s", ("é",), None)
        record.exc_info = sys.exc_info()
    line = JsonFormatter().format(record)
    assert "\n" not in line
    content = json.loads(line)
    assert (content["level"], content["message"]) == ("error", "failed: é")
    assert content["exception"].startswith("Traceback")
