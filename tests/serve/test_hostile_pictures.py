"""Hostile pictures: each is read or rejected with one sentence, and the service continues."""

import random

import pytest

from benchmarks.robustness.fuzz_images import image_targets
from benchmarks.robustness.mutators import mutate
from tests.security.test_image_bombs import REJECTED

TARGETS = {target.name: target for target in image_targets()}


def check_answer(response):
    assert response.status_code in (200, 422)
    if response.status_code == 422:
        assert list(response.json()) == ["detail"]
        detail = response.json()["detail"]
        assert 10 < len(detail) <= 1000
        assert detail.isprintable()


@pytest.mark.parametrize("name", TARGETS)
def test_a_mutated_picture_is_read_or_rejected(client, name, picture):
    rng = random.Random(name)
    for seed in TARGETS[name].seeds:
        for _ in range(3):
            check_answer(client.post("/read", content=mutate(seed, rng)))
    assert client.post("/read", content=picture).json()["images"][0]["text"] == "871"


@pytest.mark.slow
def test_a_picture_that_would_take_too_much_is_rejected(client, picture):
    max_bytes = client.app.state.settings.max_bytes
    for name, (create, message) in REJECTED.items():
        content = create()
        if not name.endswith(".json") and len(content) <= max_bytes:  # JSON describes an array
            response = client.post("/read", content=content)
            check_answer(response)
            assert f" {message}" in response.json()["detail"], name
    assert client.post("/read", content=picture).json()["images"][0]["text"] == "871"
