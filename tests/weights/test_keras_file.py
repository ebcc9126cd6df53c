"""Reading weights from Keras' model files, and saving models atomically."""

import json
import zipfile

import h5py
import numpy as np
import pytest

from mnistcnn import CorruptFileError, build_model
from mnistcnn.backend import keras
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, cnn_weight_shapes
from mnistcnn.weights.keras_file import read_keras_file, save_model
from mnistcnn.weights.weights_file import read_weights_file
from tests.helpers.models import baseline_script_model, random_weights

WEIGHTS = random_weights(0)


def equal(weights, others):
    return len(weights) == len(others) and all(map(np.array_equal, weights, others))


def write_hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            file[name] = value
    return path


@pytest.fixture(scope="module")
def baseline_model():
    """A model of the baseline script whose optimizer has state."""
    model = baseline_script_model()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.train_on_batch(np.zeros((1, 28, 28, 1)), np.eye(10)[:1])
    return model


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_files_of_the_baseline_script_are_read(baseline_model, tmp_path, name):
    model = baseline_model
    (model.save_weights if "weights" in name else model.save)(tmp_path / name)
    assert equal(read_keras_file(tmp_path / name)[0], model.get_weights())


@pytest.mark.parametrize("root", ["model_weights/", ""])
def test_files_of_keras_2_are_read(tmp_path, root):
    """Keras 2 names its arrays ``conv2d/conv2d/kernel:0``, in a group or at the root."""
    path = tmp_path / "old.h5"
    names = ["conv2d", "conv2d_1", "dense"]
    with h5py.File(path, "w") as file:
        for i, array in enumerate(WEIGHTS):
            name = names[i // 2]
            file[f"{root}{name}/{name}/{'bias' if i % 2 else 'kernel'}:0"] = array
    assert equal(read_keras_file(path)[0], WEIGHTS)


@pytest.mark.parametrize(
    ("arrays", "received"),
    [
        (WEIGHTS[:5], r"\(3, 3, 1, 32\), \(32,\), \(3, 3, 32, 64\), \(64,\), \(1600, 10\)"),
        ([*WEIGHTS, np.zeros(10)], r"\(3, 3, 1, 32\), .*, \(10,\), \(10,\)"),
        ([np.zeros((i, 1)) for i in range(20)], r"(\(\d, 1\), ){10}\.\.\."),
        ([*WEIGHTS[:5], np.zeros(32)], r"\(3, 3, 1, 32\), .*, \(1600, 10\), \(32,\)"),
        ([], "none"),
    ],
)
def test_the_error_for_other_shapes_names_both(tmp_path, arrays, received):
    expected = (
        ", ".join(map(str, CNN_WEIGHT_SHAPES.values())).replace("(", r"\(").replace(")", r"\)")
    )
    path = write_hdf5(tmp_path / "a.h5", **{chr(97 + i): w for i, w in enumerate(arrays)})
    with pytest.raises(
        ValueError,
        match=rf"shapes {expected}; received .* shapes {received}: build that network and give it as load_model\(path, model=network\)$",
    ):
        read_keras_file(path)


@pytest.mark.parametrize("num_classes", [2, 26, 32, 64, 1000])
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_any_number_of_classes_is_read(num_classes, suffix, tmp_path):
    """With 32 or 64 classes, two biases have the same shape."""
    model = build_model(num_classes=num_classes, seed=0)
    weights = random_weights(1, shapes=cnn_weight_shapes(num_classes))
    model.set_weights(weights)
    save_model(model, tmp_path / f"a{suffix}")
    assert equal(read_keras_file(tmp_path / f"a{suffix}")[0], weights)


def test_equal_shapes_outside_of_groups_are_rejected(tmp_path):
    arrays = random_weights(0, shapes=cnn_weight_shapes(32))
    path = write_hdf5(tmp_path / "a.h5", **{f"a{i}": array for i, array in enumerate(arrays)})
    message = r"must contain each layer in a group of its own; received 2 arrays of shape \(32,\)"
    with pytest.raises(ValueError, match=message):
        read_keras_file(path)


def test_integers_in_place_of_weights_are_another_architecture(tmp_path):
    arrays = {f"a{i}": array.astype(int) for i, array in enumerate(WEIGHTS)}
    with pytest.raises(ValueError, match="received another architecture") as error:
        read_keras_file(write_hdf5(tmp_path / "a.h5", **arrays))
    assert type(error.value) is ValueError


# Names of classes


def test_class_names_are_stored_in_keras_files_only(network, tmp_path):
    model = build_model(class_names=["cat", "dog, or wolf"])
    assert model.class_names == ("cat", "dog, or wolf")
    save_model(model, tmp_path / "a.keras")
    assert read_keras_file(tmp_path / "a.keras")[1] == ("cat", "dog, or wolf")
    # Keras ignores the additional member.
    loaded = keras.models.load_model("a.keras", compile=False)
    assert equal(loaded.get_weights(), model.get_weights())
    save_model(model, tmp_path / "a.h5")
    assert read_keras_file(tmp_path / "a.h5")[1] is None
    save_model(network, tmp_path / "digits.keras")
    assert read_keras_file(tmp_path / "digits.keras")[1] is None


def test_an_attribute_with_other_content_is_not_stored(tmp_path):
    model = build_model()
    model.class_names = 7
    save_model(model, tmp_path / "a.keras")
    assert read_keras_file(tmp_path / "a.keras")[1] is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "mnistcnn.json must hold an object; received another value"),
        ("{", "mnistcnn.json must be JSON"),
        ('{"class_names": 3}', "class_names must be a list of strings; received 3"),
        ('{"class_names": "abc"}', "class_names must be JSON"),
        ('{"class_names": ["a", "b\\u001b"]}', "class_names must be printable"),
        (json.dumps({"class_names": ["a"] * 2}), "class_names must differ; received 'a' twice"),
        (json.dumps({"class_names": ["a", "b"]}), "class_names must hold 10 names; received 2"),
        ("[" * 100_000, "mnistcnn.json must nest at most 2 levels"),
        (" " * (2 << 20), "the member mnistcnn.json must unpack to at most 1,048,576 bytes"),
    ],
)
def test_invalid_class_names_are_rejected(network, tmp_path, content, message):
    path = tmp_path / "a.keras"
    save_model(network, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("mnistcnn.json", content)
    with pytest.raises(CorruptFileError, match=f"a.keras.*{message}"):
        read_weights_file(path)


# Damaged and malicious files


def test_weights_that_are_not_finite_are_rejected(tmp_path):
    arrays = {f"a{i}": w for i, w in enumerate(WEIGHTS)}
    arrays["a3"] = np.full(64, np.nan)
    with pytest.raises(CorruptFileError, match="must contain finite weights; received NaN or inf"):
        read_keras_file(write_hdf5(tmp_path / "a.h5", **arrays))


def test_links_and_external_storage_are_rejected(tmp_path):
    secret = write_hdf5(tmp_path / "secret.h5", array=WEIGHTS[0])
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a0"] = h5py.ExternalLink(str(secret), "array")
    with pytest.raises(CorruptFileError, match="must not contain links; received 'a0'"):
        read_keras_file(path)
    with h5py.File(path, "w") as file:
        file["real"] = WEIGHTS[0]
        file["a0"] = h5py.SoftLink("/real")
    with pytest.raises(CorruptFileError, match="must not contain links; received 'a0'"):
        read_keras_file(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("a0", shape=(32,), dtype="f4", external=[(str(secret), 0, 128)])
    with pytest.raises(CorruptFileError, match="must be stored in the file; '/a0' is external"):
        read_keras_file(path)


def test_a_group_that_contains_itself_is_rejected(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        loop = file.create_group("loop")
        loop["again"] = loop
    message = "paths in the file must have at most 2,000 characters; received '/loop/again/"
    with pytest.raises(CorruptFileError, match=message):
        read_keras_file(path)


def test_too_large_a_file_is_rejected(tmp_path):
    path = tmp_path / "a.keras"
    with path.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(CorruptFileError, match="must hold at most 67,108,864 bytes"):
        read_keras_file(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(65 << 20))
    with pytest.raises(CorruptFileError, match="must unpack to at most 67,108,864 bytes"):
        read_keras_file(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("fraction", [0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_rejected(network, tmp_path, suffix, fraction):
    path = tmp_path / f"a{suffix}"
    save_model(network, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(CorruptFileError, match="must be a complete Keras file: "):
        read_keras_file(path)


def test_the_configuration_in_a_file_is_not_read(network, tmp_path):
    path = tmp_path / "a.keras"
    save_model(network, path)
    with zipfile.ZipFile(path) as archive:
        weights = archive.read("model.weights.h5")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", '{"class_name": "Lambda", "module": "os"}')
        archive.writestr("model.weights.h5", weights)
    assert equal(read_keras_file(path)[0], network.get_weights())


def test_a_failed_save_leaves_the_old_file(network, tmp_path, monkeypatch):
    path = tmp_path / "a.keras"
    save_model(network, path)
    before = path.read_bytes()

    def fail(_, temporary):
        temporary.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(keras.Sequential, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        save_model(network, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.keras"]
