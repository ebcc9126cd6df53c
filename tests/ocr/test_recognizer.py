"""The network without Keras: the same answers, from any file, thread or process."""

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
from hypothesis import given
from hypothesis import strategies as st

import mnistcnn
from mnistcnn import CorruptFileError, Recognizer, preprocess
from mnistcnn.weights.arrays import to_safetensors
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import PRETRAINED, load_pretrained_weights
from tests.helpers import strategies
from tests.helpers.datasets import ArrayPyDataset, batch_sources


@pytest.mark.parametrize("name", PRETRAINED)
def test_the_same_answers_as_keras(name, digits):
    images = digits.test.images
    keras = mnistcnn.load_pretrained(name)
    found = Recognizer(name).predict_proba(images)
    np.testing.assert_allclose(found, keras(preprocess(images)).numpy(), atol=1e-5)


@given(st.one_of(strategies.uint8_images, strategies.unit_images()))
def test_what_preprocess_takes_and_the_same_of_it(recognizer, images):
    before = images.copy()
    images.setflags(write=False)
    found = recognizer.predict_proba(images)
    np.testing.assert_array_equal(images, before)
    assert found.shape == (len(images), 10)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found, recognizer.predict_proba(preprocess(images)), atol=1e-6)
    labels = recognizer.predict(images)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, found.argmax(axis=1))


@given(strategies.uint8_images, strategies.integer_dtypes)
def test_every_dtype_shape_and_layout_gives_the_same(recognizer, images, dtype):
    expected = recognizer.predict_proba(images)
    wide = images.astype(dtype)
    for same in (
        wide,
        wide[..., np.newaxis],
        np.asfortranarray(wide),
        np.repeat(wide, 2, axis=-1)[..., ::2],
        images.tolist() or np.zeros((0, 28, 28), int),
    ):
        np.testing.assert_array_equal(recognizer.predict_proba(same), expected)
    for image, row in zip(images, expected, strict=True):
        np.testing.assert_allclose(recognizer.predict_proba(image)[0], row, atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 513])
def test_any_number_of_images(count, recognizer, digits):
    images = np.resize(digits.train.images, (count, 28, 28))
    found = recognizer.predict_proba(images)
    assert found.shape == (count, 10)
    for i in {0, 254, 255, 256, 511, 512, count - 1} & set(range(count)):
        alone = recognizer.predict_proba(images[i])[0]
        np.testing.assert_allclose(found[i], alone, atol=1e-6)


def test_images_that_preprocess_refuses_are_refused(recognizer):
    for images in (np.zeros((2, 27, 28)), np.full((28, 28), 1.5), np.full((28, 28), 256), "a.png"):
        with pytest.raises((TypeError, ValueError)) as expected:
            preprocess(images)
        for method in (recognizer.predict_proba, recognizer.predict):
            with pytest.raises(expected.type, match=f"^{re.escape(str(expected.value))}$"):
                method(images)


def test_batches_give_what_the_whole_gives(recognizer, digits):
    images = digits.test.images
    expected = recognizer.predict_proba(images)
    for kind, stream in batch_sources(images, images).items():
        alone = stream.map(lambda x, _: x) if kind == "tf.data" else (x for x, _ in stream)
        if kind == "a PyDataset":
            alone = OnlyImages(images, None, 100)
        found = list(recognizer.predict_proba_batches(alone))
        assert [len(part) for part in found] == [100, 100, 100, 55], kind
        np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-6)
    labels = list(recognizer.predict_batches([images[:7], images[7:8], images[8]]))
    assert [part.dtype for part in labels] == [np.int64] * 3
    np.testing.assert_array_equal(np.concatenate(labels), expected[:9].argmax(axis=1))


class OnlyImages(ArrayPyDataset):
    def __getitem__(self, number):
        return self.x[number * self.batch_size : (number + 1) * self.batch_size]


def test_batches_are_taken_when_asked_for_and_not_kept(recognizer, digits):
    alive = []

    def stream():
        for first in range(0, 300, 10):
            batch = digits.test.images[first : first + 10].copy()
            alive.append(weakref.ref(batch))
            assert sum(one() is not None for one in alive) <= 2
            yield batch

    answers = recognizer.predict_batches(stream())
    assert not alive
    next(answers)
    assert len(alive) == 1
    assert sum(map(len, answers)) == 290


def test_batches_are_checked_and_a_bad_one_is_named(recognizer, digits):
    for method in (recognizer.predict_proba_batches, recognizer.predict_batches):
        with pytest.raises(TypeError, match="^batches must be an iterable of batches; received 3$"):
            method(3)
        answers = method([digits.test.images, np.full((28, 28), 1.5)])
        assert len(next(answers)) == 355
        with pytest.raises(
            ValueError, match=r"^batch 1: floating-point images must lie in \[0, 1\]; "
        ):
            next(answers)
        with pytest.raises(TypeError, match="^batch 0: images must be integers"):
            next(method([["text"]]))


@pytest.fixture
def arrays():
    """Weights that are not shipped."""
    generator = np.random.default_rng(0)
    return [
        (array + 0.05 * generator.normal(size=array.shape)).astype(np.float32)
        for array in load_pretrained_weights(PRETRAINED[0]).weights(calibrated=False)
    ]


