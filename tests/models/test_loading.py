"""load_model; the file formats are tested in tests/weights."""

import numpy as np
import pytest

from mnistcnn import build_model, export_model, load_model, load_pretrained
from mnistcnn.backend import keras
from mnistcnn.models.loading import as_model
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.pretrained import PRETRAINED
from tests.helpers import onnx_networks


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5", "a.onnx", "a.safetensors"])
def test_every_format_round_trips(network, tmp_path, name, capfd):
    path = tmp_path / "new folder" / name
    (save_model if name.endswith(("keras", "h5")) else export_model)(network, path)
    loaded = load_model(str(path))
    assert all(map(np.array_equal, loaded.get_weights(), network.get_weights()))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in network.layers]
    assert loaded.compiled
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.keras", "a.onnx", "a.safetensors"])
def test_the_classes_round_trip(tmp_path, name):
    model = build_model(class_names=["a", "b", "c, d"], seed=0)
    path = tmp_path / name
    (save_model if name.endswith("keras") else export_model)(model, path)
    loaded = load_model(path)
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))
    assert loaded.class_names == ("a", "b", "c, d")
    assert loaded.output_shape == (None, 3)


def test_a_missing_file_is_not_found():
    with pytest.raises(FileNotFoundError, match="absent.keras"):
        load_model("absent.keras")


@pytest.mark.parametrize("path", ["model.pkl", "model.tflite", "model.xml", "saved_model"])
def test_other_suffixes_are_rejected(path):
    message = f"^path must end in .keras or .h5 or .onnx or .safetensors; received '{path}'$"
    with pytest.raises(ValueError, match=message):
        load_model(path)


def test_another_type_of_path_is_rejected():
    with pytest.raises(TypeError, match="^path must be a path; received 7$"):
        load_model(7)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_the_error_for_another_architecture_names_both(tmp_path, suffix):
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    path = tmp_path / f"other{suffix}"
    save_model(model, path)
    message = (
        r"other.* must contain the weights of the build_model architecture, arrays of shapes "
        r"\(3, 3, 1, 32\), \(32,\), .*; received another architecture, arrays of shapes .*\(784, 10\).*: "
        r"build that network and give it as load_model\(path, model=network\)$"
    )
    with pytest.raises(ValueError, match=message) as error:
        load_model(path)
    assert type(error.value) is ValueError


def test_onnx_of_another_network_is_no_damaged_file(tmp_path):
    network, _ = onnx_networks.dense_network(num_classes=26)
    onnx_networks.save(network, tmp_path / "letters.onnx")
    message = (
        r"letters\.onnx must contain the weights of the build_model architecture, the arrays "
        r"conv1\.kernel, .*, dense\.bias; received another network, with the arrays 'kernel'.*: run it "
        r"with Recognizer, or build it and load its \.keras file with load_model\(path, model=network\)$"
    )
    with pytest.raises(ValueError, match=message) as error:
        load_model(tmp_path / "letters.onnx")
    assert type(error.value) is ValueError


def test_as_model_takes_models_and_paths(network, tmp_path):
    assert as_model(network) is network
    save_model(network, tmp_path / "a.keras")
    loaded = as_model(tmp_path / "a.keras")
    assert all(map(np.array_equal, loaded.get_weights(), network.get_weights()))
    with pytest.raises(
        TypeError,
        match="^model must be a Keras model, a path or the name of pretrained weights; received 7$",
    ):
        as_model(7)
    with pytest.raises(ValueError, match="^model must end in .*; received 'a.txt'$"):
        as_model("a.txt")


def test_as_model_takes_the_names_of_pretrained_weights(tmp_path, monkeypatch):
    """As the command does; a file of that name is reached by a path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "robust").write_text("mine")
    for name in PRETRAINED:
        expected = load_pretrained(name).get_weights()
        assert all(map(np.array_equal, as_model(name).get_weights(), expected))
    with pytest.raises(ValueError, match="^model must end in .*; received './robust'$"):
        as_model("./robust")


def test_a_misspelled_name_of_pretrained_weights_gets_a_suggestion():
    expected = (
        "^model must be a file or one of 'best', 'robust'; received 'bset'; did you mean 'best'\\?$"
    )
    with pytest.raises(ValueError, match=expected):
        as_model("bset")
