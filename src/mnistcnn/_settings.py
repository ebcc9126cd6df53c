"""What TensorFlow is told before it starts, where the user has not said otherwise.

These are environment variables that TensorFlow reads while it is imported; a value that the
user has set stays. They are read here without importing TensorFlow.
"""

from __future__ import annotations

import os


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


SETTINGS = {
    # Its own start-up log tells nothing that a user could act on.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # oneDNN's convolutions; TensorFlow leaves them off on processors without AVX-512.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # A training step has two halves that run side by side, so each gets half of the cores.
    "TF_NUM_INTRAOP_THREADS": str(max(1, cores() // 2)),
}


def apply() -> None:
    """Put the settings into the environment, from where TensorFlow takes them."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def current() -> dict[str, str]:
    """Return what TensorFlow will find, or has found, under each name."""
    return {name: os.environ.get(name, value) for name, value in SETTINGS.items()}