@pytest.mark.parametrize(("suffix", "write"), [(".onnx", to_onnx), (".safetensors", to_safetensors)])  # fmt: skip
@pytest.mark.parametrize("kind", [str, Path])
def test_files_that_need_no_keras(suffix, write, kind, arrays, digits):
    Path(f"a{suffix}").write_bytes(write(arrays))
    images = digits.test.images[:50]
    found = Recognizer(kind(f"a{suffix}")).predict_proba(images)
    expected = answers(arrays, images)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(found - Recognizer().predict_proba(images)).max() > 0.01


def answers(arrays, images):
    """The network by hand."""
    kernel1, bias1, kernel2, bias2, dense, bias = arrays
    x = images[..., np.newaxis] / 255
    for kernel, shift in ((kernel1, bias1), (kernel2, bias2)):
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
        x = np.maximum(np.einsum("nyxcij,ijco->nyxo", windows, kernel, optimize=True) + shift, 0)
        side = x.shape[1] // 2
        x = x[:, : 2 * side, : 2 * side].reshape(len(x), side, 2, side, 2, -1).max(axis=(2, 4))
    logits = x.reshape(len(x), -1) @ dense + bias
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_files_of_keras(name, arrays, digits):
    from mnistcnn.weights.keras_file import save_model

    model = mnistcnn.build_model()
    model.set_weights(arrays)
    save_model(model, name)
    images = digits.test.images[:50]
    np.testing.assert_allclose(
        Recognizer(name).predict_proba(images), model(preprocess(images)).numpy(), atol=1e-5
    )


SUFFIXES = ".keras or .h5 or .onnx or .safetensors"
NAMES = ", ".join(map(repr, PRETRAINED))


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ("bset", ValueError, f"weights must be {NAMES} or a file that ends in {SUFFIXES}; received 'bset'"),
        ("", ValueError, f"weights must be {NAMES} or a file that ends in {SUFFIXES}; received ''"),
        (Path("a.pt"), ValueError, f"weights must be {NAMES} or a file that ends in {SUFFIXES}; received 'a.pt'"),
        # Only the name itself is a name.
        (Path(PRETRAINED[0]), ValueError, f"weights must be {NAMES} or a file that ends in {SUFFIXES}; received '{PRETRAINED[0]}'"),
        (3, TypeError, "weights must be a name or a path; received 3"),
        (b"a.onnx", TypeError, "weights must be a name or a path; received b'a.onnx'"),
    ],
)  # fmt: skip
def test_other_weights_are_refused(weights, error, message):
    with pytest.raises(error) as caught:
        Recognizer(weights)
    assert type(caught.value) is error
    assert str(caught.value) == message


@pytest.mark.parametrize("suffix", [".onnx", ".safetensors", ".keras", ".h5"])
def test_absent_and_damaged_files_are_refused(suffix, tmp_path):
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
        (1.0, TypeError, "num_threads must be an integer; received 1.0"),
        (True, TypeError, "num_threads must be an integer; received True"),
        ("2", TypeError, "num_threads must be an integer; received '2'"),
    ],
)
def test_num_threads_is_checked(threads, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        Recognizer(num_threads=threads)


def test_threads_change_nothing_but_the_time(digits):
    images = digits.test.images[:60]
    one, three = (Recognizer(num_threads=n) for n in (1, np.int64(3)))
    assert one._classifier._session.get_session_options().intra_op_num_threads == 1
    assert three._classifier._session.get_session_options().intra_op_num_threads == 3
    np.testing.assert_allclose(one.predict_proba(images), three.predict_proba(images), atol=1e-6)


def test_a_copy_by_pickle_is_the_same(arrays, digits):
    Path("a.onnx").write_bytes(to_onnx(arrays))
    original = Recognizer("a.onnx", num_threads=2)
    Path("a.onnx").unlink()
    copy = pickle.loads(pickle.dumps(original))
    images = digits.test.images[:60]
    np.testing.assert_array_equal(copy.predict_proba(images), original.predict_proba(images))
    assert copy._classifier._session.get_session_options().intra_op_num_threads == 2


def test_a_process_of_its_own_gives_the_same(recognizer, digits):
    images = digits.test.images[:60]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        found = pool.submit(recognizer.predict_proba, images).result()
    np.testing.assert_array_equal(found, recognizer.predict_proba(images))


def test_several_threads_at_once_give_the_same(recognizer, digits, page):
    parts = np.array_split(digits.train.images, 24)
    expected = [recognizer.predict_proba(part) for part in parts]
    text = recognizer.read(page.picture).text
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(recognizer.predict_proba, parts))
        texts = list(pool.map(lambda _: recognizer.read(page.picture).text, range(12)))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert set(texts) == {text}


def loaded_by(statement):
    code = f"import sys, numpy as np, mnistcnn; {statement}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    return set(result.stdout.split())


def test_images_need_no_opencv():
    loaded = loaded_by("mnistcnn.Recognizer().predict(np.zeros((28, 28), np.uint8))")
    assert "onnxruntime" in loaded
    assert not loaded & {"keras", "tensorflow", "cv2", "h5py", "sklearn", "matplotlib"}


def test_neither_predicting_nor_reading_loads_keras_or_tensorflow(page):
    np.save("page.npy", page.picture)
    loaded = loaded_by(
        "recognizer = mnistcnn.Recognizer(); page = np.load('page.npy');"
        "recognizer.predict_proba(np.zeros((3, 28, 28))); reading = recognizer.read(page);"
        "assert len(reading.digits) > 5; mnistcnn.plot_reading(page, reading)"
    )
    assert "cv2" in loaded
    assert not loaded & {"keras", "tensorflow", "jax", "torch", "sklearn", "h5py"}
