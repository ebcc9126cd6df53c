"""Exported models give the results of Keras, or are not written."""

import ctypes
import importlib.util
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from safetensors import safe_open

import mnistcnn
from mnistcnn import CorruptFileError, export_model
from mnistcnn.backend import keras, tf
from mnistcnn.export import formats, litert
from mnistcnn.export.formats import FORMATS
from mnistcnn.utils import environment, requirements, stderr
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.onnx_file import from_onnx, to_onnx
from mnistcnn.weights.pretrained import FOLDER
from tests.helpers.models import baseline_script_model, letter_network

# A path for each format.
PATHS = {
    "onnx": "a.onnx",
    "safetensors": "a.safetensors",
    "litert": "a.tflite",
    "litert-int8": "a8.tflite",
    "openvino": "a.xml",
    "saved_model": "a",
}
FLOAT32 = [name for name in PATHS if name != "litert-int8"]
needs_extra = {
    name: pytest.mark.skipif(
        target.requires is not None and importlib.util.find_spec(target.requires) is None,
        reason=f"the extra {target.extra} is not installed",
    )
    for name, target in FORMATS.items()
}


def for_formats(names):
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=needs_extra[name]) for name in names]
    )


@pytest.fixture(scope="module")
def trained():
    return mnistcnn.load_pretrained()


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """Return the path of each format, exported once."""
    folder, paths = tmp_path_factory.mktemp("exported"), {}

    def path_of(name):
        if name not in paths:
            paths[name] = export_model(trained, folder / PATHS[name], format=name)
        return paths[name]

    return path_of


def content(path):
    """The content of all files of an export."""
    files = [path, path.with_suffix(".bin")]
    if path.is_dir():
        files = sorted(path.rglob("*"))
    return {str(each): each.read_bytes() for each in files if each.is_file()}


# Every format


def test_there_is_a_path_for_every_format():
    assert list(PATHS) == list(FORMATS)


@for_formats(PATHS)
@pytest.mark.parametrize("n", [1, 7])
def test_any_number_of_images(name, n, exported, trained, xy):
    result = FORMATS[name].predict(exported(name), xy[0][:n])
    assert (result.shape, result.dtype) == ((n, 10), np.float32)
    tolerance = 1e-5 if name in FLOAT32 else 0.1
    assert np.allclose(result, trained(xy[0][:n]), atol=tolerance)
    assert np.allclose(result.sum(axis=1), 1, atol=tolerance)


@for_formats(FLOAT32)
def test_probabilities_are_those_of_keras(name, exported, trained, xy):
    assert np.allclose(FORMATS[name].predict(exported(name), xy[0]), trained(xy[0]), atol=1e-5)


