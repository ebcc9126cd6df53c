"""Fixtures for the tests of training."""

import pytest

from mnistcnn.training import augmentation


@pytest.fixture
def small_banks(monkeypatch):
    """Precompute few displacement fields and textures, which takes milliseconds."""
    monkeypatch.setattr(augmentation, "_NUM_FIELDS", 32)
    monkeypatch.setattr(augmentation, "_NUM_TEXTURES", 32)
