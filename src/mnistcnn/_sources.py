"""Images that a dataset gives a batch at a time, however many there are."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mnistcnn._backend import keras, tf
from mnistcnn._feeds import Feed, OfKeras, OfTensorFlow
from mnistcnn._passes import Pair
from mnistcnn._types import NUM_CLASSES

# What tf.data says of a number of batches that was asserted and is another.
_OTHER_COUNT = re.compile(r"expected to contain (\d+) elements? but contained (.+?) (\d+) element")
# So that a batch is made while another is trained on.
_AHEAD = 2


class Source:
    """Batches of a dataset that were seen to be preprocessed, a pass at a time.

    Attributes
    ----------
    steps : int, optional
        How many batches a pass has. ``None``: known at its end.
    text : str
        What is known of it before it is read.
    passes : int
        How many passes were begun.
    """

    def __init__(self, name: str, prefix: str, dataset: Any) -> None:
        self.name = name
        kind = OfKeras if is_py_dataset(dataset) else OfTensorFlow
        self._feed: Feed = kind(name, prefix, dataset)
        self.steps, self.text = self._feed.steps, self._feed.text
        self._smoothing = 0.0

    @property
    def passes(self) -> int:
        return self._feed.passes

    @property
    def error(self) -> Exception | None:
        """Why a batch could not be had, where Python knows."""
        return self._feed.error

    def smoothed(self, share: float) -> Source:
        """Return the same batches with that share of the labels' certainty spread evenly."""
        other = copy.copy(self)
        other._smoothing = share  # noqa: SLF001  # it is one of these
        return other

    def batches(self, first: int = 0) -> tf.data.Dataset:
        """Return a pass from the batch `first` on: ``float32`` images and labels."""
        dataset, share = self._feed.batches(first), self._smoothing
        if share:
            keep, spread = np.float32(1 - share), np.float32(share / NUM_CLASSES)
            dataset = dataset.map(lambda x, y: (x, y * keep + spread))
        return dataset.prefetch(_AHEAD)

    def advance(self, passes: int) -> None:
        """Make up for passes that a run before this one has made."""
        while self.passes < passes:
            self._feed.leave_out()

    def begin(self) -> None:
        """Tell the dataset that a pass begins."""
        self._feed.begin()

    def end(self) -> None:
        """Tell the dataset that a pass has ended, if one had begun."""
        self._feed.end()


Data = Pair | Source


def is_py_dataset(value: Any) -> bool:
    """Tell whether it is a dataset of Keras."""
    return isinstance(value, keras.utils.PyDataset)


def is_dataset(value: Any) -> bool:
    """Tell whether it brings batches of its own."""
    return isinstance(value, tf.data.Dataset) or is_py_dataset(value)


def steps_of(data: Data, batch_size: int) -> int | None:
    """Return how many batches a pass over it has, if that is known."""
    if isinstance(data, Source):
        return data.steps
    return math.ceil(len(data[0]) / batch_size)


def skip(data: Data, passes: int) -> None:
    """Leave out the passes of a training that need not be done again."""
    if isinstance(data, Source):
        data.advance(data.passes + passes)


@contextmanager
def told(*data: Data | None) -> Iterator[None]:
    """Raise what was wrong with a batch, in place of what TensorFlow makes of it."""
    try:
        yield
    except tf.errors.OpError as error:
        for source in data:
            if isinstance(source, Source) and source.error is not None:
                raise source.error from None
        found = _OTHER_COUNT.search(str(error))
        if found is not None:
            told_of, whether, count = found.groups()
            raise ValueError(
                f"a dataset must hold as many batches as it says, {told_of}; "
                f"received {count if whether == 'only' else 'more'}"
            ) from None
        raise
