"""Pretrained weights: loading, verification, writing.

Expected metrics are read from the manifest.
"""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load, save

import mnistcnn
from mnistcnn import CorruptFileError, load_pretrained, preprocess
from mnistcnn.backend import keras
from mnistcnn.weights import pretrained
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES
from mnistcnn.weights.metadata import model_metadata
from mnistcnn.weights.pretrained import (
    FOLDER,
    PAGE_NETWORK,
    PRETRAINED,
    REJECTOR,
    load_confidence_weights,
    load_pretrained_weights,
    read_pretrained,
    write_pretrained,
)


def write_arguments(**changed):
    """Return valid keyword arguments of `write_pretrained`."""
    arguments = dict(
        name="other",
        temperature=1.7,
        recipe={"name": "own", "epochs": 3, "augmentation": {"translation": 0.1}},
        seed=4,
        command="make weights",
        commit="a" * 40,
        versions=dict.fromkeys(["python", "mnistcnn", "keras", "tensorflow", "numpy"], "1.2"),
        data={"name": "noise", "images": 3, "sha256": "b" * 64},
        metrics={"test_accuracy": 0.5, "corruptions": {"blur": 0.25}},
    )
    return {**arguments, **changed}


@pytest.fixture
def weights(network):
    """Return initial kernels and nonzero biases."""
    rng = np.random.default_rng(0)
    return [
        array if array.any() else rng.normal(size=array.shape).astype(np.float32)
        for array in network.get_weights()
    ]


def change_manifest(shipped_files, name="best", /, **changed):
    """Change fields of a manifest (None removes one) and update its checksum."""
    path = shipped_files / f"{name}.json"
    document = json.loads(path.read_text())
    del document["manifest_sha256"]
    document.update(changed)
    document = {key: value for key, value in document.items() if value is not None}
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({**document, "manifest_sha256": digest}))


def change_arrays(shipped_files, **changed):
    """Change arrays of the weights file (None removes one) and its SHA-256 in the manifest."""
    path = shipped_files / "best.safetensors"
    arrays = {**load(path.read_bytes()), **{k.replace("_", "."): v for k, v in changed.items()}}
    content = save({key: array for key, array in arrays.items() if array is not None})
    path.write_bytes(content)
    change_manifest(shipped_files, sha256=hashlib.sha256(content).hexdigest())


# Loading


@pytest.mark.parametrize("name", PRETRAINED)
@pytest.mark.parametrize("calibrated", [True, False])
def test_loaded_models(name, calibrated, network, xy):
    model = load_pretrained(name, calibrated=calibrated)
    assert isinstance(model, keras.Sequential)
    assert model.count_params() == 34_826
    assert [layer.name for layer in model.layers] == [layer.name for layer in network.layers]
    assert model.get_layer("dropout").rate == network.get_layer("dropout").rate
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    assert model.loss == network.loss
    assert mnistcnn.evaluate(model, *xy).accuracy > 0.8


def test_best_and_calibrated_are_the_defaults():
    default, best = load_pretrained(), load_pretrained("best", calibrated=True)
    assert all(map(np.array_equal, default.get_weights(), best.get_weights()))


def test_the_sets_of_weights_differ():
    networks = [load_pretrained(name).get_weights()[0] for name in PRETRAINED]
    assert not np.array_equal(*networks)


def test_each_call_returns_a_new_model():
    first, second = load_pretrained(), load_pretrained()
    weights = second.get_weights()
    first.set_weights([array + 1 for array in weights])
    assert all(map(np.array_equal, second.get_weights(), weights))
    assert all(map(np.array_equal, load_pretrained().get_weights(), weights))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_calibration_divides_the_logits_by_the_temperature(temperature, shipped_files, xy):
    shipped = load_pretrained_weights("best")
    change_manifest(shipped_files, temperature=temperature)
    trained = np.asarray(load_pretrained(calibrated=False)(xy[0]), np.float64)
    calibrated = np.asarray(load_pretrained()(xy[0]), np.float64)
    logits = np.log(np.maximum(trained, 1e-30)) / temperature
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(calibrated, expected, atol=1e-5)
    assert np.array_equal(calibrated.argmax(axis=1), trained.argmax(axis=1))
    assert np.allclose(calibrated, trained, atol=1e-3) == (temperature == 1.0)
    as_trained = load_pretrained(calibrated=False).get_weights()
    assert all(map(np.array_equal, as_trained, shipped.arrays.values()))