@for_formats(["litert-int8"])
def test_int8_predictions_are_those_of_keras(name, exported, trained, xy):
    expected = np.asarray(trained(xy[0]))
    result = FORMATS[name].predict(exported(name), xy[0])
    assert (result.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.98
    assert np.abs(result - expected).mean() < 0.005


@for_formats(PATHS)
def test_a_failed_verification_leaves_an_existing_export(name, exported, tmp_path, monkeypatch):
    source, path = exported(name), tmp_path / PATHS[name]

    def write_other_weights(_, path):
        if source.is_dir():
            shutil.copytree(source, path)
            return
        for suffix in (source.suffix, *FORMATS[name].companions):
            shutil.copy(source.with_suffix(suffix), path.with_suffix(suffix))

    changed = {**FORMATS, name: replace(FORMATS[name], write=write_other_weights)}
    monkeypatch.setattr(formats, "FORMATS", changed)
    if source.is_dir():
        path.mkdir()
    for file in (path / "saved_model.pb",) if source.is_dir() else (path, path.with_suffix(".bin")):
        file.write_bytes(b"existing")
    before, entries = content(path), sorted(tmp_path.iterdir())
    message = f"^{path} was not written, because {name} must (match|agree with) Keras"
    with pytest.raises(RuntimeError, match=message):
        export_model(mnistcnn.build_model(seed=2), path, format=name)
    assert content(path) == before
    with pytest.raises(RuntimeError, match="was not written"):
        export_model(mnistcnn.build_model(seed=2), tmp_path / "new" / PATHS[name], format=name)
    assert not list((tmp_path / "new").iterdir())
    assert sorted(tmp_path.iterdir()) == sorted([*entries, tmp_path / "new"])


@for_formats(PATHS)
def test_an_export_that_cannot_be_run_is_not_written(name, tmp_path, network, monkeypatch):
    def spoil(_, path):
        if FORMATS[name].suffix:
            path.write_bytes(b"not a network")
            for suffix in FORMATS[name].companions:
                path.with_suffix(suffix).write_bytes(b"")
        else:
            path.mkdir()

    swapped = {**FORMATS, name: replace(FORMATS[name], write=spoil)}
    monkeypatch.setattr(formats, "FORMATS", swapped)
    message = f"^{PATHS[name]} was not written, because {name} could not run it: "
    with pytest.raises(RuntimeError, match=message):
        export_model(network, PATHS[name], format=name)
    assert not list(tmp_path.iterdir())


@for_formats(PATHS)
def test_a_second_export_is_equal_and_only_creates_the_path(
    name, exported, trained, tmp_path, capfd
):
    first = exported(name)
    capfd.readouterr()
    path = tmp_path / "new" / "folder" / PATHS[name]
    assert export_model(trained, str(path), format=name) == path
    printed = capfd.readouterr()
    assert printed.out == ""
    if name == "litert-int8":  # a line of the converter that can't be dropped
        assert re.fullmatch("(fully_quantize: .*\n)?", printed.err)
    else:
        assert printed.err == ""
    entries = sorted(each.name for each in path.parent.iterdir())
    assert entries == (["a.bin", "a.xml"] if name == "openvino" else [PATHS[name]])
    if name not in ("openvino", "saved_model"):
        assert path.read_bytes() == first.read_bytes()


# Metadata


def metadata_of(name, path):
    if name == "onnx":
        return {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    if name == "safetensors":
        with safe_open(path, framework="np") as file:
            return json.loads(file.metadata()["mnistcnn"])
    if name == "openvino":
        info = environment.import_openvino().Core().read_model(str(path)).get_rt_info("mnistcnn")
        return {key: value.astype(str) for key, value in info.astype(dict).items()}
    if name == "saved_model":
        return json.loads((path / "assets.extra" / "mnistcnn.json").read_text())
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(path.read_bytes()))
    return json.loads(model.description)


@for_formats(PATHS)
def test_metadata(name, exported):
    metadata = metadata_of(name, exported(name))
    assert metadata["labels"] == "0,1,2,3,4,5,6,7,8,9"
    assert (
        metadata["preprocessing"]
        == "gray levels 0...255 divided by 255, light digit on dark background"
    )
    assert metadata["written_by"] == f"mnistcnn {mnistcnn.__version__}"
    assert set(metadata) == {"description", "labels", "preprocessing", "written_by", "license"}


@for_formats(["litert", "litert-int8"])
def test_litert_names_its_input_and_output(name, exported):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(exported(name)))
    signature = interpreter.get_signature_list()["serving_default"]
    assert signature == {"inputs": ["images"], "outputs": ["probabilities"]}


@for_formats(["litert-int8"])
def test_int8_computes_in_8_bits(name, exported):
    """Only input and output are floats."""
    from ai_edge_litert.interpreter import Interpreter

    path = exported(name)
    details = Interpreter(str(path)).get_tensor_details()
    floating = [each["name"] for each in details if each["dtype"] == np.float32]
    assert len(floating) == 2
    assert path.stat().st_size < exported("litert").stat().st_size / 3


@for_formats(["openvino"])
def test_openvino_is_not_compressed_to_float16(name, exported):
    assert exported(name).with_suffix(".bin").stat().st_size >= 139_304


