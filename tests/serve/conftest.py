"""Fixtures for the tests of the service."""

import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from mnistcnn.serve.app import create_app
from mnistcnn.serve.settings import Settings


@pytest.fixture(scope="session")
def client():
    """A client of the service with its default settings."""
    with TestClient(create_app(Settings(concurrency=2))) as client:
        yield client


@pytest.fixture
def client_of():
    """A function that returns a client of a service with other settings."""
    clients = []

    def create(**settings):
        client = TestClient(create_app(Settings(concurrency=1, **settings)))
        clients.append(client.__enter__())
        return clients[-1]

    yield create
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture(scope="session")
def pixels(digits):
    """A page that reads 871, ``uint8 (52, 156)``."""
    return 255 - np.hstack([np.pad(image, 12) for image in digits.test.images[3:6]])


@pytest.fixture(scope="session")
def picture(pixels):
    """The page as the content of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
