"""One way to run the network, in a process of its own: latency, throughput, results.

``--style`` names the way. Each turn answers with the median microseconds for one image, and the
images a second for each batch size.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import protocol

options = protocol.options()

import numpy as np  # noqa: E402  # after the process has its cores

Predict = Callable[[Any], Any]

BATCHES = (1, 32, 500)
_SECONDS = 0.4


def recognizer() -> Predict:
    """Return mnistcnn's own."""
    from mnistcnn import Recognizer

    return Recognizer("best").predict_proba


def bare_onnx() -> Predict:
    """Return a plain session of ONNX Runtime with its defaults."""
    import onnxruntime

    session = onnxruntime.InferenceSession(Path(options.model) / "best.onnx")
    return lambda x: session.run(None, {"images": x})[0]


def litert() -> Predict:
    """Return LiteRT's interpreter on all cores, its tensors allocated anew when n changes."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(Path(options.model) / "best.tflite"), num_threads=options.cores)
    place = interpreter.get_input_details()[0]["index"]
    last: list[int] = []

    def predict(x: Any) -> Any:
        if last != [len(x)]:
            interpreter.resize_tensor_input(place, x.shape)
            interpreter.allocate_tensors()
            last[:] = [len(x)]
        interpreter.set_tensor(place, x)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return predict


def keras_model() -> Any:
    """Return the same weights in Keras."""
    from mnistcnn import load_pretrained

    return load_pretrained("best")


def keras_predict() -> Predict:
    """Return Keras' predict, as most people call it."""
    model = keras_model()
    return lambda x: model.predict(x, batch_size=500, verbose=0)


def keras_call() -> Predict:
    """Return a call of the model."""
    model = keras_model()
    return lambda x: model(x, training=False).numpy()


def tf_function() -> Predict:
    """Return the model as one compiled function, traced once for each batch size."""
    import tensorflow as tf

    model = keras_model()
    function = tf.function(lambda x: model(x, training=False))
    return lambda x: function(tf.constant(x)).numpy()


WAYS = {
    "recognizer": recognizer,
    "bare_onnx": bare_onnx,
    "litert": litert,
    "keras_predict": keras_predict,
    "keras_call": keras_call,
    "tf_function": tf_function,
}

predict = WAYS[options.style]()
x, _ = protocol.images(options.data, max(BATCHES))
for size in BATCHES:
    predict(x[:size])
    predict(x[:size])

while True:
    protocol.wait()
    medians = {}
    for size in BATCHES:
        batch, times, begun = np.ascontiguousarray(x[:size]), [], time.perf_counter()
        while time.perf_counter() - begun < _SECONDS or len(times) < 5:
            started = time.perf_counter()
            predict(batch)
            times.append(time.perf_counter() - started)
        medians[str(size)] = statistics.median(times)
    protocol.tell(seconds=medians)