def test_weights_that_overflow_when_they_are_calibrated_are_rejected():
    weights = load_pretrained_weights(PRETRAINED[0])
    bias = np.full(10, np.finfo(np.float32).max)
    manifest = replace(weights.manifest, temperature=0.5)
    weights = replace(weights, arrays={**weights.arrays, "dense.bias": bias}, manifest=manifest)
    message = "dense.bias must be finite after it is divided by the temperature, 0.5; received a"
    with pytest.raises(CorruptFileError, match=message):
        weights.weights(calibrated=True)
    assert weights.weights(calibrated=False)[-1] is bias


def test_an_unknown_name_is_rejected():
    known = ", ".join(repr(name) for name in PRETRAINED)
    with pytest.raises(ValueError, match=f"^name must be one of {known}; received 'worst'$"):
        load_pretrained("worst")
    with pytest.raises(ValueError, match="received '../best'"):
        load_pretrained("../best")


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_calibrated_must_be_a_bool(value):
    with pytest.raises(TypeError, match=f"^calibrated must be True or False; received {value!r}$"):
        load_pretrained(calibrated=value)


def test_arrays_are_read_without_keras():
    code = (
        "import sys; from mnistcnn.weights.pretrained import load_pretrained_weights; read = load_pretrained_weights('best');"
        "print(len(read.weights(calibrated=True)), read.manifest.temperature > 0);"
        "print({'keras', 'tensorflow', 'torch', 'jax', 'h5py'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "6 True\nset()\n"


@pytest.mark.parametrize("name", PRETRAINED)
def test_pretrained_files(name):
    shipped = load_pretrained_weights(name)
    manifest = shipped.manifest
    assert list(shipped.arrays) == list(CNN_WEIGHT_SHAPES)
    assert [array.shape for array in shipped.arrays.values()] == list(CNN_WEIGHT_SHAPES.values())
    assert not any(array.flags.writeable for array in shipped.arrays.values())
    assert 0 <= manifest.metrics["test_accuracy"] <= 1
    assert manifest.recipe["name"]
    every = (*PRETRAINED, REJECTOR, PAGE_NETWORK)
    names = {f"{name}.{suffix}" for name in every for suffix in ("json", "safetensors")}
    others = {"MODEL_CARD.md", "confidence.json"}
    assert {path.name for path in FOLDER.iterdir()} - others == names


def test_confidence_weights_are_complete():
    weights = load_confidence_weights()
    assert len(weights) == 4
    for of_kind in weights.values():
        assert "intercept" in of_kind
        assert "log components" in of_kind
        assert np.isfinite(list(of_kind.values())).all()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"weights": []}', b'{"weights": {"detected": 3}}', b"\xff"]
)
def test_damaged_confidence_weights_are_rejected(content, tmp_path, monkeypatch):
    (tmp_path / "confidence.json").write_bytes(content)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    load_confidence_weights.cache_clear()
    try:
        with pytest.raises(
            CorruptFileError, match="confidence.json: not the weights of the confidence"
        ):
            load_confidence_weights()
    finally:
        load_confidence_weights.cache_clear()


@pytest.mark.mnist
@pytest.mark.parametrize("name", PRETRAINED)
@pytest.mark.parametrize("calibrated", [True, False])
def test_the_manifest_has_the_measured_accuracy(name, calibrated, mnist_path):
    _, (images, labels) = mnistcnn.load_data(mnist_path)
    model = load_pretrained(name, calibrated=calibrated)
    result = mnistcnn.evaluate(model, *preprocess(images, labels))
    assert result.num_images == 10_000
    assert (
        result.num_correct / 10_000
        == load_pretrained_weights(name).manifest.metrics["test_accuracy"]
    )


# Changed files


