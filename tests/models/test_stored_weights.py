"""Loading the weights in a Keras file into a model of the caller's own."""

import h5py
import numpy as np
import pytest

from mnistcnn import CorruptFileError, build_model, load_model
from mnistcnn.backend import keras
from mnistcnn.weights.keras_file import save_model
from tests.helpers.models import letter_network

layers = keras.layers


class Blocks(keras.Model):
    """A subclassed model with layers in a list, and a layer with an integer variable."""

    def __init__(self):
        super().__init__()
        self.scale = layers.Normalization()
        self.blocks = [layers.Conv2D(4, 3, strides=2), layers.Conv2D(4, 3, strides=2)]
        self.norm = layers.BatchNormalization()
        self.head = layers.Dense(3, activation="softmax")

    def call(self, x, *, training=False):
        x = self.scale(x)
        for block in self.blocks:
            x = block(x)
        return self.head(keras.ops.mean(self.norm(x, training=training), axis=(1, 2)))


def subclassed():
    model = Blocks()
    model.scale.build((None, 28, 28, 1))
    model(np.zeros((1, 28, 28, 1)))
    return model


def functional():
    """A residual network with a nested model."""
    images = keras.Input((28, 28, 1))
    block = keras.Sequential([layers.Conv2D(4, 3), layers.Conv2D(4, 3)], name="block")
    features = layers.Add()([block(images), layers.Conv2D(4, 5, name="shortcut")(images)])
    features = layers.GlobalAveragePooling2D()(layers.BatchNormalization(name="norm")(features))
    return keras.Model(images, layers.Dense(3, activation="softmax", name="head")(features))


def sequential():
    stack = [layers.RandomRotation(0.1), layers.Conv2D(4, 3), layers.BatchNormalization()]
    stack += [layers.Flatten(), layers.Dropout(0.5), layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *stack])


BUILDERS = [sequential, functional, subclassed, letter_network, build_model]


def trained(build):
    """Return a model whose optimizer has state, and whose variables all differ."""
    model = build()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.random((4, 28, 28, 1)), np.eye(model(np.zeros((1, 28, 28, 1))).shape[1])[:4]
    model.train_on_batch(x, y[np.arange(4) % len(y)])
    for weight in model.weights:
        if weight.dtype.startswith("float"):
            weight.assign(rng.random(weight.shape))
    return model


def equal(model, other):
    return all(map(np.array_equal, model.get_weights(), other.get_weights()))


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("name", ["a.keras", "a.weights.h5"])
def test_weights_are_loaded_whatever_the_names_of_the_layers(build, name, tmp_path):
    model, other = trained(build), build()  # layers of a second model have other names
    save_model(model, tmp_path / name)
    assert not equal(model, other)
    assert load_model(tmp_path / name, model=other) is other
    assert equal(model, other)


def test_class_names_are_loaded(tmp_path):
    model = letter_network()
    model.class_names = tuple("abcdefghijklmnopqrstuvwxyz")
    save_model(model, tmp_path / "a.keras")
    assert load_model(tmp_path / "a.keras", model=letter_network(seed=1)).class_names[25] == "z"


# Legacy HDF5 files, in which layers are found by their names


def test_a_legacy_file_of_the_same_names_is_loaded(tmp_path):
    model = trained(functional)
    save_model(model, tmp_path / "a.h5")
    before = model.get_weights()
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    load_model(tmp_path / "a.h5", model=model)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_legacy_file_of_distinct_shapes_is_loaded(tmp_path):
    model, other = trained(build_model), build_model(seed=1)
    save_model(model, tmp_path / "a.h5")
    assert equal(load_model(tmp_path / "a.h5", model=other), model)


def test_a_legacy_file_of_other_names_is_rejected(tmp_path):
    save_model(trained(letter_network), tmp_path / "a.h5")
    message = (
        "a.h5 must name the layers as model does, 'conv2d.*; received 'conv2d.*: give the layers "
        "these names, or save the model as a .keras file$"
    )
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path / "a.h5", model=letter_network())


