"""The machine's limit: float32 matrix products in NumPy, on all cores given."""

import time

import protocol

options = protocol.options()

import numpy as np  # noqa: E402  # after the process has its cores

SIZE, TIMES = 2048, 8
a = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
a @ a

while True:
    protocol.wait()
    started = time.perf_counter()
    for _ in range(TIMES):
        a @ a
    protocol.tell(gflops=2 * SIZE**3 * TIMES / (time.perf_counter() - started) / 1e9)
