"""Opening a network, given as the bytes of an ONNX file, in ONNX Runtime."""

from __future__ import annotations

from typing import Any

from mnistcnn.utils.environment import import_onnxruntime

_LOG_ERRORS_ONLY = 3


def open_session(model: bytes, num_threads: int) -> Any:
    """Return an ``onnxruntime.InferenceSession`` on the CPU.

    Parameters
    ----------
    model : bytes
        The ONNX file.
    num_threads : int
        Number of threads per call; 0 means one per core.
    """
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = _LOG_ERRORS_ONLY
    options.intra_op_num_threads = num_threads
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
