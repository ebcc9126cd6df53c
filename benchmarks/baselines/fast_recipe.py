"""`mnistcnn.train` with the recipe `fast`, then `evaluate`: one seed per turn."""

import sys
import time

from benchmarks.baselines import protocol

options = protocol.parse_args()

import mnistcnn  # after parse_args has set the cores  # noqa: E402
from mnistcnn.utils.environment import set_tf_defaults  # noqa: E402

set_tf_defaults(command=True)

(x_train, y_train), test = mnistcnn.load_data(options.data)
x, y = mnistcnn.preprocess(x_train[: options.images], y_train[: options.images])
x_test, y_test = mnistcnn.preprocess(*test)
for seed in range(sys.maxsize):
    protocol.wait_for_turn()
    started = time.perf_counter()
    model = mnistcnn.build_model(seed=seed)
    mnistcnn.train(model, x, y, recipe="fast", seed=seed, verbose=0)
    seconds = time.perf_counter() - started
    accuracy = mnistcnn.evaluate(model, x_test, y_test).accuracy
    protocol.report(seconds=seconds, seed=seed, accuracy=accuracy)