@for_formats(["saved_model"])
def test_keras_loads_the_saved_model(name, exported, trained, xy):
    layer = keras.layers.TFSMLayer(exported(name), call_endpoint="serving_default")
    assert np.allclose(layer(xy[0][:3])["probabilities"], trained(xy[0][:3]), atol=1e-6)


# Formats and paths


def test_safetensors_has_the_names_of_the_pretrained_weights(exported, trained):
    with safe_open(exported("safetensors"), framework="np") as file:
        names = set(file.keys())
    with safe_open(FOLDER / "best.safetensors", framework="np") as file:
        assert names == set(file.keys())


@pytest.mark.parametrize(
    ("path", "format", "error", "message"),
    [
        ("a.pb", None, ValueError, r"path must end in .onnx or .safetensors or .tflite or .xml, or have no suffix for a SavedModel folder; received 'a.pb'"),
        ("a.onnx", "tf.js", ValueError, "format must be one of 'onnx', 'safetensors', 'litert', 'litert-int8', 'openvino', 'saved_model'; received 'tf.js'"),
        ("a.onnx", 7, ValueError, "format must be one of 'onnx', .*; received 7"),
        ("a.onnx", "litert", ValueError, "path must end in .tflite for the format litert; received 'a.onnx'"),
        ("a", "onnx", ValueError, "path must end in .onnx for the format onnx; received 'a'"),
        ("a.tflite", "saved_model", ValueError, "path must not end in .tflite for the format saved_model; received 'a.tflite'"),
        ("", None, ValueError, "path must name a file or folder; received '.'"),
        (3, None, TypeError, "path must be a path; received 3"),
    ],
)  # fmt: skip
def test_formats_and_paths_are_checked(path, format, error, message, *, network, tmp_path):  # noqa: A002  # as in export_model
    with pytest.raises(error, match=f"^{message}$"):
        export_model(network, path, format=format)
    assert not list(tmp_path.iterdir())


def test_a_folder_name_may_contain_a_dot(network):
    assert export_model(network, "v1.2", format="saved_model").is_dir()


def test_other_files_and_folders_are_not_replaced(network, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="^file must be a folder; it is a file$"):
        export_model(network, "file")
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(IsADirectoryError, match="^a.onnx must be a file; it is a folder$"):
        export_model(network, "a.onnx")
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(9):
        (photos / f"{i}.png").write_text("mine")
    message = (
        "^photos must not exist, be empty or be a SavedModel, because it is replaced; "
        r"it contains '0.png', '1.png', '2.png'$"
    )
    with pytest.raises(FileExistsError, match=message):
        export_model(network, "photos")
    assert len(list(photos.iterdir())) == 9
    (tmp_path / "half" / "variables").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="it contains 'variables'$"):
        export_model(network, "half")
    (tmp_path / "empty").mkdir()
    assert (export_model(network, "empty") / "saved_model.pb").is_file()
    assert (export_model(network, "empty") / "saved_model.pb").is_file()
    (tmp_path / "empty" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="it contains 'notes.txt'$"):
        export_model(network, "empty")


def test_files_that_appear_in_the_folder_during_the_export_stay(network, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    saved_model = FORMATS["saved_model"]

    def predict(path, images):
        (tmp_path / "model" / "photo.png").write_text("mine")
        return saved_model.predict(path, images)

    changed = {**FORMATS, "saved_model": replace(saved_model, predict=predict)}
    monkeypatch.setattr(formats, "FORMATS", changed)
    with pytest.raises(FileExistsError, match="it contains 'photo.png'$"):
        export_model(network, "model")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "photo.png"]


