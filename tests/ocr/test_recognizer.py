"""Prediction without Keras gives the same probabilities, from any file, thread or process."""

import multiprocessing
import pickle
import re
import subprocess
import sys
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mnistcnn
from mnistcnn import CorruptFileError, Recognizer, preprocess
from mnistcnn.utils.environment import cpu_count
from mnistcnn.weights.arrays import cnn_weight_shapes, to_safetensors
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import PRETRAINED, load_pretrained_weights
from tests.helpers import onnx_networks, strategies
from tests.helpers.datasets import ArrayPyDataset, batch_sources
from tests.helpers.models import numpy_forward, random_weights
from tests.helpers.onnx_networks import dense_network, save


@pytest.mark.parametrize("name", PRETRAINED)
def test_probabilities_are_those_of_keras(name, digits):
    images = digits.test.images
    expected = mnistcnn.load_pretrained(name)(preprocess(images)).numpy()
    np.testing.assert_allclose(Recognizer(name).predict_proba(images), expected, atol=1e-5)


@settings(max_examples=40)
@given(st.one_of(strategies.uint8_images, strategies.unit_images()))
def test_any_images_that_preprocess_takes(recognizer, images):
    before = images.copy()
    images.setflags(write=False)
    probabilities = recognizer.predict_proba(images)
    np.testing.assert_array_equal(images, before)
    assert probabilities.shape == (len(images), 10)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    preprocessed = recognizer.predict_proba(preprocess(images))
    np.testing.assert_allclose(probabilities, preprocessed, atol=1e-6)
    labels = recognizer.predict(images)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, probabilities.argmax(axis=1))


@settings(max_examples=40)
@given(strategies.uint8_images, strategies.integer_dtypes)
def test_dtype_shape_and_layout_do_not_matter(recognizer, images, dtype):
    expected = recognizer.predict_proba(images)
    wide = images.astype(dtype)
    for variant in (
        wide,
        wide[..., np.newaxis],
        np.asfortranarray(wide),
        np.repeat(wide, 2, axis=-1)[..., ::2],
        images.tolist() or np.zeros((0, 28, 28), int),
    ):
        np.testing.assert_array_equal(recognizer.predict_proba(variant), expected)
    for image, row in zip(images, expected, strict=True):
        np.testing.assert_allclose(recognizer.predict_proba(image)[0], row, atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 513])
def test_any_number_of_images(count, recognizer, digits):
    images = np.resize(digits.train.images, (count, 28, 28))
    probabilities = recognizer.predict_proba(images)
    assert probabilities.shape == (count, 10)
    for i in {0, 254, 255, 256, 511, 512, count - 1} & set(range(count)):
        expected = recognizer.predict_proba(images[i])[0]
        np.testing.assert_allclose(probabilities[i], expected, atol=1e-6)


def test_invalid_images_raise_as_in_preprocess(recognizer):
    for images in (np.zeros((2, 27, 28)), np.full((28, 28), 1.5), np.full((28, 28), 256), "a.png"):
        with pytest.raises((TypeError, ValueError)) as expected:
            preprocess(images)
        for method in (recognizer.predict_proba, recognizer.predict):
            with pytest.raises(expected.type, match=f"^{re.escape(str(expected.value))}$"):
                method(images)


def test_batches_give_the_same_as_one_call(recognizer, digits):
    images = digits.test.images
    expected = recognizer.predict_proba(images)
    for kind, source in batch_sources(images, images).items():
        batches = source.map(lambda x, _: x) if kind == "tf.data" else (x for x, _ in source)
        if kind == "a PyDataset":
            batches = ImagePyDataset(images, None, 100)
        results = list(recognizer.predict_proba_batches(batches))
        assert [len(result) for result in results] == [100, 100, 100, 55], kind
        np.testing.assert_allclose(np.concatenate(results), expected, atol=1e-6)
    labels = list(recognizer.predict_batches([images[:7], images[7:8], images[8]]))
    assert [result.dtype for result in labels] == [np.int64] * 3
    np.testing.assert_array_equal(np.concatenate(labels), expected[:9].argmax(axis=1))


class ImagePyDataset(ArrayPyDataset):
    def __getitem__(self, index):
        return self.x[index * self.batch_size : (index + 1) * self.batch_size]


