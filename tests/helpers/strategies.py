"""Hypothesis strategies."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

COUNTS = st.integers(0, 4)
BYTES = st.integers(0, 255)
CLASSES = st.integers(0, 9)

uint8_images = COUNTS.flatmap(
    lambda n: hnp.arrays(np.uint8, (n, 28, 28), elements=BYTES, fill=BYTES)
)
uint8_image = hnp.arrays(np.uint8, (28, 28), elements=BYTES, fill=BYTES)

integer_dtypes = st.sampled_from(["u1", "<u2", ">u2", "<i2", ">i4", "<i8", ">u8"])
float_dtypes = st.sampled_from(["<f2", "<f4", ">f4", "<f8", ">f8"])


@st.composite
def unit_images(draw):
    """Floating-point images in [0, 1] of any width and byte order."""
    dtype = np.dtype(draw(float_dtypes))
    elements = st.floats(0, 1, width=8 * dtype.itemsize)
    return draw(hnp.arrays(dtype, (draw(COUNTS), 28, 28), elements=elements, fill=elements))


@st.composite
def labeled_probabilities(draw, min_size=1, max_size=12):
    """A pair ``(probabilities, labels)`` of the same length."""
    n = draw(st.integers(min_size, max_size))
    targets = draw(hnp.arrays(np.int64, n, elements=CLASSES))
    scores = draw(
        hnp.arrays(np.float64, (n, 10), elements=st.floats(0.0, 1.0, allow_subnormal=False))
    )
    scores += 1e-9
    return scores / scores.sum(axis=1, keepdims=True), targets


def labels(n):
    return hnp.arrays(np.uint8, n, elements=CLASSES)


@st.composite
def datasets(draw):
    """The four ``uint8`` arrays of a small data set."""
    arrays = []
    for _ in range(2):
        n = draw(COUNTS)
        arrays.append(draw(hnp.arrays(np.uint8, (n, 28, 28), elements=BYTES, fill=BYTES)))
        arrays.append(draw(labels(n)))
    return arrays


idx_arrays = st.one_of(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=1, min_side=0), elements=BYTES),
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, min_side=0), elements=BYTES),
)

image_dtypes = st.sampled_from(
    ["bool", "u1", "<u2", ">u2", "<i2", ">i4", "<i8", ">u8", "<f2", "<f4", ">f4", "<f8", ">f8"]
)


@st.composite
def pixels(draw, dtype, max_side=6):
    """Pixels of a small image, gray or color, with or without transparency."""
    height, width = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    shape = (height, width, *draw(st.sampled_from([(), (1,), (3,), (4,)])))
    return draw(hnp.arrays(dtype, shape, elements=BYTES, fill=BYTES))


def convert_pixels(pixels, dtype):
    """Return bytes scaled to the range of another dtype, and the value of white."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return pixels > 127, 1
    if dtype.kind == "f":
        return (pixels / 255).astype(dtype), 1
    if dtype.kind == "u" and dtype.itemsize == 2:
        return (257 * pixels.astype(int)).astype(dtype), 65535
    return pixels.astype(dtype), 255