@for_formats(["openvino"])
def test_a_folder_at_the_bin_path_is_rejected(name, network, tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(IsADirectoryError, match="^a.bin must be a file; it is a folder$"):
        export_model(network, "a.xml")


@pytest.mark.parametrize("name", ["litert", "litert-int8", "openvino"])
def test_the_error_names_a_missing_extra(name, network, tmp_path, monkeypatch):
    monkeypatch.setattr(requirements, "find_spec", lambda module: None)
    target = FORMATS[name]
    message = (
        rf"^the format {name} needs {target.requires}; pip install 'mnistcnn\[{target.extra}\]'$"
    )
    with pytest.raises(ModuleNotFoundError, match=message):
        export_model(network, PATHS[name], format=name)
    assert not list(tmp_path.iterdir())


# The model


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_model_files_are_accepted(name, trained, tmp_path):
    source = tmp_path / "source" / name
    save_model(trained, source)
    result = from_onnx(export_model(source, tmp_path / "b.onnx").read_bytes())
    assert all(map(np.array_equal, result, trained.get_weights()))


@for_formats(["onnx", "safetensors"])
def test_an_export_can_be_exported_again(name, exported, trained, tmp_path):
    again = export_model(exported(name), tmp_path / "b.onnx")
    assert all(map(np.array_equal, from_onnx(again.read_bytes()), trained.get_weights()))


SUFFIXES = ".keras or .h5 or .onnx or .safetensors"


@for_formats(["litert", "openvino", "saved_model"])
def test_other_formats_cannot_be_loaded(name, exported):
    path = exported(name)
    with pytest.raises(ValueError, match=f"^path must end in {SUFFIXES}; received '{path}'$"):
        mnistcnn.load_model(path)
    with pytest.raises(ValueError, match=f"^model must end in {SUFFIXES}; received '{path}'$"):
        export_model(path, "b.onnx")
    message = (
        f"^weights must be 'best', 'robust' or a file that ends in {SUFFIXES}; received '{path}'$"
    )
    with pytest.raises(ValueError, match=message):
        mnistcnn.Recognizer(path)


def test_the_pretrained_file_is_accepted(tmp_path):
    export_model(FOLDER / "best.safetensors", "b.onnx")
    result = from_onnx((tmp_path / "b.onnx").read_bytes())
    uncalibrated = mnistcnn.load_pretrained(calibrated=False)
    assert all(map(np.array_equal, result, uncalibrated.get_weights()))


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.onnx", b"nothing", CorruptFileError, "a.onnx: the file must be a valid ONNX file: .*"),
        ("a.safetensors", b"nothing", CorruptFileError, "a.safetensors: the file must be a valid safetensors file: .*"),
        ("a.onnx", bytes(17 << 20), CorruptFileError, "a.onnx must hold at most 16,777,216 bytes; it holds 17,825,792"),
        ("a.keras", b"PK", CorruptFileError, "a.keras must be a complete Keras file: .*"),
        ("a.pkl", b"", ValueError, "model must end in .keras or .h5 or .onnx or .safetensors; received 'a.pkl'"),
    ],
)  # fmt: skip
def test_other_files_are_rejected(name, content, error, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=f"^{message}$"):
        export_model(name, "b.onnx")
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_missing_files_and_other_types_are_rejected():
    with pytest.raises(FileNotFoundError, match=r"absent\.onnx"):
        export_model("absent.onnx", "b.onnx")
    with pytest.raises(
        TypeError,
        match="^model must be a Keras model, a path or the name of pretrained weights; received 7$",
    ):
        export_model(7, "b.onnx")


def test_names_and_training_settings_do_not_matter(tmp_path):
    model = baseline_script_model()
    model.layers[0].trainable = False
    model.layers[2].kernel_regularizer = keras.regularizers.L2(0.1)
    result = from_onnx(export_model(model, "a.onnx").read_bytes())
    assert all(map(np.array_equal, result, model.get_weights()))


def test_weights_that_are_not_finite_are_rejected(tmp_path):
    model = mnistcnn.build_model(seed=0)
    weights = model.get_weights()
    weights[5][3] = np.nan
    model.set_weights(weights)
    with pytest.raises(ValueError, match="^dense.bias must be finite; received NaN or infinity$"):
        export_model(model, "a.onnx")
    assert not list(tmp_path.iterdir())