def test_batches_are_requested_lazily_and_released(recognizer, digits):
    references = []

    def batches():
        for start in range(0, 300, 10):
            batch = digits.test.images[start : start + 10].copy()
            references.append(weakref.ref(batch))
            assert sum(reference() is not None for reference in references) <= 2
            yield batch

    results = recognizer.predict_batches(batches())
    assert not references
    next(results)
    assert len(references) == 1
    assert sum(map(len, results)) == 290


def test_errors_name_the_batch(recognizer, digits):
    for method in (recognizer.predict_proba_batches, recognizer.predict_batches):
        with pytest.raises(TypeError, match="^batches must be an iterable of batches; received 3$"):
            method(3)
        results = method([digits.test.images, np.full((28, 28), 1.5)])
        assert len(next(results)) == 355
        with pytest.raises(
            ValueError, match=r"^batch 1: floating-point images must lie in \[0, 1\]; "
        ):
            next(results)
        with pytest.raises(TypeError, match="^batch 0: images must be integers"):
            next(method([["text"]]))


@pytest.fixture
def arrays():
    """Weights other than the shipped ones."""
    generator = np.random.default_rng(0)
    return [
        (array + 0.05 * generator.normal(size=array.shape)).astype(np.float32)
        for array in load_pretrained_weights(PRETRAINED[0]).weights(calibrated=False)
    ]


@pytest.mark.parametrize(("suffix", "write"), [(".onnx", to_onnx), (".safetensors", to_safetensors)])  # fmt: skip
@pytest.mark.parametrize("kind", [str, Path])
def test_weights_files_without_keras(suffix, write, kind, arrays, digits):
    Path(f"a{suffix}").write_bytes(write(arrays))
    images = digits.test.images[:50]
    probabilities = Recognizer(kind(f"a{suffix}")).predict_proba(images)
    expected = numpy_forward(arrays, images[..., np.newaxis] / 255)
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)
    assert np.abs(probabilities - Recognizer().predict_proba(images)).max() > 0.01


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_keras_files(name, arrays, digits):
    from mnistcnn.weights.keras_file import save_model

    model = mnistcnn.build_model()
    model.set_weights(arrays)
    save_model(model, name)
    images = digits.test.images[:50]
    np.testing.assert_allclose(
        Recognizer(name).predict_proba(images), model(preprocess(images)).numpy(), atol=1e-5
    )


# Other classes and other networks


@pytest.mark.parametrize("shape", [("n", 28, 28, 1), ("n", 784), (1, 1, 28, 28), (64, 28, 28)])
def test_another_network_is_run(shape, digits):
    model, kernel = dense_network(shape=shape, class_names=["a", "b", "c"])
    recognizer = Recognizer(save(model, "a.onnx"), num_threads=1)
    images = digits.test.images
    assert recognizer.class_names == ("a", "b", "c")
    probabilities = recognizer.predict_proba(images)
    expected = onnx_networks.expected(kernel, images)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert np.array_equal(recognizer.predict(images), probabilities.argmax(axis=1))
    assert recognizer.predict_proba(images[:0]).shape == (0, 3)
    copy = pickle.loads(pickle.dumps(recognizer))
    assert copy.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(copy.predict_proba(images), probabilities)


@pytest.mark.parametrize("name", ["a.onnx", "a.safetensors"])
def test_the_baseline_network_of_other_classes(name, digits):
    arrays = random_weights(0, shapes=cnn_weight_shapes(26))
    names = [*"abcdefghijklmnopqrstuvwxyz"]
    write = to_onnx if name == "a.onnx" else to_safetensors
    Path(name).write_bytes(write(arrays, class_names=names))
    recognizer = Recognizer(name)
    images = digits.test.images[:20]
    expected = numpy_forward(arrays, images[..., np.newaxis] / 255)
    np.testing.assert_allclose(recognizer.predict_proba(images), expected, atol=1e-4)
    assert recognizer.class_names == tuple(names)


def test_class_names_default_to_numbers():
    assert Recognizer().class_names == tuple("0123456789")
    model, _ = dense_network()
    assert Recognizer(save(model, "a.onnx")).class_names == ("0", "1", "2")