def test_a_flipped_byte_is_rejected(shipped_files):
    path = shipped_files / "best.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        CorruptFileError,
        match=r"best.safetensors: the file must have SHA-256 \w{64}; received \w{64}$",
    ):
        load_pretrained()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(conv1_bias=np.zeros(31, "f4")), r"conv1.bias must be float32 \(32,\); received float32 \(31,\)"),
        (dict(dense_bias=np.zeros(10, "f8")), r"dense.bias must be float32 \(10,\); received float64 \(10,\)"),
        (dict(dense_bias=np.zeros(10, "i4")), r"dense.bias must be float32 \(10,\); received int32 \(10,\)"),
        (dict(dense_bias=np.full(10, np.nan, "f4")), "dense.bias must be finite; received NaN or infinity"),
        (dict(dense_bias=np.full(10, np.inf, "f4")), "dense.bias must be finite; received NaN or infinity"),
        (dict(conv2_bias=None), r"the file must hold the arrays conv1.kernel, .*, dense.bias; missing: conv2.bias"),
        (dict(conv3_bias=np.zeros(1, "f4")), r"the file must hold the arrays .*, dense.bias; unknown: 'conv3.bias'"),
    ],
)  # fmt: skip
def test_other_arrays_are_rejected(shipped_files, changed, message):
    change_arrays(shipped_files, **changed)
    with pytest.raises(CorruptFileError, match=f"best.safetensors: {message}$"):
        load_pretrained()


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x08" + bytes(7) + b"{]      "])
def test_invalid_safetensors_are_rejected(shipped_files, content):
    (shipped_files / "best.safetensors").write_bytes(content)
    change_manifest(shipped_files, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(
        CorruptFileError, match="best.safetensors: the file must be a valid safetensors file: "
    ):
        load_pretrained()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(name="x", file="x.safetensors"), "name must be 'best'; received 'x'"),
        (dict(format=1), "format must be 2; received 1"),
        (dict(recipe="fast"), "recipe must be an object; received 'fast'"),
    ],
)
def test_an_invalid_manifest_is_rejected(shipped_files, changed, message):
    change_manifest(shipped_files, **changed)
    with pytest.raises(CorruptFileError, match=f"best.json: {message}$"):
        load_pretrained()


def test_line_ends_and_white_space_do_not_matter(shipped_files):
    path = shipped_files / "best.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n "))
    assert load_pretrained().count_params() == 34_826


@pytest.mark.parametrize(("suffix", "limit"), [("safetensors", 262_144), ("json", 65_536)])
def test_too_large_a_file_is_rejected(shipped_files, suffix, limit):
    with (shipped_files / f"best.{suffix}").open("ab") as file:
        file.truncate(limit + 1)
    with pytest.raises(
        CorruptFileError,
        match=f"best.{suffix} must hold at most {limit:,} bytes; it holds {limit + 1:,}$",
    ):
        load_pretrained()


@pytest.mark.parametrize("suffix", ["safetensors", "json"])
def test_a_missing_file_is_not_found(shipped_files, suffix):
    (shipped_files / f"best.{suffix}").unlink()
    with pytest.raises(FileNotFoundError, match=f"best.{suffix}"):
        load_pretrained()


def check_rejected_or_equal(shipped_files):
    """Check that reading raises CorruptFileError or returns the original content."""
    shipped = read_pretrained(FOLDER, "best")
    try:
        result = read_pretrained(shipped_files, "best")
    except CorruptFileError:
        return
    assert result.manifest == shipped.manifest
    assert all(map(np.array_equal, result.arrays.values(), shipped.arrays.values()))


@settings(max_examples=100)
@given(data=st.data())
@pytest.mark.parametrize("suffix", ["safetensors", "json"])
def test_random_damage_is_rejected(suffix, data, shipped_files):
    path, whole = shipped_files / f"best.{suffix}", (FOLDER / f"best.{suffix}").read_bytes()
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    check_rejected_or_equal(shipped_files)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    check_rejected_or_equal(shipped_files)


