"""preprocess: exact values, no side effects, and validation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn import preprocess
from tests.helpers import strategies


@given(strategies.uint8_images)
def test_shape_dtype_range_and_exact_inverse(images):
    x = preprocess(images)
    assert x.shape == (len(images), 28, 28, 1)
    assert x.dtype == np.float32
    assert x.dtype.isnative
    assert x.flags.c_contiguous
    assert x.flags.writeable
    assert not x.size or (x.min() >= 0 and x.max() <= 1)
    assert np.array_equal(np.rint(x[..., 0] * 255).astype(np.uint8), images)
    # Equal to the bit to the line of the notebook.
    assert np.array_equal(x, np.expand_dims(images.astype(np.float32) / 255, -1))


@given(strategies.uint8_images, strategies.integer_dtypes)
def test_all_integer_dtypes_and_memory_layouts_are_equal(images, dtype):
    wide = images.astype(dtype)
    expected = preprocess(images)
    assert np.array_equal(preprocess(wide), expected)
    strided = np.repeat(wide, 2, axis=-1)[..., ::2]
    assert np.array_equal(preprocess(strided), expected)
    assert np.array_equal(preprocess(np.asfortranarray(wide)), expected)
    assert np.array_equal(preprocess(wide[..., np.newaxis]), expected)


@given(st.one_of(strategies.uint8_images, strategies.unit_images()))
def test_the_input_is_neither_changed_nor_shared(images):
    before = images.copy()
    images.setflags(write=False)
    x = preprocess(images)
    x += 1
    assert np.array_equal(images, before)


@given(strategies.unit_images())
def test_floats_are_not_scaled(images):
    x = preprocess(images)
    assert np.array_equal(x[..., 0], images.astype(np.float32))


@given(strategies.uint8_images)
def test_idempotent(images):
    x = preprocess(images)
    assert np.array_equal(preprocess(x), x)


@given(strategies.uint8_images, st.randoms(use_true_random=False))
def test_images_are_independent_of_each_other(images, random):
    order = list(range(len(images)))
    random.shuffle(order)
    x = preprocess(images)
    assert np.array_equal(preprocess(images[order]), x[order])
    for i, image in enumerate(images):
        assert np.array_equal(preprocess(image)[0], x[i])


@given(strategies.uint8_image)
def test_a_single_image_with_or_without_a_channel_axis(image):
    assert preprocess(image).shape == (1, 28, 28, 1)
    assert np.array_equal(preprocess(image[..., np.newaxis]), preprocess(image))
    assert np.array_equal(preprocess(image.tolist()), preprocess(image))


def test_28_images_are_a_batch():
    assert preprocess(np.zeros((28, 28, 28), np.uint8)).shape == (28, 28, 28, 1)


@given(st.integers(0, 30).flatmap(strategies.labels), strategies.integer_dtypes)
def test_one_hot(labels, dtype):
    images = np.zeros((len(labels), 28, 28), np.uint8)
    _, y = preprocess(images, labels.astype(dtype))
    assert y.shape == (len(labels), 10)
    assert y.dtype == np.float32
    assert np.array_equal(y, np.eye(10, dtype=np.float32)[labels])
    assert np.array_equal(y.argmax(axis=1), labels) or not len(labels)
    _, again = preprocess(images, y)
    assert np.array_equal(again, y)
    assert again is not y
    _, from_floats = preprocess(images, labels.astype(np.float64))
    assert np.array_equal(from_floats, y)


def test_a_scalar_labels_a_single_image():
    _, y = preprocess(np.zeros((28, 28), np.uint8), 7)
    assert y.tolist() == [[0, 0, 0, 0, 0, 0, 0, 1, 0, 0]]


def test_num_classes():
    _, y = preprocess(np.zeros((2, 28, 28), np.uint8), [0, 2], num_classes=3)
    assert y.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_labels_by_name():
    images, names = np.zeros((3, 28, 28), np.uint8), ["a", "b", "10"]
    for labels in (
        ["10", "a", "b"],
        np.array(["10", "a", "b"]),
        np.array(["10", "a", "b"], object),
    ):
        _, y = preprocess(images, labels, class_names=names)
        assert y.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    for numbers in ([2, 0, 1], np.eye(3)[[2, 0, 1]]):
        assert np.array_equal(preprocess(images, numbers, class_names=names)[1], y)
    assert preprocess(images[0], "b", class_names=names, num_classes=3)[1].tolist() == [[0, 1, 0]]


@given(strategies.uint8_images)
def test_rows_of_784_pixels(images):
    assert np.array_equal(preprocess(images.reshape(-1, 784)), preprocess(images))
    floats = images.reshape(-1, 784) / 255
    assert np.array_equal(preprocess(floats)[..., 0], floats.reshape(-1, 28, 28).astype(np.float32))


def data_frame(images, labels):
    columns = {"label": labels} | {f"pixel{i}": images[:, i] for i in range(784)}
    return pd.DataFrame(columns)


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "Float32"])
def test_nullable_columns(dtype, digits):
    """``convert_dtypes`` and ``read_csv(dtype_backend=...)`` return them."""
    images, labels = (array[:20] for array in digits.train)
    scale = 255 if dtype == "Float32" else 1
    frame = pd.DataFrame(images.reshape(-1, 784) / scale).astype(dtype)
    x, y = preprocess(frame, pd.Series(labels).astype("Int64"))
    expected_x, expected_y = preprocess(images, labels)
    assert np.allclose(x, expected_x, atol=1e-7)
    assert np.array_equal(y, expected_y)
    frame.iloc[7, 3] = pd.NA
    with pytest.raises(
        ValueError, match="images must have no missing values; received one in row 7"
    ):
        preprocess(frame)
    with pytest.raises(TypeError, match="images must be integers or floats; received dtype object"):
        preprocess(frame.astype(str))


@pytest.mark.parametrize("dtype", ["u1", "i8", "f8"])
def test_a_data_frame(dtype, digits):
    images, labels = (array[:20] for array in digits.train)
    values = images.reshape(-1, 784) / 255 if dtype == "f8" else images.reshape(-1, 784)
    frame = data_frame(values.astype(dtype), labels)
    x, y = preprocess(frame.drop(columns="label"), frame["label"])
    expected_x, expected_y = preprocess(images, labels)
    assert np.allclose(x, expected_x, atol=1e-7)
    assert np.array_equal(y, expected_y)
    # After a selection, the index has gaps.
    assert np.array_equal(preprocess(frame.drop(columns="label")[::2]), x[::2])


def test_a_data_frame_with_labels_is_rejected_with_a_way_out(digits):
    images, labels = (array[:3] for array in digits.train)
    frame = data_frame(images.reshape(-1, 784), labels)
    with pytest.raises(ValueError, match=r"received \(3, 785\): pass the column 'label' as labels"):
        preprocess(frame)
    with pytest.raises(ValueError, match=r"received \(3, 783\)$"):
        preprocess(frame.drop(columns=["label", "pixel0"]))


def zeros(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype)


def with_value(value, dtype):
    images = zeros(1, 28, 28, dtype=dtype)
    images[0, 3, 4] = value
    return images


SHAPES = r"images must have shape \(28, 28\), \(n, 28, 28\), \(28, 28, 1\), \(n, 28, 28, 1\) or \(n, 784\); "


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (with_value(256, np.int32), ValueError, r"integer images must lie in 0\.\.\.255; received 0\.\.\.256"),
        (with_value(-1, np.int8), ValueError, r"integer images must lie in 0\.\.\.255; received -1\.\.\.0"),
        (with_value(np.nan, np.float32), ValueError, r"floating-point images must lie in \[0, 1\]; received NaN"),
        (with_value(np.inf, np.float32), ValueError, r"floating-point images must lie in \[0, 1\]; received 0\.\.\.inf"),
        (with_value(1.5, np.float64), ValueError, r"floating-point images must lie in \[0, 1\]; received 0\.\.\.1\.5"),
        (with_value(1.0000001, np.float64), ValueError, r"received 0\.\.\.1\.0000001"),
        (with_value(-0.1, np.float64), ValueError, r"received -0\.1\.\.\.0"),
        (zeros(2, 27, 28), ValueError, SHAPES + r"received \(2, 27, 28\)"),
        (zeros(784), ValueError, SHAPES + r"received \(784,\)"),
        (zeros(2, 783), ValueError, SHAPES + r"received \(2, 783\)$"),
        (zeros(2, 784, 1), ValueError, SHAPES + r"received \(2, 784, 1\)"),
        (zeros(2, 28, 28, 3), ValueError, SHAPES + r"received \(2, 28, 28, 3\)"),
        (zeros(1, 2, 28, 28), ValueError, SHAPES + r"received \(1, 2, 28, 28\)"),
        (zeros(1, 2, 28, 28, 1), ValueError, SHAPES + r"received \(1, 2, 28, 28, 1\)"),
        (zeros(1, 28, 28, dtype=object), TypeError, "images must be integers or floats; received dtype object"),
        (zeros(1, 28, 28, dtype=bool), TypeError, "received dtype bool"),
        (zeros(1, 28, 28, dtype=complex), TypeError, "received dtype complex128"),
        ("an image.png", TypeError, "images must be integers or floats; received dtype <U12"),
        (None, TypeError, "received dtype object"),
        ([[1, 2], [3]], ValueError, "images must be convertible to one array; received list"),
    ],
)  # fmt: skip
def test_invalid_images_are_rejected(images, error, message):
    with pytest.raises(error, match=message):
        preprocess(images)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 10], ValueError, r"labels must lie in 0\.\.\.9; received 10 in row 1: give num_classes for more classes$"),
        ([-1, 0], ValueError, r"labels must lie in 0\.\.\.9; received -1 in row 0$"),
        ([0, 1.5], ValueError, r"labels must be integers; received 1\.5 in row 1$"),
        ([np.nan, 0], ValueError, r"labels must be integers; received nan in row 0$"),
        ([np.inf, 0], ValueError, r"labels must lie in 0\.\.\.9; received inf"),
        ([0, 1, 2], ValueError, "images and labels must have the same length; received 2 and 3"),
        ([[0], [1]], ValueError, r"labels must have shape \(n,\), or be one-hot of shape \(n, 10\); received shape \(2, 1\)"),
        (np.full((2, 10), 0.1), ValueError, r"received shape \(2, 10\) with rows that are not one-hot"),
        (["3", "7"], TypeError, "labels must be integers or floats; received dtype <U1"),
        ([True, False], TypeError, "received dtype bool"),
    ],
)  # fmt: skip
def test_invalid_labels_are_rejected(labels, error, message):
    with pytest.raises(error, match=message):
        preprocess(zeros(2, 28, 28), labels)


@pytest.mark.parametrize(
    ("num_classes", "error", "message"),
    [
        (0, ValueError, "num_classes must be at least 1; received 0"),
        (10.0, TypeError, "num_classes must be an integer; received 10.0"),
        (True, TypeError, "num_classes must be an integer; received True"),
    ],
)
def test_an_invalid_number_of_classes_is_rejected(num_classes, error, message):
    with pytest.raises(error, match=message):
        preprocess(zeros(1, 28, 28), [0], num_classes=num_classes)


@pytest.mark.parametrize(
    ("options", "labels", "error", "message"),
    [
        ({"class_names": "ab"}, [0], TypeError, "class_names must be a list of strings; received 'ab'"),
        ({"class_names": 3}, [0], TypeError, "class_names must be a list of strings; received 3"),
        ({"class_names": [0, 1]}, [0], TypeError, "class_names must be strings; received 0"),
        ({"class_names": ["a", "b", "a"]}, [0], ValueError, "class_names must differ; received 'a' twice"),
        ({"class_names": []}, [0], ValueError, "class_names must hold at least one name; received 0"),
        ({"class_names": ["a"], "num_classes": 2}, [0], ValueError, "class_names must hold 2 names; received 1"),
        ({"class_names": ["a", " "]}, [0], ValueError, "class_names must be printable, of 1 to 64 characters; received ' '"),
        ({"class_names": ["a", "b\n"]}, [0], ValueError, r"class_names must be printable, .*; received 'b\\n'"),
        ({"class_names": ["a" * 65]}, [0], ValueError, "class_names must be printable, of 1 to 64 characters; received 'aaa"),
        ({"class_names": ["a", "b"]}, ["q"], ValueError, "labels must be among the 2 class_names; received 'q' in row 0"),
        ({"class_names": ["a", "b"]}, [2], ValueError, r"labels must lie in 0\.\.\.1; received 2 in row 0$"),
        ({"num_classes": 26}, [26], ValueError, r"labels must lie in 0\.\.\.25; received 26 in row 0: give num_classes"),
    ],
)  # fmt: skip
def test_class_names_are_checked(options, labels, error, message):
    with pytest.raises(error, match=message):
        preprocess(zeros(1, 28, 28), labels, **options)
