"""The same images as each kind of stream that may come."""

import math

from mnistcnn.backend import keras, tf


class OfKeras(keras.utils.PyDataset):
    def __init__(self, x, y, size):
        super().__init__()
        self.x, self.y, self.size = x, y, size

    def __len__(self):
        return math.ceil(len(self.x) / self.size)

    def __getitem__(self, number):
        part = slice(number * self.size, (number + 1) * self.size)
        return self.x[part], self.y[part]


class Endless(OfKeras):
    num_batches = None


def streams(x, y, size=100):
    """Pairs of x and y in the same batches, by the name of the kind."""
    parts = [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]
    return {
        "tf.data": tf.data.Dataset.from_tensor_slices((x, y)).batch(size),
        "a PyDataset": OfKeras(x, y, size),
        "a generator": (pair for pair in parts),
        "lists, as PyTorch's loader gives them": [list(pair) for pair in parts],
    }