def test_only_a_network_of_digits_reads_pages(page):
    model, _ = dense_network(num_classes=10)
    Recognizer(save(model, "a.onnx")).read(page.picture)
    for options in ({"num_classes": 10, "class_names": [*"abcdefghij"]}, {"num_classes": 12}):
        recognizer = Recognizer(save(dense_network(**options)[0], "a.onnx"))
        message = (
            "^read must have a network of the ten digits; received one of the 1[02] classes '[a0]'"
        )
        with pytest.raises(ValueError, match=message):
            recognizer.read(page.picture)


def test_a_network_without_softmax_is_rejected():
    model, _ = dense_network(softmax=False)
    message = r"^a.onnx must return probabilities in \[0, 1\]; received -.*: end the network in a softmax$"
    with pytest.raises(ValueError, match=message):
        Recognizer(save(model, "a.onnx"))


def test_a_network_that_does_not_fit_together_is_rejected():
    model, _ = dense_network()
    model.graph.node[1].input[1] = "absent"
    with pytest.raises(
        ValueError, match="^a.onnx: the operators of the network must follow"
    ) as caught:
        Recognizer(save(model, "a.onnx"))
    assert "\n" not in str(caught.value)


def test_another_operator_is_rejected():
    model, _ = dense_network()
    model.graph.node[2].op_type = "Tile"
    message = "^a.onnx: the network must consist of the operators of .* networks; received 'Tile'$"
    with pytest.raises(ValueError, match=message) as caught:
        Recognizer(save(model, "a.onnx"))
    assert type(caught.value) is ValueError


@pytest.mark.parametrize("class_names", [["a"], ["a", "b", "c\n"], "abc", {"a": 1}])
def test_invalid_class_names_are_rejected(class_names):
    model, _ = dense_network(class_names=class_names)
    with pytest.raises(CorruptFileError, match="^a.onnx: class_names must "):
        Recognizer(save(model, "a.onnx"))


SUFFIXES = ".keras or .h5 or .onnx or .safetensors"
NAMES = ", ".join(map(repr, PRETRAINED))


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ("bset", ValueError, f"weights must be {NAMES} or a file that ends in {SUFFIXES}; received 'bset'; did you mean 'best'?"),
        ("", ValueError, f"weights must be {NAMES} or a file that ends in {SUFFIXES}; received ''"),
        (Path("a.pt"), ValueError, f"weights must be {NAMES} or a file that ends in {SUFFIXES}; received 'a.pt'"),
        # A path is never a name.
        (Path(PRETRAINED[0]), ValueError, f"weights must be {NAMES} or a file that ends in {SUFFIXES}; received '{PRETRAINED[0]}'"),
        (3, TypeError, "weights must be a name or a path; received 3"),
        (b"a.onnx", TypeError, "weights must be a name or a path; received b'a.onnx'"),
    ],
)  # fmt: skip
def test_invalid_weights(weights, error, message):
    with pytest.raises(error) as caught:
        Recognizer(weights)
    assert type(caught.value) is error
    assert str(caught.value) == message


@pytest.mark.parametrize("suffix", [".onnx", ".safetensors", ".keras", ".h5"])
def test_missing_and_corrupt_files(suffix, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"absent{suffix}"):
        Recognizer(f"absent{suffix}")
    (tmp_path / f"a{suffix}").write_bytes(b"no network\xff" * 9)
    with pytest.raises(CorruptFileError, match=f"^a{suffix}") as caught:
        Recognizer(f"a{suffix}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("threads", "error", "message"),
    [
        (0, ValueError, "num_threads must be at least 1; received 0"),
        (-2, ValueError, "num_threads must be at least 1; received -2"),
        (
            10**6,
            ValueError,
            "num_threads must be at most {}, since threads without a core of their own only slow each other down; received 1000000",
        ),
        (
            2**70,
            ValueError,
            "num_threads must be at most {}, since threads without a core of their own only slow each other down; received 1180591620717411303424",
        ),
        (1.0, TypeError, "num_threads must be an integer; received 1.0"),
        (True, TypeError, "num_threads must be an integer; received True"),
        ("2", TypeError, "num_threads must be an integer; received '2'"),
    ],
)
def test_invalid_num_threads(threads, error, message):
    with pytest.raises(error, match=f"^{message.format(max(64, cpu_count()))}$"):
        Recognizer(num_threads=threads)


