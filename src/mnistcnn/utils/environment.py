"""What TensorFlow is told before it starts, where the user has not said otherwise.

These are environment variables that TensorFlow reads while it is imported; a value that the
user has set stays. They are read here without importing TensorFlow.

Other runtimes and engines, imported so that they report nothing over the network.

Both ONNX Runtime and OpenVINO tell their makers of each import unless they are stopped,
and keep a number for this machine in the user's home; Ray tells of each cluster that it
begins. A user who set a variable of theirs, or imported them before, has decided, and
that stays.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.util import find_spec
from types import ModuleType


def cpu_count() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


TF_DEFAULTS = {
    # Its own start-up log tells nothing that a user could act on.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # oneDNN's convolutions; TensorFlow leaves them off on processors without AVX-512.
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # A training step has two halves that run side by side, so each gets half of the cores.
    "TF_NUM_INTRAOP_THREADS": str(max(1, cpu_count() // 2)),
}


def set_tf_defaults() -> None:
    """Put the settings into the environment, from where TensorFlow takes them."""
    for name, value in TF_DEFAULTS.items():
        os.environ.setdefault(name, value)


def tf_settings() -> dict[str, str]:
    """Return what TensorFlow will find, or has found, under each name."""
    return {name: os.environ.get(name, value) for name, value in TF_DEFAULTS.items()}


_ONNXRUNTIME_VARIABLE = "ORT_DISABLE_TELEMETRY"
_OPENVINO_REPORTS = "openvino_telemetry"
_RAY_STATISTICS = "RAY_USAGE_STATS_ENABLED"


def require_extra(what: str, module: str, extra: str) -> None:
    """Refuse what needs a module of an extra that is absent, and say what to install."""
    if find_spec(module) is None:
        raise ModuleNotFoundError(
            f"{what} needs {module}; pip install 'mnistcnn[{extra}]'", name=module
        )


def import_onnxruntime() -> ModuleType:
    """Return the module ``onnxruntime``."""
    os.environ.setdefault(_ONNXRUNTIME_VARIABLE, "1")  # read while it is imported
    return importlib.import_module("onnxruntime")


def import_openvino() -> ModuleType:
    """Return the module ``openvino``.

    It has no setting for this; where the package that sends the reports is absent, it does
    without. So that package is hidden while OpenVINO is imported.
    """
    if "openvino" in sys.modules or _OPENVINO_REPORTS in sys.modules:
        return importlib.import_module("openvino")
    sys.modules[_OPENVINO_REPORTS] = None  # type: ignore[assignment]  # None: not to be had
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[_OPENVINO_REPORTS]


def import_ray() -> ModuleType:
    """Return the module ``ray``, which sends no statistics of its use unless it is told to."""
    os.environ.setdefault(_RAY_STATISTICS, "0")
    return importlib.import_module("ray")
