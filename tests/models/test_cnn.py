"""The network, and the files it comes back from."""

import random
import zipfile

import h5py
import numpy as np
import pytest

from mnistcnn import CorruptFileError, build_model, load_model
from mnistcnn.backend import keras
from mnistcnn.weights.keras_file import _CNN_SHAPES, save_model


def equal_weights(one, other):
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def test_the_network_is_the_documented_one(network):
    assert isinstance(network, keras.Sequential)
    assert network.count_params() == 34_826
    assert sum(int(np.prod(v.shape)) for v in network.trainable_weights) == 34_826
    assert [(layer.name, type(layer).__name__, layer.count_params()) for layer in network.layers] == [
        ("conv1", "Conv2D", 320),
        ("pool1", "MaxPooling2D", 0),
        ("conv2", "Conv2D", 18_496),
        ("pool2", "MaxPooling2D", 0),
        ("flatten", "Flatten", 0),
        ("dropout", "Dropout", 0),
        ("probabilities", "Dense", 16_010),
    ]  # fmt: skip
    assert network.input_shape == (None, 28, 28, 1)
    assert network.output_shape == (None, 10)
    assert [tuple(weight.shape) for weight in network.weights] == list(_CNN_SHAPES)
    assert network.get_layer("conv1").activation is keras.activations.relu
    assert network.get_layer("conv2").activation is keras.activations.relu
    assert network.get_layer("probabilities").activation is keras.activations.softmax
    assert network.get_layer("dropout").rate == 0.25


def test_it_computes_what_the_layers_say(network):
    """The whole forward pass again, in NumPy."""
    x = np.random.default_rng(0).random((2, 28, 28, 1), dtype=np.float32)
    w1, b1, w2, b2, w3, b3 = network.get_weights()

    def convolve(images, kernel, bias):
        windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
        return np.maximum(np.einsum("nhwcij,ijcf->nhwf", windows, kernel) + bias, 0)

    def pool(images):
        n, h, w, c = images.shape
        return images[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))

    features = pool(convolve(pool(convolve(x, w1, b1)), w2, b2)).reshape(2, -1)
    logits = features @ w3 + b3
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(network(x), expected, atol=1e-5)


def test_it_is_compiled_as_documented(network):
    assert isinstance(network.optimizer, keras.optimizers.Adam)
    assert float(network.optimizer.learning_rate) == pytest.approx(1e-3)
    assert network.loss == "categorical_crossentropy"


def test_options_reach_the_network():
    model = build_model(dropout=0, learning_rate=0.5)
    assert model.get_layer("dropout").rate == 0
    assert float(model.optimizer.learning_rate) == 0.5


def test_same_seed_same_weights(network):
    assert equal_weights(build_model(seed=0), network)
    assert not equal_weights(build_model(seed=1), network)
    assert not equal_weights(build_model(), build_model())
    kernels = [w for w in network.get_weights() if w.ndim > 1]
    assert all(abs(kernel).min() < abs(kernel).max() for kernel in kernels)


def test_the_seed_leaves_the_global_generators_alone():
    keras.utils.set_random_seed(5)
    expected = random.random(), float(keras.random.uniform(()))
    keras.utils.set_random_seed(5)
    build_model(seed=0)
    assert (random.random(), float(keras.random.uniform(()))) == expected


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(dropout=1.0), ValueError, r"dropout must lie in \[0, 1\); received 1\.0"),
        (dict(dropout=-0.1), ValueError, r"dropout must lie in \[0, 1\); received -0\.1"),
        (dict(dropout="0.2"), TypeError, "dropout must be a number; received '0.2'"),
        (dict(dropout=float("nan")), ValueError, "dropout must be finite; received nan"),
        (dict(learning_rate=0), ValueError, "learning_rate must be greater than 0; received 0"),
        (dict(learning_rate=True), TypeError, "learning_rate must be a number; received True"),
        (dict(seed=-1), ValueError, "seed must be at least 0; received -1"),
        (dict(seed=1.5), TypeError, "seed must be an integer; received 1.5"),
    ],
)
def test_options_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        build_model(**options)


# Files


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_comes_back_from_every_format(network, tmp_path, name, capfd):
    save_model(network, tmp_path / "new folder" / name)
    loaded = load_model(str(tmp_path / "new folder" / name))
    assert equal_weights(loaded, network)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in network.layers]
    assert loaded.compiled
    assert capfd.readouterr() == ("", "")


def documents_script():
    """The document's own lines, without names, as a stranger's script has them."""
    layers = keras.layers
    return keras.models.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(10, activation="softmax"),
        ]
    )


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_reads_what_the_documents_script_wrote(tmp_path, name):
    model = documents_script()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.train_on_batch(np.zeros((1, 28, 28, 1)), np.eye(10)[:1])  # the optimizer has state
    (model.save_weights if "weights" in name else model.save)(tmp_path / name)
    assert equal_weights(load_model(tmp_path / name), model)


