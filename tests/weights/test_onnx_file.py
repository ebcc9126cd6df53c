"""Writing the network as ONNX and reading its weights back."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mnistcnn
from mnistcnn.utils import environment
from mnistcnn.weights import onnx_file
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, cnn_weight_shapes
from mnistcnn.weights.onnx_file import class_names_of_onnx, from_onnx, parse_onnx, to_onnx
from mnistcnn.weights.pretrained import load_pretrained_weights
from tests.helpers.models import numpy_forward, random_weights

WEIGHTS = load_pretrained_weights("best").weights(calibrated=True)
CONTENT = to_onnx(WEIGHTS)


def run(content, images):
    session = environment.import_onnxruntime().InferenceSession(
        content, providers=["CPUExecutionProvider"]
    )
    return session.run(["probabilities"], {"images": images})[0]


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.floats(0, 0.2),
    n=st.sampled_from([1, 3]),
)
def test_probabilities_are_those_of_the_layers(seed, scale, n):
    weights = random_weights(seed, scale)
    images = np.random.default_rng(seed).random((n, 28, 28, 1), dtype=np.float32)
    result = run(to_onnx(weights), images)
    assert np.allclose(result, numpy_forward(weights, images), atol=1e-4)


@pytest.mark.parametrize("n", [1, 7, 355])
def test_probabilities_are_those_of_keras(n, xy):
    images = xy[0][:n]
    result = run(CONTENT, images)
    assert result.shape == (n, 10)
    assert result.dtype == np.float32
    assert np.allclose(result, mnistcnn.load_pretrained()(images), atol=1e-5)


def test_no_images_give_no_probabilities(xy):
    assert run(CONTENT, xy[0][:0]).shape == (0, 10)


def test_the_model_is_valid_and_for_old_runtimes():
    model = onnx.load_from_string(CONTENT)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 7
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 13)]
    assert len(CONTENT) < 145_000


def test_metadata():
    model = onnx.load_from_string(CONTENT)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["labels"] == "0,1,2,3,4,5,6,7,8,9"
    assert (
        metadata["preprocessing"]
        == "gray levels 0...255 divided by 255, light digit on dark background"
    )
    assert metadata["written_by"] == f"mnistcnn {mnistcnn.__version__}"
    assert metadata["license"].startswith("MIT")
    assert model.doc_string == metadata["description"]
    assert (model.producer_name, model.producer_version) == ("mnistcnn", mnistcnn.__version__)


def test_equal_arrays_give_equal_bytes_in_any_memory_layout():
    fortran = [np.asfortranarray(array) for array in WEIGHTS]
    strided = [np.repeat(array, 2, axis=-1)[..., ::2] for array in WEIGHTS]
    assert to_onnx(WEIGHTS) == to_onnx(fortran) == to_onnx(strided) == CONTENT
    assert to_onnx(random_weights(0)) != CONTENT


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_arrays_round_trip_exactly(seed):
    weights = random_weights(seed)
    result = from_onnx(to_onnx(weights))
    assert [array.shape for array in result] == list(CNN_WEIGHT_SHAPES.values())
    for one, other in zip(result, weights, strict=True):
        assert one.tobytes() == other.tobytes()
        assert one.flags.writeable
        assert one.flags.c_contiguous


@pytest.mark.parametrize("num_classes", [2, 26, 1000])
def test_any_number_of_classes_round_trips(num_classes):
    weights = random_weights(0, shapes=cnn_weight_shapes(num_classes))
    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    content = to_onnx(weights)
    assert all(map(np.array_equal, from_onnx(content), weights))
    assert np.allclose(run(content, images), numpy_forward(weights, images), atol=1e-5)


def test_class_names_are_stored():
    weights = random_weights(0, shapes=cnn_weight_shapes(2))
    for names, stored in ((None, None), (["0", "1"], None), (["a, b", "c"], ("a, b", "c"))):
        model = parse_onnx(to_onnx(weights, class_names=names))
        assert class_names_of_onnx(model) == stored
    assert to_onnx(WEIGHTS, class_names=[*"0123456789"]) == CONTENT


def test_other_weights_are_rejected():
    with pytest.raises(ValueError, match="^weights must be 6 arrays; received 5$"):
        to_onnx(WEIGHTS[:5])
    with pytest.raises(ValueError, match=r"^conv1.bias must be float32 \(32,\); received float64 "):
        to_onnx([WEIGHTS[0], WEIGHTS[1].astype(float), *WEIGHTS[2:]])
    with pytest.raises(ValueError, match="^dense.bias must be finite; received NaN or infinity$"):
        to_onnx([*WEIGHTS[:5], np.full(10, np.nan, np.float32)])


# Malicious files


def with_change(change):
    model = onnx.load_from_string(CONTENT)
    change(model, {tensor.name: tensor for tensor in model.graph.initializer})
    return model.SerializeToString()


def external(model, tensors):
    tensor = tensors["conv1.bias"]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def declared_external(model, tensors):
    tensors["conv1.bias"].external_data.add(key="location", value="secret")


def huge_shape(model, tensors):
    tensors["dense.kernel"].dims[:] = [2**40, 2**20]


def negative_shape(model, tensors):
    tensors["dense.bias"].dims[:] = [-1]


def as_float_data(model, tensors):
    tensor = tensors["dense.bias"]
    tensor.ClearField("raw_data")
    tensor.float_data.extend(range(10))


def int32_type(model, tensors):
    tensors["dense.bias"].data_type = onnx.TensorProto.INT32


def too_short(model, tensors):
    tensors["dense.bias"].raw_data = bytes(39)


def too_long(model, tensors):
    tensors["dense.bias"].raw_data = bytes(44)


def missing(model, tensors):
    model.graph.initializer.remove(tensors["dense.bias"])


def duplicate(model, tensors):
    model.graph.initializer.append(tensors["dense.bias"])


def many_names(model, tensors):
    del model.graph.initializer[:]
    for i in range(1000):
        model.graph.initializer.add(name=f"{i}" + "x" * 100)


def infinite(model, tensors):
    tensors["dense.bias"].raw_data = np.full(10, np.inf, "<f4").tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external, "arrays must be stored in the file; conv1.bias is external"),
        (declared_external, "arrays must be stored in the file; conv1.bias is external"),
        (huge_shape, r"dense.kernel must be float32 \(1600, 10\); received data type 1 \(1099511627776, 1048576\)"),
        (negative_shape, r"dense.bias must be float32 \(10,\); received data type 1 \(-1,\)"),
        (as_float_data, "dense.bias must take 40 bytes; received 0"),
        (int32_type, r"dense.bias must be float32 \(10,\); received data type 6 \(10,\)"),
        (too_short, "dense.bias must take 40 bytes; received 39"),
        (too_long, "dense.bias must take 40 bytes; received 44"),
        (missing, "the file must contain the arrays conv1.kernel, .*, dense.bias, as export_model writes them; received 'conv1.kernel', .*'images.shape'"),
        (duplicate, "the file must contain the arrays .*; received .*'dense.bias', 'images.shape', 'dense.bias'"),
        (many_names, r"the file must contain the arrays .*; received '0x+\.\.\.x+', .*, '7x+\.\.\.x+', \.\.\.$"),
        (infinite, "dense.bias must be finite; received NaN or infinity"),
    ],
)  # fmt: skip
def test_a_malicious_file_is_rejected(change, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        from_onnx(with_change(change))


def test_only_the_arrays_are_read():
    """Another graph, and functions, change nothing."""

    def replace_graph(model, tensors):
        model.graph.node[1].op_type = "RunThis"
        model.graph.node[1].domain = "evil"
        del model.graph.input[:]
        model.functions.add(name="boom", domain="evil")

    for result, expected in zip(from_onnx(with_change(replace_graph)), WEIGHTS, strict=True):
        assert np.array_equal(result, expected)


@pytest.mark.parametrize(
    "content", [b"not an ONNX file", b"\x80" * 100, CONTENT[:1000], CONTENT[:-1], CONTENT + b"\0"]
)
def test_a_damaged_file_is_rejected(content):
    with pytest.raises(ValueError, match="^the file must be a valid ONNX file: "):
        from_onnx(content)


def test_an_empty_file_is_rejected():
    with pytest.raises(ValueError, match="received none$"):
        from_onnx(b"")


def test_too_large_a_file_is_not_parsed(monkeypatch):
    monkeypatch.setattr(onnx_file, "onnx", None)
    with pytest.raises(
        ValueError, match="^the file must be at most 16,777,216 bytes; received 16,777,217$"
    ):
        from_onnx(bytes(16_777_217))


# Names, sizes and types of the stored arrays.
STRUCTURE = [CONTENT.rindex(name.encode()) for name in CNN_WEIGHT_SHAPES]


@settings(max_examples=150)
@given(st.data())
def test_a_mutated_file_is_read_or_rejected(data):
    """Bytes change anywhere, and near the names, where the structure is."""
    content = bytearray(CONTENT)
    anywhere = st.integers(0, len(content) - 1)
    around = st.sampled_from(STRUCTURE).flatmap(lambda at: st.integers(at - 30, at + 30))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.one_of(around, anywhere))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    try:
        result = from_onnx(bytes(content))
    except ValueError:
        return
    assert [(array.dtype, array.shape) for array in result] == [
        (np.float32, shape) for shape in CNN_WEIGHT_SHAPES.values()
    ]
    assert all(np.isfinite(array).all() for array in result)
