"""Other runtimes and engines, imported so that they report nothing over the network.

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
from typing import Any

_ONNXRUNTIME_VARIABLE = "ORT_DISABLE_TELEMETRY"
_OPENVINO_REPORTS = "openvino_telemetry"
_RAY_STATISTICS = "RAY_USAGE_STATS_ENABLED"
_ERRORS_ONLY = 3


def check_installed(what: str, module: str, extra: str) -> None:
    """Refuse what needs a module of an extra that is absent, and say what to install."""
    if find_spec(module) is None:
        raise ModuleNotFoundError(
            f"{what} needs {module}; pip install 'mnistcnn[{extra}]'", name=module
        )


def onnxruntime() -> ModuleType:
    """Return the module ``onnxruntime``."""
    os.environ.setdefault(_ONNXRUNTIME_VARIABLE, "1")  # read while it is imported
    return importlib.import_module("onnxruntime")


def session(network: bytes, threads: int) -> Any:
    """Return a network, an ONNX file's bytes, ready to run on so many threads; 0: each core's."""
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    return runtime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def openvino() -> ModuleType:
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


def ray() -> ModuleType:
    """Return the module ``ray``, which sends no statistics of its use unless it is told to."""
    os.environ.setdefault(_RAY_STATISTICS, "0")
    return importlib.import_module("ray")