@pytest.mark.parametrize("root", ["model_weights/", ""])
def test_reads_what_keras_2_wrote(network, tmp_path, root):
    """Keras 2 called its arrays ``conv2d/conv2d/kernel:0``, under a root or bare."""
    path = tmp_path / "old.h5"
    names = ["conv2d", "conv2d_1", "dense"]
    with h5py.File(path, "w") as file:
        for i, array in enumerate(network.get_weights()):
            name = names[i // 2]
            file[f"{root}{name}/{name}/{'bias' if i % 2 else 'kernel'}:0"] = array
    assert equal_weights(load_model(path), network)


def test_a_missing_file_is_not_found():
    with pytest.raises(FileNotFoundError, match="absent.keras"):
        load_model("absent.keras")


def test_another_suffix_is_refused():
    with pytest.raises(ValueError, match="path must end in .keras or .h5; received 'model.pkl'"):
        load_model("model.pkl")


def test_another_kind_of_path_is_refused():
    with pytest.raises(TypeError, match="path must be a path; received 7"):
        load_model(7)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_another_architecture_is_refused(tmp_path, suffix):
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    path = tmp_path / f"other{suffix}"
    save_model(model, path)
    with pytest.raises(CorruptFileError, match=r"other.*another architecture; it holds") as caught:
        load_model(path)
    assert "(784, 10)" in str(caught.value)


def rewrite(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            file[name] = value
    return path


def test_a_network_that_lacks_an_array_is_refused(network, tmp_path):
    arrays = {f"a{i}": w for i, w in enumerate(network.get_weights()[:-1])}
    with pytest.raises(CorruptFileError, match="another architecture; it holds .*\\(1600, 10\\)$"):
        load_model(rewrite(tmp_path / "a.h5", **arrays))


def test_a_network_with_an_array_twice_is_refused(network, tmp_path):
    arrays = {f"a{i}": w for i, w in enumerate([*network.get_weights(), np.zeros(10)])}
    with pytest.raises(CorruptFileError, match="another architecture; it holds"):
        load_model(rewrite(tmp_path / "a.h5", **arrays))


def test_weights_that_are_not_finite_are_refused(network, tmp_path):
    arrays = {f"a{i}": w for i, w in enumerate(network.get_weights())}
    arrays["a3"] = np.full(64, np.nan)
    with pytest.raises(CorruptFileError, match="must hold finite weights; it holds NaN or inf"):
        load_model(rewrite(tmp_path / "a.h5", **arrays))


def test_links_and_storage_elsewhere_are_refused(network, tmp_path):
    secret = rewrite(tmp_path / "secret.h5", array=network.get_weights()[0])
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a0"] = h5py.ExternalLink(str(secret), "array")
    with pytest.raises(CorruptFileError, match="must hold its objects itself; 'a0' is a link"):
        load_model(path)
    with h5py.File(path, "w") as file:
        file["real"] = network.get_weights()[0]
        file["a0"] = h5py.SoftLink("/real")
    with pytest.raises(CorruptFileError, match="'a0' is a link"):
        load_model(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("a0", shape=(32,), dtype="f4", external=[(str(secret), 0, 128)])
    with pytest.raises(CorruptFileError, match="must hold its arrays itself; '/a0' is elsewhere"):
        load_model(path)


def test_a_tree_without_end_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        loop = file.create_group("loop")
        loop["again"] = loop
    with pytest.raises(CorruptFileError, match="must hold at most 1000 objects"):
        load_model(path)


def test_a_file_too_large_is_refused(tmp_path):
    path = tmp_path / "a.keras"
    with path.open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(CorruptFileError, match="must hold at most 16,777,216 bytes"):
        load_model(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(17 << 20))
    with pytest.raises(CorruptFileError, match="must unpack to at most 16,777,216 bytes"):
        load_model(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(network, tmp_path, suffix, share):
    path = tmp_path / f"a{suffix}"
    save_model(network, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CorruptFileError, match="is not a whole Keras file"):
        load_model(path)


def test_configuration_and_code_in_a_file_are_not_even_read(network, tmp_path):
    """A .keras file whose configuration is garbage loads: only the numbers are taken."""
    path = tmp_path / "a.keras"
    save_model(network, path)
    with zipfile.ZipFile(path) as archive:
        weights = archive.read("model.weights.h5")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", '{"class_name": "Lambda", "module": "os"}')
        archive.writestr("model.weights.h5", weights)
    assert equal_weights(load_model(path), network)


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
