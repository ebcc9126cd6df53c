"""The ONNX graph of the page network computes what its layers do."""

import numpy as np
import onnx
import pytest

from mnistcnn.weights.arrays import PAGE_NETWORK_WEIGHT_SHAPES, from_safetensors, to_safetensors
from mnistcnn.weights.onnx_session import open_session
from mnistcnn.weights.page_network_onnx import PAGE_STRIDE, page_network_to_onnx
from tests.helpers.models import page_network_forward, random_weights

WEIGHTS = random_weights(0, 0.05, PAGE_NETWORK_WEIGHT_SHAPES)


@pytest.mark.parametrize("shape", [(32, 32), (64, 160)])
def test_outputs_are_those_of_the_layers(shape):
    assert PAGE_STRIDE == 32
    image = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    session = open_session(page_network_to_onnx(WEIGHTS), 1)
    ink, digits = session.run(["ink", "digits"], {"image": image.transpose(2, 0, 1)[np.newaxis]})
    expected_ink, expected_digits = page_network_forward(WEIGHTS, image)
    assert ink.dtype == digits.dtype == np.float32
    assert ink.shape == (1, 2, *shape)
    assert digits.shape == (1, 14, shape[0] // 4, shape[1] // 4)
    np.testing.assert_allclose(ink[0], expected_ink, atol=1e-5)
    np.testing.assert_allclose(digits[0], expected_digits, atol=1e-4)
    assert np.ptp(ink) > 1e-3  # the outputs depend on the image
    assert np.ptp(digits[0], axis=(1, 2)).min() > 1e-3


def test_the_model_is_valid_and_for_old_runtimes():
    content = page_network_to_onnx(WEIGHTS)
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 7
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 13)]
    assert content == page_network_to_onnx([np.asfortranarray(array) for array in WEIGHTS])


@pytest.mark.parametrize(
    ("index", "array", "message"),
    [
        (0, np.zeros((3, 3, 1, 16), np.float32), r"stem/kernel must be float32 \(3, 3, 3, 16\)"),
        (1, np.zeros(16), "stem/bias must be float32"),
        (3, np.full(32, np.nan, np.float32), "down1_1/bias must be finite"),
    ],
)
def test_invalid_arrays(index, array, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        page_network_to_onnx([*WEIGHTS[:index], array, *WEIGHTS[index + 1 :]])


def test_a_file_holds_half_precision():
    content = to_safetensors(WEIGHTS, PAGE_NETWORK_WEIGHT_SHAPES)
    assert len(content) < 1.5e6
    arrays = from_safetensors(content, PAGE_NETWORK_WEIGHT_SHAPES)
    assert list(arrays) == list(PAGE_NETWORK_WEIGHT_SHAPES)
    for array, weights in zip(arrays.values(), WEIGHTS, strict=True):
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, weights.astype(np.float16))


def test_values_beyond_half_precision_are_rejected():
    large = [*WEIGHTS[:-1], np.full_like(WEIGHTS[-1], 1e6)]
    with pytest.raises(ValueError, match="^digits_2/bias must be finite; received NaN or infinity"):
        to_safetensors(large, PAGE_NETWORK_WEIGHT_SHAPES)