# Verification


def test_half_precision_is_detected(trained, tmp_path, monkeypatch):
    def halved(network, path):
        path.write_bytes(to_onnx([each.astype("f2").astype("f4") for each in network.weights]))

    swapped = {**FORMATS, "onnx": replace(FORMATS["onnx"], write=halved)}
    monkeypatch.setattr(formats, "FORMATS", swapped)
    message = "^a.onnx was not written, because onnx must match Keras' probabilities within [0-9.e-]+; received a difference of 0.0"
    with pytest.raises(RuntimeError, match=message):
        export_model(trained, "a.onnx")
    assert not list(tmp_path.iterdir())


@for_formats(["litert-int8"])
def test_activation_ranges_of_blank_images_are_detected(name, trained, tmp_path, monkeypatch):
    blank = mnistcnn.Split(np.zeros((9, 28, 28), np.uint8), np.zeros(9, np.uint8))
    monkeypatch.setattr(litert, "load_data", lambda source: mnistcnn.Dataset(blank, blank))
    message = "^a8.tflite was not written, because litert-int8 must agree with Keras on 250 of 256 digits and match its probabilities within 0.005 on average; received "
    with pytest.raises(RuntimeError, match=message):
        export_model(trained, "a8.tflite", format=name)
    assert not list(tmp_path.iterdir())


@for_formats(FLOAT32)
def test_large_weights_are_exported(name):
    """The range of their logits is wide, so rounding errors are larger."""
    model = mnistcnn.build_model()
    model.set_weights([3 * array for array in mnistcnn.load_pretrained().get_weights()])
    export_model(model, PATHS[name])


@pytest.mark.skipif(stderr._memory_stream() is None, reason="needs the GNU C library")
@for_formats(["litert"])
def test_only_known_lines_are_dropped_from_standard_error(
    name, tmp_path, network, capfd, monkeypatch
):
    def complain(self):
        libc = ctypes.CDLL(None)
        text = b"INFO: Created a delegate.\nthe disk is full\n"
        libc.fputs(text, ctypes.c_void_p.in_dll(libc, "stderr"))
        raise OSError("no space left on device")

    monkeypatch.setattr(tf.lite.TFLiteConverter, "convert", complain)
    with pytest.raises(OSError, match="no space left"):
        export_model(network, "a.tflite")
    assert capfd.readouterr().err == "the disk is full\n"
    assert not list(tmp_path.iterdir())


# Other classes and other networks


@for_formats(PATHS)
def test_the_classes_are_in_the_metadata(name):
    names = ["a", "b, c", "d"]
    for model, options in (
        (mnistcnn.build_model(class_names=names), {}),
        (mnistcnn.build_model(num_classes=3), {"class_names": names}),
    ):
        path = export_model(model, PATHS[name], format=name, **options)
        metadata = metadata_of(name, path)
        assert json.loads(metadata["class_names"]) == names
        assert "labels" not in metadata
        assert metadata["description"].startswith("CNN for images of 3 classes; ")


def test_class_names_are_checked(network):
    with pytest.raises(ValueError, match="^class_names must hold 10 names; received 2$"):
        export_model(network, "a.onnx", class_names=["a", "b"])


needs_tf2onnx = pytest.mark.skipif(
    importlib.util.find_spec("tf2onnx") is None, reason="the extra tf2onnx is not installed"
)


@pytest.fixture(scope="module")
def letters():
    model = letter_network()
    model.class_names = tuple("abcdefghijklmnopqrstuvwxyz")
    return model