def test_num_threads_does_not_change_the_probabilities(digits):
    images = digits.test.images[:60]
    one, three = (Recognizer(num_threads=n) for n in (1, np.int64(3)))
    assert one._classifier._session.get_session_options().intra_op_num_threads == 1
    assert three._classifier._session.get_session_options().intra_op_num_threads == 3
    np.testing.assert_allclose(one.predict_proba(images), three.predict_proba(images), atol=1e-6)


def test_pickle(arrays, digits):
    Path("a.onnx").write_bytes(to_onnx(arrays))
    original = Recognizer("a.onnx", num_threads=2)
    Path("a.onnx").unlink()
    copy = pickle.loads(pickle.dumps(original))
    images = digits.test.images[:60]
    np.testing.assert_array_equal(copy.predict_proba(images), original.predict_proba(images))
    assert copy._classifier._session.get_session_options().intra_op_num_threads == 2


def test_prediction_in_another_process(recognizer, digits):
    images = digits.test.images[:60]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        probabilities = pool.submit(recognizer.predict_proba, images).result()
    np.testing.assert_array_equal(probabilities, recognizer.predict_proba(images))


def test_concurrent_threads(recognizer, digits, page):
    batches = np.array_split(digits.train.images, 24)
    expected = [recognizer.predict_proba(batch) for batch in batches]
    text = recognizer.read(page.picture).text
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(recognizer.predict_proba, batches))
        texts = list(pool.map(lambda _: recognizer.read(page.picture).text, range(12)))
    for result, probabilities in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, probabilities, atol=1e-6)
    assert set(texts) == {text}


def modules_imported_by(statement):
    code = f"import sys, numpy as np, mnistcnn; {statement}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    return set(result.stdout.split())


def test_prediction_does_not_import_opencv():
    modules = modules_imported_by("mnistcnn.Recognizer().predict(np.zeros((28, 28), np.uint8))")
    assert "onnxruntime" in modules
    assert not modules & {"keras", "tensorflow", "cv2", "h5py", "sklearn", "matplotlib"}


def test_prediction_and_reading_do_not_import_keras(page):
    np.save("page.npy", page.picture)
    modules = modules_imported_by(
        "recognizer = mnistcnn.Recognizer(); page = np.load('page.npy');"
        "recognizer.predict_proba(np.zeros((3, 28, 28))); reading = recognizer.read(page);"
        "assert len(reading.digits) > 5; mnistcnn.plot_reading(page, reading)"
    )
    assert "cv2" in modules
    assert not modules & {"keras", "tensorflow", "jax", "torch", "sklearn", "h5py"}


WARNING = (
    "images must have light ink on a dark background, as in MNIST; these look dark on light: pass "
    "255 - images (1 - images if they are floats), or read them with Recognizer.read, which "
    "accepts both"
)


@pytest.mark.filterwarnings("error:images must have light ink")
@pytest.mark.parametrize(
    "convert", [lambda x: 255 - x, lambda x: 1 - x / 255, lambda x: 230 - x // 2]
)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_batches"])
def test_images_that_look_dark_on_light_are_warned_about_once(method, convert, digits):
    images = convert(digits.test.images[:20])
    recognizer = Recognizer(num_threads=1)
    if method == "predict_batches":
        predict = lambda: list(recognizer.predict_batches([images]))  # noqa: E731
    else:
        predict = lambda: getattr(recognizer, method)(images)  # noqa: E731
    with pytest.warns(UserWarning, match=f"^{re.escape(WARNING)}$") as caught:
        predict()
    assert [warning.filename for warning in caught] == [__file__]
    predict()  # another warning would be an error


@pytest.mark.filterwarnings("error:images must have light ink")
def test_images_of_other_kinds_are_not_warned_about(digits, recognizer):
    images = digits.test.images[:20]
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    for accepted in (
        images,
        images[:1],
        noise,
        noise[:1],
        0 * images,
        0 * images + 255,
        images[:0],
    ):
        recognizer.predict(accepted)


@pytest.mark.filterwarnings("error:images must have light ink")
def test_readings_are_not_warned_about(recognizer, page):
    recognizer.read(page.picture)
