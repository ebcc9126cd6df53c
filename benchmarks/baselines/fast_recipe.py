"""The recipe `fast` on the first images, then the test images: a seed a turn."""

import sys
import time

import protocol

options = protocol.options()

import mnistcnn  # noqa: E402  # after the process has its cores

(x_train, y_train), test = mnistcnn.load_data(options.data)
x, y = mnistcnn.preprocess(x_train[: options.images], y_train[: options.images])
x_test, y_test = mnistcnn.preprocess(*test)
for seed in range(sys.maxsize):
    protocol.wait()
    started = time.perf_counter()
    model = mnistcnn.build_model(seed=seed)
    mnistcnn.train(model, x, y, recipe="fast", seed=seed, verbose=0)
    seconds = time.perf_counter() - started
    accuracy = mnistcnn.evaluate(model, x_test, y_test).accuracy
    protocol.tell(seconds=seconds, seed=seed, accuracy=accuracy)
