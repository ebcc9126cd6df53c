"""The network as ONNX: it computes the same, and gives its arrays back to whoever asks."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mnistcnn
from mnistcnn.utils import environment
from mnistcnn.weights import onnx_file
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, REJECTOR_WEIGHT_SHAPES
from mnistcnn.weights.onnx_file import from_onnx, to_onnx
from mnistcnn.weights.pretrained import load_pretrained_weights

SHIPPED = load_pretrained_weights("best").weights(calibrated=True)
CONTENT = to_onnx(SHIPPED)


def drawn(seed, scale=0.1, shapes=CNN_WEIGHT_SHAPES):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, scale, shape).astype(np.float32) for shape in shapes.values()]


def run(content, images):
    session = environment.import_onnxruntime().InferenceSession(
        content, providers=["CPUExecutionProvider"]
    )
    return session.run(["probabilities"], {"images": images})[0]


def forward(weights, images):
    """The whole pass in NumPy, with 64 bits."""
    w1, b1, w2, b2, w3, b3 = (array.astype(float) for array in weights)

    def convolve(images, kernel, bias):
        windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
        found = np.einsum("nhwcij,ijcf->nhwf", windows, kernel, optimize=True)
        return np.maximum(found + bias, 0)

    def pool(images):
        n, h, w, c = images.shape
        return images[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))

    features = pool(convolve(pool(convolve(images.astype(float), w1, b1)), w2, b2))
    logits = features.reshape(len(images), -1) @ w3 + b3
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.floats(0, 0.2),
    n=st.sampled_from([1, 3]),
    shapes=st.sampled_from([CNN_WEIGHT_SHAPES, REJECTOR_WEIGHT_SHAPES]),
)
def test_any_weights_compute_what_the_layers_say(seed, scale, n, shapes):
    weights = drawn(seed, scale, shapes)
    images = np.random.default_rng(seed).random((n, 28, 28, 1), dtype=np.float32)
    found = run(to_onnx(weights, shapes), images)
    assert np.allclose(found, forward(weights, images), atol=1e-4)


@pytest.mark.parametrize("n", [1, 7, 355])
def test_it_gives_what_keras_gives(n, xy):
    images = xy[0][:n]
    found = run(CONTENT, images)
    assert found.shape == (n, 10)
    assert found.dtype == np.float32
    assert np.allclose(found, mnistcnn.load_pretrained()(images), atol=1e-5)


def test_of_no_images_it_makes_no_probabilities(xy):
    assert run(CONTENT, xy[0][:0]).shape == (0, 10)


def test_it_is_a_lawful_model_that_old_runtimes_read():
    model = onnx.load_from_string(CONTENT)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 7
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 13)]
    assert len(CONTENT) < 145_000


def test_it_says_what_it_is():
    model = onnx.load_from_string(CONTENT)
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["labels"] == "0,1,2,3,4,5,6,7,8,9"
    assert (
        said["preprocessing"]
        == "gray levels 0...255 divided by 255, light digit on dark background"
    )
    assert said["written_by"] == f"mnistcnn {mnistcnn.__version__}"
    assert said["license"].startswith("MIT")
    assert model.doc_string == said["description"]
    assert (model.producer_name, model.producer_version) == ("mnistcnn", mnistcnn.__version__)


def test_the_same_arrays_give_the_same_bytes_however_they_lie_in_memory():
    turned = [np.asfortranarray(array) for array in SHIPPED]
    strided = [np.repeat(array, 2, axis=-1)[..., ::2] for array in SHIPPED]
    assert to_onnx(SHIPPED) == to_onnx(turned) == to_onnx(strided) == CONTENT
    assert to_onnx(drawn(0)) != CONTENT


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_arrays_come_back_to_the_bit(seed):
    weights = drawn(seed)
    found = from_onnx(to_onnx(weights))
    assert [array.shape for array in found] == list(CNN_WEIGHT_SHAPES.values())
    for one, other in zip(found, weights, strict=True):
        assert one.tobytes() == other.tobytes()
        assert one.flags.writeable
        assert one.flags.c_contiguous


def test_other_weights_are_refused():
    with pytest.raises(ValueError, match="^weights must be 6 arrays; received 5$"):
        to_onnx(SHIPPED[:5])
    with pytest.raises(ValueError, match=r"^conv1.bias must be float32 \(32,\); received float64 "):
        to_onnx([SHIPPED[0], SHIPPED[1].astype(float), *SHIPPED[2:]])
    with pytest.raises(ValueError, match="^dense.bias must be finite; received NaN or infinity$"):
        to_onnx([*SHIPPED[:5], np.full(10, np.nan, np.float32)])


# Files from strangers


def changed(change):
    model = onnx.load_from_string(CONTENT)
    change(model, {tensor.name: tensor for tensor in model.graph.initializer})
    return model.SerializeToString()


def elsewhere(model, tensors):
    tensor = tensors["conv1.bias"]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def declared_elsewhere_only(model, tensors):
    tensors["conv1.bias"].external_data.add(key="location", value="secret")


def huge(model, tensors):
    tensors["dense.kernel"].dims[:] = [2**40, 2**20]


def negative(model, tensors):
    tensors["dense.bias"].dims[:] = [-1]


def unpacked_elsewise(model, tensors):
    tensor = tensors["dense.bias"]
    tensor.ClearField("raw_data")
    tensor.float_data.extend(range(10))


def another_type(model, tensors):
    tensors["dense.bias"].data_type = onnx.TensorProto.INT32


def short(model, tensors):
    tensors["dense.bias"].raw_data = bytes(39)


def long(model, tensors):
    tensors["dense.bias"].raw_data = bytes(44)


def missing(model, tensors):
    model.graph.initializer.remove(tensors["dense.bias"])


def twice(model, tensors):
    model.graph.initializer.append(tensors["dense.bias"])


def many_names(model, tensors):
    del model.graph.initializer[:]
    for i in range(1000):
        model.graph.initializer.add(name=f"{i}" + "x" * 100)


def endless(model, tensors):
    tensors["dense.bias"].raw_data = np.full(10, np.inf, "<f4").tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (elsewhere, "the file must hold its arrays itself; conv1.bias is elsewhere"),
        (declared_elsewhere_only, "the file must hold its arrays itself; conv1.bias is elsewhere"),
        (huge, r"dense.kernel must be float32 \(1600, 10\); received data type 1 \(1099511627776, 1048576\)"),
        (negative, r"dense.bias must be float32 \(10,\); received data type 1 \(-1,\)"),
        (unpacked_elsewise, "dense.bias must take 40 bytes; it takes 0"),
        (another_type, r"dense.bias must be float32 \(10,\); received data type 6 \(10,\)"),
        (short, "dense.bias must take 40 bytes; it takes 39"),
        (long, "dense.bias must take 40 bytes; it takes 44"),
        (missing, "the file must hold the arrays conv1.kernel, .*, dense.bias as export_model writes them; it holds 'conv1.kernel', .*'images.shape'"),
        (twice, "the file must hold the arrays .*; it holds .*'dense.bias', 'images.shape', 'dense.bias'"),
        (many_names, r"the file must hold the arrays .*; it holds '0x{39}', .*, '7x{39}', \.\.\."),
        (endless, "dense.bias must be finite; received NaN or infinity"),
    ],
)  # fmt: skip
def test_a_file_that_lies_is_refused(change, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        from_onnx(changed(change))


def test_nothing_but_the_arrays_is_taken():
    """A graph that does something else, and functions, change nothing."""

    def disturb(model, tensors):
        model.graph.node[1].op_type = "RunThis"
        model.graph.node[1].domain = "evil"
        del model.graph.input[:]
        model.functions.add(name="boom", domain="evil")

    for one, other in zip(from_onnx(changed(disturb)), SHIPPED, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    "content", [b"not an ONNX file", b"\x80" * 100, CONTENT[:1000], CONTENT[:-1], CONTENT + b"\0"]
)
def test_damage_is_refused(content):
    with pytest.raises(ValueError, match="^the file must be a whole ONNX file: "):
        from_onnx(content)


def test_nothing_at_all_is_refused():
    with pytest.raises(ValueError, match="it holds none$"):
        from_onnx(b"")


def test_a_large_file_is_refused_before_it_is_looked_at(monkeypatch):
    monkeypatch.setattr(onnx_file, "onnx", None)
    with pytest.raises(
        ValueError, match="^the file must hold at most 262,144 bytes; it holds 262,145$"
    ):
        from_onnx(bytes(262_145))


# Where the stored arrays have their names, sizes and types.
STRUCTURE = [CONTENT.rindex(name.encode()) for name in CNN_WEIGHT_SHAPES]


@settings(max_examples=300)
@given(st.data())
def test_mutated_files_are_read_or_refused_as_documented(data):
    """Bytes are changed around the names, where the structure is, and anywhere."""
    content = bytearray(CONTENT)
    anywhere = st.integers(0, len(content) - 1)
    around = st.sampled_from(STRUCTURE).flatmap(lambda at: st.integers(at - 30, at + 30))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.one_of(around, anywhere))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    try:
        found = from_onnx(bytes(content))
    except ValueError:
        return
    assert [(array.dtype, array.shape) for array in found] == [
        (np.float32, shape) for shape in CNN_WEIGHT_SHAPES.values()
    ]
    assert all(np.isfinite(array).all() for array in found)
