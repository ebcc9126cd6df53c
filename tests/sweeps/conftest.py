"""Fixtures for the tests of sweeps."""

from tests.helpers.sweep_runs import fake_processes  # noqa: F401  # a fixture
