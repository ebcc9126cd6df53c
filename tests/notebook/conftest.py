"""Fixtures for the tests of notebooks."""

from tests.helpers.notebook import fake_kernel  # noqa: F401  # a fixture
