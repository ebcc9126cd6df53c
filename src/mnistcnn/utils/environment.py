"""The environment: available cores, library versions, settings and imports of runtimes.

TensorFlow reads its settings from environment variables when it is imported, Matplotlib from a
file of the current folder. ONNX Runtime, OpenVINO and Ray send usage reports unless disabled. The
functions here set defaults; a variable that the user has set, or a library that is imported
already, is left as it is.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import mnistcnn
from mnistcnn.utils.requirements import MissingLibraryError, is_installed, with_extra

# Above this and the number of cores, the machine would only become unresponsive.
_MAX_PARALLEL = 64


def cpu_count() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def max_parallel() -> int:
    """Return the largest number of threads or processes that a user may ask for."""
    return max(_MAX_PARALLEL, cpu_count())


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that numerical results depend on.

    With ``mnistcnn-slim``, Keras and TensorFlow may be ``"not installed"``.
    """
    installed = {name: _installed_version(name) for name in ("keras", "tensorflow", "numpy")}
    return {"mnistcnn": mnistcnn.__version__, **installed}


def _installed_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def software_versions() -> dict[str, str]:
    """Return the versions of Python and of `library_versions`."""
    return {"python": platform.python_version(), **library_versions()}


TF_DEFAULTS = {
    # TensorFlow's start-up log contains nothing that a user can act on.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # TensorFlow disables oneDNN's faster convolutions on processors without AVX-512.
    "TF_ENABLE_ONEDNN_OPTS": "1",
}
# The command sets it too. The library does not: it would slow down other models of the process.
TF_COMMAND_DEFAULTS = {
    **TF_DEFAULTS,
    # A training step runs two halves in parallel, so each gets half of the cores.
    "TF_NUM_INTRAOP_THREADS": str(max(1, cpu_count() // 2)),
}
# On x86 processors with one of these features, TensorFlow enables oneDNN's convolutions itself.
_ONEDNN_FEATURES = {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"}


def set_tf_defaults(*, command: bool = False) -> None:
    """Set the environment variables of TensorFlow that are not set.

    `command` is whether the process belongs to the command ``mnistcnn``.
    """
    for name, value in (TF_COMMAND_DEFAULTS if command else TF_DEFAULTS).items():
        os.environ.setdefault(name, value)


def tf_settings() -> dict[str, str]:
    """Return the settings with which the command imports TensorFlow, without importing it."""
    return {name: os.environ.get(name, value) for name, value in TF_COMMAND_DEFAULTS.items()}


def warn_of_slow_convolutions() -> None:
    """Warn if TensorFlow, imported already, does not use oneDNN's convolutions.

    Call it once per process. Where TensorFlow's own default is not known, there is no warning.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):  # another system
        return
    flags = next((line.split() for line in lines if line.startswith("flags")), None)
    if flags is None or _ONEDNN_FEATURES.intersection(flags):
        return
    # A variable that is set now may have been set after the import; then the user knows it.
    if "TF_ENABLE_ONEDNN_OPTS" not in os.environ:
        warnings.warn(
            "TensorFlow was imported before mnistcnn could enable oneDNN's convolutions, without "
            "which training takes longer; import build_model or train from mnistcnn before keras "
            "and tensorflow, or set TF_ENABLE_ONEDNN_OPTS=1",
            stacklevel=2,
        )


_ONNXRUNTIME_VARIABLE = "ORT_DISABLE_TELEMETRY"
_OPENVINO_TELEMETRY = "openvino_telemetry"
_RAY_VARIABLE = "RAY_USAGE_STATS_ENABLED"


def require_extra(what: str, module: str, extra: str) -> None:
    """Raise ``ModuleNotFoundError`` with the install command if `module` is not installed."""
    if not is_installed(module):
        raise MissingLibraryError(
            f"{what} needs {module}; pip install '{with_extra(extra)}'", name=module
        )


def import_onnxruntime() -> ModuleType:
    """Import ``onnxruntime`` without telemetry."""
    os.environ.setdefault(_ONNXRUNTIME_VARIABLE, "1")  # It is read during the import.
    return importlib.import_module("onnxruntime")


def import_openvino() -> ModuleType:
    """Import ``openvino`` without telemetry.

    OpenVINO has no setting that disables telemetry, but does without if the package that sends
    it is not installed. So that package is hidden during the import.
    """
    if "openvino" in sys.modules or _OPENVINO_TELEMETRY in sys.modules:
        return importlib.import_module("openvino")
    sys.modules[_OPENVINO_TELEMETRY] = None  # type: ignore[assignment]  # not importable
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[_OPENVINO_TELEMETRY]


def import_matplotlib() -> ModuleType:
    """Import ``matplotlib`` without the ``matplotlibrc`` of the current folder.

    Matplotlib reads that file before the user's own, and it can start LaTeX. The folder may hold
    a stranger's files, so another folder is the current one during the import. Call it where no
    other thread uses relative paths.
    """
    if "matplotlib" in sys.modules:
        return importlib.import_module("matplotlib")
    try:
        folder = Path.cwd()
    except OSError:  # it was deleted
        return importlib.import_module("matplotlib")
    os.chdir(Path(__file__).parent)
    try:
        return importlib.import_module("matplotlib")
    finally:
        os.chdir(folder)


def import_ray() -> ModuleType:
    """Import ``ray`` without usage statistics."""
    os.environ.setdefault(_RAY_VARIABLE, "0")
    return importlib.import_module("ray")
