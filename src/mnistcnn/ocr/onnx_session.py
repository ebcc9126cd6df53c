"""ocr.onnx_session"""

from __future__ import annotations

from typing import Any

from mnistcnn.utils.environment import import_onnxruntime

_ERRORS_ONLY = 3


def create_session(network: bytes, threads: int) -> Any:
    """Return a network, an ONNX file's bytes, ready to run on so many threads; 0: each core's."""
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    return runtime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