# Other architectures


def with_filters(count):
    stack = [layers.Conv2D(count, 3), layers.Flatten(), layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *stack])


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_the_error_names_both_architectures_and_the_remedy(suffix, tmp_path):
    save_model(with_filters(4), tmp_path / f"a{suffix}")
    model = with_filters(5)
    before = model.get_weights()
    message = (
        rf"a{suffix} must contain the weights of model, a keras.Sequential with arrays of shapes "
        r".*\(3, 3, 1, 5\).*; received another architecture, arrays of shapes .*\(3, 3, 1, 4\).*: "
        "build the network that was saved and give it as model$"
    )
    with pytest.raises(ValueError, match=message) as caught:
        load_model(tmp_path / f"a{suffix}", model=model)
    assert type(caught.value) is ValueError
    assert all(map(np.array_equal, before, model.get_weights()))


def test_equal_shapes_in_other_layers_are_another_architecture(tmp_path):
    """A depthwise convolution of one channel has arrays of the shapes of a convolution."""

    def build(name):
        first = (
            layers.Conv2D(4, 3) if name == "conv" else layers.DepthwiseConv2D(3, depth_multiplier=4)
        )
        stack = [first, layers.GlobalAveragePooling2D(), layers.Dense(3)]
        return keras.Sequential([keras.Input((28, 28, 1)), *stack])

    save_model(build("depthwise"), tmp_path / "a.keras")
    with pytest.raises(
        ValueError, match="in other layers: only model has '/layers/conv2d/vars/0': "
    ):
        load_model(tmp_path / "a.keras", model=build("conv"))


def test_integers_in_place_of_floats_are_another_architecture(tmp_path):
    path = tmp_path / "a.weights.h5"
    save_model(with_filters(4), path)
    with h5py.File(path, "r+") as file:
        values = np.array(file["layers/conv2d/vars/1"]).astype(int)
        del file["layers/conv2d/vars/1"]
        file["layers/conv2d/vars/1"] = values
    with pytest.raises(ValueError, match="received another architecture"):
        load_model(path, model=with_filters(4))


def test_a_network_larger_than_the_default_limit_is_loaded(tmp_path):
    def build():
        stack = [layers.Flatten(), layers.Dense(23_000), layers.Dense(3)]
        return keras.Sequential([keras.Input((28, 28, 1)), *stack])

    model = build()
    save_model(model, tmp_path / "a.weights.h5")
    assert (tmp_path / "a.weights.h5").stat().st_size > 64 << 20
    with pytest.raises(CorruptFileError, match="must hold at most 67,108,864 bytes"):
        load_model(tmp_path / "a.weights.h5")
    other = load_model(tmp_path / "a.weights.h5", model=build())
    assert equal(model, other)


# Arguments and damaged files


def test_arguments_are_checked(tmp_path):
    save_model(build_model(), tmp_path / "a.keras")
    with pytest.raises(TypeError, match="^model must be a Keras model; received 3$"):
        load_model("a.keras", model=3)
    with pytest.raises(ValueError, match=r"^path must end in .keras or .h5; received 'a.onnx'$"):
        load_model("a.onnx", model=build_model())
    with pytest.raises(FileNotFoundError, match="absent.keras"):
        load_model("absent.keras", model=build_model())
    unbuilt = keras.Sequential([layers.Dense(3)])
    message = "^model must be built to load weights; call it on an image first$"
    with pytest.raises(ValueError, match=message):
        load_model("a.keras", model=unbuilt)


def test_damaged_files_leave_the_model_unchanged(tmp_path):
    model, path = trained(sequential), tmp_path / "a.weights.h5"
    save_model(model, path)
    before = model.get_weights()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CorruptFileError, match="a.weights.h5 must be a complete Keras file"):
        load_model(path, model=model)
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        file["layers/conv2d/vars/1"][0] = np.nan
    with pytest.raises(CorruptFileError, match="must contain finite weights; received NaN"):
        load_model(path, model=model)
    assert all(map(np.array_equal, before, model.get_weights()))