@needs_tf2onnx
@for_formats([name for name in PATHS if name != "safetensors"])
def test_another_network_is_exported(name, letters, xy, capfd):
    path = export_model(letters, PATHS[name], format=name)
    printed = capfd.readouterr()
    assert printed.out == ""
    assert re.fullmatch("(fully_quantize: .*\n)?", printed.err)
    for count in (1, 7):
        result = FORMATS[name].predict(path, xy[0][:count])
        assert (result.shape, result.dtype) == ((count, 26), np.float32)
        tolerance = 1e-5 if name in FLOAT32 else 0.02
        assert np.allclose(result, letters(xy[0][:count]), atol=tolerance)
    assert json.loads(metadata_of(name, path)["class_names"])[25] == "z"


@needs_tf2onnx
def test_a_network_with_all_kinds_of_layers_runs_in_the_recognizer(digits):
    layers = keras.layers
    images = keras.Input((28, 28, 1), name="pixels")
    features = layers.Conv2D(4, 3, padding="same", activation="gelu")(layers.Rescaling(2.0)(images))
    features = layers.Add()([features, layers.DepthwiseConv2D(3, padding="same")(features)])
    features = layers.BatchNormalization()(layers.ZeroPadding2D(1)(features))
    features = layers.SeparableConv2D(4, 3, strides=2, activation="silu")(features)
    features = layers.LayerNormalization()(layers.AveragePooling2D(2)(features))
    features = layers.SpatialDropout2D(0.1)(layers.PReLU()(features))
    pooled = [layers.GlobalMaxPooling2D()(features), layers.GlobalAveragePooling2D()(features)]
    outputs = layers.Dense(3, activation="softmax")(layers.Concatenate()(pooled))
    model = keras.Model(images, outputs)
    export_model(model, "a.onnx", class_names=["a", "b", "c"])
    recognizer = mnistcnn.Recognizer("a.onnx")
    x = mnistcnn.preprocess(digits.test.images[:20])
    assert np.allclose(recognizer.predict_proba(digits.test.images[:20]), model(x), atol=1e-5)
    assert recognizer.class_names == ("a", "b", "c")
    saved = onnx.load("a.onnx")
    onnx.checker.check_model(saved)
    assert [value.name for value in (*saved.graph.input, *saved.graph.output)] == [
        "images",
        "probabilities",
    ]
    with pytest.raises(ValueError, match="^a.onnx must contain the weights of the build_model"):
        mnistcnn.load_model("a.onnx")


def test_safetensors_holds_the_baseline_network_only(letters, tmp_path):
    message = (
        "^model must have the architecture of build_model for the format safetensors; received "
        "layers Conv2D, .*, Dense instead of Conv2D, "
    )
    with pytest.raises(ValueError, match=message):
        export_model(letters, "a.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_the_error_names_the_missing_converter(name, letters, tmp_path, monkeypatch):
    found = requirements.find_spec
    monkeypatch.setattr(
        requirements, "find_spec", lambda module: None if module == "tf2onnx" else found(module)
    )
    message = (
        r"^the export of your own network to ONNX needs tf2onnx; pip install 'mnistcnn\[tf2onnx\]'$"
    )
    with pytest.raises(ModuleNotFoundError, match=message):
        export_model(letters, PATHS[name], format=name)
    assert not list(tmp_path.iterdir())


def test_an_error_of_keras_exporter_is_explained(letters, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise KeyError("no such operator")

    monkeypatch.setattr(type(letters), "export", fail)
    message = (
        "^onnx could not be written: Keras' exporter does not support a layer of model: "
        "'no such operator'$"
    )
    with pytest.raises(RuntimeError, match=message):
        export_model(letters, "a.onnx")
    assert not list(tmp_path.iterdir())


def test_a_network_without_classes_is_rejected():
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(2, 3)])
    message = r"^model must return the probabilities of at least 2 classes .* shape \(26, 26, 2\)$"
    with pytest.raises(ValueError, match=message):
        export_model(model, "a.onnx")


def test_other_weights_that_are_not_finite_are_rejected():
    model = letter_network()
    model.layers[0].bias.assign(np.full(8, np.nan))
    with pytest.raises(ValueError, match="bias must be finite; received NaN or infinity$"):
        export_model(model, "a.onnx")