@settings(max_examples=100)
@given(data=st.data())
def test_a_mutated_safetensors_header_is_rejected(data, shipped_files):
    """The SHA-256 in the manifest matches, so the mutation reaches safetensors."""
    content = bytearray((FOLDER / "best.safetensors").read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    (shipped_files / "best.safetensors").write_bytes(content)
    change_manifest(shipped_files, sha256=hashlib.sha256(content).hexdigest())
    shipped = read_pretrained(FOLDER, "best")
    try:
        result = read_pretrained(shipped_files, "best")
    except CorruptFileError:
        return
    assert all(map(np.array_equal, result.arrays.values(), shipped.arrays.values()))


# Writing


def test_written_files_round_trip(tmp_path, weights):
    written = write_pretrained(tmp_path / "new folder", weights, **write_arguments())
    result = read_pretrained(tmp_path / "new folder", "other")
    assert result.manifest == written.manifest
    assert all(map(np.array_equal, result.arrays.values(), weights))
    for field, value in write_arguments().items():
        assert getattr(result.manifest, field) == value
    assert sorted(path.name for path in (tmp_path / "new folder").iterdir()) == [
        "other.json", "other.safetensors"
    ]  # fmt: skip


def test_equal_arrays_give_equal_bytes(tmp_path, weights):
    contents = set()
    for i in range(10):
        write_pretrained(tmp_path / str(i), weights, **write_arguments())
        contents |= {path.read_bytes() for path in (tmp_path / str(i)).iterdir()}
    assert len(contents) == 2


def test_the_memory_layout_does_not_matter(tmp_path, weights):
    fortran = [np.asfortranarray(array) for array in weights]
    strided = [np.repeat(array, 2, axis=-1)[..., ::2] for array in weights]
    for i, arrays in enumerate([weights, fortran, strided]):
        write_pretrained(tmp_path / str(i), arrays, **write_arguments())
    files = [(tmp_path / str(i) / "other.safetensors").read_bytes() for i in range(3)]
    assert files[0] == files[1] == files[2]


def test_metadata(tmp_path, weights):
    write_pretrained(tmp_path, weights, **write_arguments())
    with safe_open(tmp_path / "other.safetensors", framework="np") as file:
        (metadata,) = file.metadata().values()
    assert json.loads(metadata) == model_metadata()
    assert mnistcnn.__version__ in metadata
    assert "divided by 255" in metadata
    assert "\n" not in metadata


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (dict(temperature=0.0), ValueError, r"temperature must lie in \[0.01, 100\]; received 0.0"),
        (dict(temperature=float("nan")), ValueError, "temperature must be finite; received nan"),
        (dict(name="Best one"), ValueError, "name must be lower-case letters, digits, - and _, starting with a letter; received 'Best one'"),
        (dict(metrics={"a": float("nan")}), ValueError, "the manifest must contain only finite numbers; received NaN or infinity"),
        (dict(metrics={"a": [[[[[[[1]]]]]]]}), ValueError, "the manifest must nest at most 8 levels; it nests more"),
        (dict(metrics={"a": object()}), TypeError, "Object of type object is not JSON serializable"),
        (dict(command="x" * 70_000), ValueError, r"the manifest must be at most 65,536 bytes; received \d\d,\d{3}"),
        (dict(recipe=None), TypeError, "recipe must be an object; received None"),
    ],
)  # fmt: skip
def test_invalid_fields_are_not_written(tmp_path, weights, changed, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        write_pretrained(tmp_path / "assets", weights, **write_arguments(**changed))
    assert not (tmp_path / "assets").exists()


def test_invalid_weights_are_not_written(tmp_path, weights):
    with pytest.raises(ValueError, match="^weights must be 6 arrays; received 5$"):
        write_pretrained(tmp_path / "a", weights[:5], **write_arguments())
    with pytest.raises(
        ValueError,
        match=r"^conv1.kernel must be float32 \(3, 3, 1, 32\); received float64 \(3, 3, 1, 32\)$",
    ):
        write_pretrained(
            tmp_path / "a", [weights[0].astype(float), *weights[1:]], **write_arguments()
        )
    with pytest.raises(ValueError, match="^dense.bias must be finite; received NaN or infinity$"):
        write_pretrained(
            tmp_path / "a", [*weights[:5], np.full(10, np.inf, "f4")], **write_arguments()
        )
    assert not (tmp_path / "a").exists()


def test_files_of_an_interrupted_write_are_rejected(tmp_path, weights, monkeypatch):
    """New weights are never used with an old temperature."""
    write_pretrained(tmp_path, weights, **write_arguments())

    def fail(path, text):
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrained, "write_text", fail)
    with pytest.raises(KeyboardInterrupt):
        write_pretrained(
            tmp_path, [array + 1 for array in weights], **write_arguments(temperature=2.0)
        )
    with pytest.raises(CorruptFileError, match="other.safetensors: the file must have SHA-256"):
        read_pretrained(tmp_path, "other")


def test_written_files_are_verified(tmp_path, weights, monkeypatch):
    """A disk that loses bytes is detected."""

    def lose(path, text):
        path.write_text(text[:-20])

    monkeypatch.setattr(pretrained, "write_text", lose)
    with pytest.raises(CorruptFileError, match="other.json: the manifest must be JSON"):
        write_pretrained(tmp_path, weights, **write_arguments())
