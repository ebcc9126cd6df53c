"""The same batches as each type of source that the package accepts."""

import math

from mnistcnn.backend import keras, tf


class ArrayPyDataset(keras.utils.PyDataset):
    def __init__(self, x, y, batch_size):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index):
        batch = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.x[batch], self.y[batch]


class InfinitePyDataset(ArrayPyDataset):
    num_batches = None


def batch_sources(x, y, batch_size=100):
    """Return sources of the same batches of x and y by the name of their type."""
    starts = range(0, len(x), batch_size)
    batches = [(x[i : i + batch_size], y[i : i + batch_size]) for i in starts]
    return {
        "tf.data": tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size),
        "a PyDataset": ArrayPyDataset(x, y, batch_size),
        "a generator": (batch for batch in batches),
        "lists, as PyTorch's loader gives them": [list(batch) for batch in batches],
    }
