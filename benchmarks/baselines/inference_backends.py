"""One runtime that runs the same weights: latency and throughput, all batch sizes in each turn.

``--variant`` names the backend. Each turn reports the median seconds of a batch by its size.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.baselines import protocol

options = protocol.parse_args()

import numpy as np  # after parse_args has set the cores  # noqa: E402

Predict = Callable[[Any], Any]

BATCHES = (1, 32, 500)
_SECONDS = 0.05 if options.smoke else 0.4


def recognizer() -> Predict:
    """Return the package's reader of single digits."""
    from mnistcnn import Recognizer

    return Recognizer("best").predict_proba


def onnxruntime_session() -> Predict:
    """Return an ONNX Runtime session with its defaults."""
    import onnxruntime

    session = onnxruntime.InferenceSession(Path(options.model) / "best.onnx")
    return lambda x: session.run(None, {"images": x})[0]


def litert() -> Predict:
    """Return a LiteRT interpreter on all cores; a new batch size allocates its tensors."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(Path(options.model) / "best.tflite"), num_threads=options.cores)
    input_index = interpreter.get_input_details()[0]["index"]
    allocated: list[int] = []

    def predict(x: Any) -> Any:
        if allocated != [len(x)]:
            interpreter.resize_tensor_input(input_index, x.shape)
            interpreter.allocate_tensors()
            allocated[:] = [len(x)]
        interpreter.set_tensor(input_index, x)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return predict


def keras_model() -> Any:
    """Return the Keras model with the same weights."""
    from mnistcnn import load_pretrained

    return load_pretrained("best")


def keras_predict() -> Predict:
    """Return ``model.predict``, as most programs call it."""
    model = keras_model()
    return lambda x: model.predict(x, batch_size=500, verbose=0)


def keras_call() -> Predict:
    """Return a direct call of the model."""
    model = keras_model()
    return lambda x: model(x, training=False).numpy()


def tf_function() -> Predict:
    """Return the model as a ``tf.function``, traced once per batch size."""
    import tensorflow as tf

    model = keras_model()
    function = tf.function(lambda x: model(x, training=False))
    return lambda x: function(tf.constant(x)).numpy()


BACKENDS = {
    "recognizer": recognizer,
    "onnxruntime": onnxruntime_session,
    "litert": litert,
    "keras_predict": keras_predict,
    "keras_call": keras_call,
    "tf_function": tf_function,
}

predict = BACKENDS[options.variant]()
x, _ = protocol.load_images(options.data, max(BATCHES))
for size in BATCHES:
    predict(x[:size])
    predict(x[:size])

while True:
    protocol.wait_for_turn()
    medians = {}
    for size in BATCHES:
        batch, times, turn_start = np.ascontiguousarray(x[:size]), [], time.perf_counter()
        while time.perf_counter() - turn_start < _SECONDS or len(times) < 5:
            started = time.perf_counter()
            predict(batch)
            times.append(time.perf_counter() - started)
        medians[str(size)] = statistics.median(times)
    protocol.report(seconds=medians)
