"""What is exported gives in its own runtime what Keras gives, or is not there."""

import contextlib
import importlib.util
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

import mnistcnn
from mnistcnn import CorruptFileError, export_model
from mnistcnn.backend import keras, tf
from mnistcnn.export import formats, litert, parity
from mnistcnn.export.formats import FORMATS
from mnistcnn.utils import environment
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.onnx_file import from_onnx, to_onnx
from mnistcnn.weights.pretrained import FOLDER
from mnistcnn.weights.readers import read_exported
from tests.models.test_cnn import documents_script

# One file name for each format.
PATHS = {
    "onnx": "a.onnx",
    "safetensors": "a.safetensors",
    "litert": "a.tflite",
    "litert-int8": "a8.tflite",
    "openvino": "a.xml",
    "saved_model": "a",
}
EXACT = [name for name in PATHS if name != "litert-int8"]
needs = {
    name: pytest.mark.skipif(
        target.needs is not None and importlib.util.find_spec(target.needs) is None,
        reason=f"the extra {target.extra} is not installed",
    )
    for name, target in FORMATS.items()
}


def each(names):
    return pytest.mark.parametrize("name", [pytest.param(one, marks=needs[one]) for one in names])


@pytest.fixture(scope="module")
def trained():
    return mnistcnn.load_pretrained()


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """Each format, written once."""
    folder, done = tmp_path_factory.mktemp("exported"), {}

    def path_of(name):
        if name not in done:
            done[name] = export_model(trained, folder / PATHS[name], format=name)
        return done[name]

    return path_of


def content(path):
    """All the bytes of an export."""
    files = [path, path.with_suffix(".bin")]
    if path.is_dir():
        files = sorted(path.rglob("*"))
    return {str(one): one.read_bytes() for one in files if one.is_file()}


# What every format keeps


def test_there_is_a_path_for_every_format():
    assert list(PATHS) == list(FORMATS)


@each(PATHS)
@pytest.mark.parametrize("n", [1, 7])
def test_any_number_of_images(name, n, exported, trained, xy):
    found = FORMATS[name].run(exported(name), xy[0][:n])
    assert (found.shape, found.dtype) == ((n, 10), np.float32)
    tolerance = 1e-5 if name in EXACT else 0.1
    assert np.allclose(found, trained(xy[0][:n]), atol=tolerance)
    assert np.allclose(found.sum(axis=1), 1, atol=tolerance)


@each(EXACT)
def test_the_probabilities_are_those_of_keras(name, exported, trained, xy):
    assert np.allclose(FORMATS[name].run(exported(name), xy[0]), trained(xy[0]), atol=1e-5)


@each(["litert-int8"])
def test_eight_bits_keep_the_answers(name, exported, trained, xy):
    expected = np.asarray(trained(xy[0]))
    found = FORMATS[name].run(exported(name), xy[0])
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.98
    assert np.abs(found - expected).mean() < 0.005


@each(PATHS)
def test_it_returns_the_path_and_leaves_nothing_else(name, tmp_path, network):
    path = tmp_path / "new" / "folder" / PATHS[name]
    assert export_model(network, str(path), format=name) == path
    left = sorted(one.name for one in path.parent.iterdir())
    assert left == (["a.bin", "a.xml"] if name == "openvino" else [PATHS[name]])


@each(PATHS)
def test_a_failing_check_leaves_what_stood_there(name, exported, tmp_path, monkeypatch):
    path = tmp_path / PATHS[name]
    export_model(mnistcnn.build_model(seed=1), path, format=name)
    before = content(path)
    others = [one.name for one in tmp_path.iterdir()]
    expected = exported(name)  # of other weights

    def run_another(temporary, images):
        return FORMATS[name].run(expected, images)

    swapped = {**FORMATS, name: replace(FORMATS[name], run=run_another)}
    monkeypatch.setattr(formats, "FORMATS", swapped)
    message = f"^{path} was not written, since {name} must give Keras' "
    with pytest.raises(RuntimeError, match=message):
        export_model(mnistcnn.build_model(seed=2), path, format=name)
    assert content(path) == before
    with pytest.raises(RuntimeError, match="was not written"):
        export_model(mnistcnn.build_model(seed=2), tmp_path / "new" / PATHS[name], format=name)
    assert not list((tmp_path / "new").iterdir())
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([*others, "new"])


@each(PATHS)
def test_what_cannot_be_run_is_not_written(name, tmp_path, network, monkeypatch):
    def spoil(weights, path):
        if FORMATS[name].suffix:
            path.write_bytes(b"not a network")
            for suffix in FORMATS[name].companions:
                path.with_suffix(suffix).write_bytes(b"")
        else:
            path.mkdir()

    swapped = {**FORMATS, name: replace(FORMATS[name], write=spoil)}
    monkeypatch.setattr(formats, "FORMATS", swapped)
    message = f"^{PATHS[name]} was not written, since {name} could not be run: "
    with pytest.raises(RuntimeError, match=message):
        export_model(network, PATHS[name], format=name)
    assert not list(tmp_path.iterdir())


@each([name for name in PATHS if name not in ("openvino", "saved_model")])
def test_the_same_network_gives_the_same_bytes(name, exported, trained, tmp_path):
    again = export_model(trained, tmp_path / PATHS[name], format=name)
    assert again.read_bytes() == exported(name).read_bytes()


@each(PATHS)
def test_nothing_is_said(name, tmp_path, network, capfd):
    export_model(network, PATHS[name], format=name)
    assert capfd.readouterr() == ("", "")


# What each says of itself


def said_by(name, path):
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


@each(PATHS)
def test_it_says_labels_preprocessing_and_version(name, exported):
    said = said_by(name, exported(name))
    assert said["labels"] == "0,1,2,3,4,5,6,7,8,9"
    assert (
        said["preprocessing"]
        == "gray levels 0...255 divided by 255, light digit on dark background"
    )
    assert said["written_by"] == f"mnistcnn {mnistcnn.__version__}"
    assert set(said) == {"description", "labels", "preprocessing", "written_by", "license"}


@each(["litert", "litert-int8"])
def test_litert_knows_inputs_and_outputs_by_name(name, exported):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(exported(name)))
    signature = interpreter.get_signature_list()["serving_default"]
    assert signature == {"inputs": ["images"], "outputs": ["probabilities"]}


@each(["litert-int8"])
def test_eight_bits_are_eight_bits(name, exported):
    """Between the outer images and answers there is no floating number."""
    from ai_edge_litert.interpreter import Interpreter

    path = exported(name)
    details = Interpreter(str(path)).get_tensor_details()
    floating = [one["name"] for one in details if one["dtype"] == np.float32]
    assert len(floating) == 2
    assert path.stat().st_size < exported("litert").stat().st_size / 3


@each(["openvino"])
def test_openvino_keeps_all_bits(name, exported):
    assert exported(name).with_suffix(".bin").stat().st_size >= 139_304


@each(["saved_model"])
def test_keras_takes_the_saved_model(name, exported, trained, xy):
    layer = keras.layers.TFSMLayer(exported(name), call_endpoint="serving_default")
    assert np.allclose(layer(xy[0][:3])["probabilities"], trained(xy[0][:3]), atol=1e-6)


# Formats and paths


def test_safetensors_are_laid_out_as_the_shipped_ones(exported, trained):
    with safe_open(exported("safetensors"), framework="np") as file:
        names = set(file.keys())
    with safe_open(FOLDER / "best.safetensors", framework="np") as file:
        assert names == set(file.keys())


@pytest.mark.parametrize(
    ("path", "format", "error", "message"),
    [
        ("a.pb", None, ValueError, r"path must end in .onnx or .safetensors or .tflite or .xml, or have no suffix for the folder of a SavedModel; received 'a.pb'"),
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


def test_a_folder_may_be_called_by_a_version(network):
    assert export_model(network, "v1.2", format="saved_model").is_dir()


def test_what_may_not_be_replaced_is_refused(network, tmp_path):
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
        "^photos must be free, an empty folder or a SavedModel, since it is replaced; "
        r"it holds '0.png', '1.png', '2.png'$"
    )
    with pytest.raises(FileExistsError, match=message):
        export_model(network, "photos")
    assert len(list(photos.iterdir())) == 9
    (tmp_path / "half" / "variables").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="it holds 'variables'$"):
        export_model(network, "half")
    (tmp_path / "empty").mkdir()
    assert (export_model(network, "empty") / "saved_model.pb").is_file()


@each(["openvino"])
def test_a_folder_in_place_of_the_bin_file_is_refused(name, network, tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(IsADirectoryError, match="^a.bin must be a file; it is a folder$"):
        export_model(network, "a.xml")


@pytest.mark.parametrize("name", ["litert", "litert-int8", "openvino"])
def test_an_absent_extra_is_named(name, network, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "find_spec", lambda module: None)
    target = FORMATS[name]
    message = rf"^the format {name} needs {target.needs}; pip install 'mnistcnn\[{target.extra}\]'$"
    with pytest.raises(ModuleNotFoundError, match=message):
        export_model(network, PATHS[name], format=name)
    assert not list(tmp_path.iterdir())


# Which networks


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_files_of_a_network_are_taken(name, trained, tmp_path):
    source = tmp_path / "source" / name
    save_model(trained, source)
    found = from_onnx(export_model(source, tmp_path / "b.onnx").read_bytes())
    assert all(map(np.array_equal, found, trained.get_weights()))


def saying_so(name):
    """Reading a SavedModel imports TensorFlow, and says so; no other format does."""
    if name != "saved_model":
        return contextlib.nullcontext()
    text = "a is a SavedModel, so TensorFlow is imported to read it, which takes seconds; "
    return pytest.warns(UserWarning, match=f"{text}export_model.*'digits.onnx'. writes a file")


@each(EXACT)
def test_what_was_exported_is_taken_and_is_the_same(name, exported, trained, tmp_path):
    with saying_so(name):
        again = export_model(exported(name), tmp_path / "b.onnx")
    assert all(map(np.array_equal, from_onnx(again.read_bytes()), trained.get_weights()))


@each(PATHS)
def test_a_recognizer_reads_what_was_exported(name, exported, trained, digits):
    with saying_so(name):
        recognizer = mnistcnn.Recognizer(exported(name))
    images = digits.test.images
    expected = np.asarray(trained(mnistcnn.preprocess(images)))
    found = recognizer.predict_proba(images)
    if name in EXACT:
        assert np.allclose(found, expected, atol=1e-5)
    else:
        assert 0 < np.abs(found - expected).mean() < 0.005
        assert np.abs(found - FORMATS[name].run(exported(name), mnistcnn.preprocess(images))).mean() < 0.005  # fmt: skip


@each(["litert", "litert-int8", "openvino", "saved_model"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:.*is a SavedModel:UserWarning")
def test_damaged_exports_are_refused_or_read(name, data, exported, tmp_path_factory):
    """A changed byte may be in a number, and then it is another network; nothing else happens."""
    source, folder = exported(name), tmp_path_factory.mktemp("damaged")
    path = folder / source.name
    shutil.copytree(source, path) if source.is_dir() else shutil.copy(source, path)
    if name == "openvino":
        shutil.copy(source.with_suffix(".bin"), folder)
    victim = path / "saved_model.pb" if path.is_dir() else path
    if name == "openvino" and data.draw(st.booleans()):
        victim = path.with_suffix(".bin")
    whole = bytearray(victim.read_bytes())
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    for _ in range(data.draw(st.integers(0, 4))):
        # The structure stands at the ends; most of the middle is numbers.
        place = data.draw(st.integers(0, 600) | st.integers(0, max(len(whole) - 1, 0)))
        whole[place : place + 1] = data.draw(st.binary(max_size=3))
    victim.write_bytes(whole)
    with contextlib.suppress(CorruptFileError):
        shapes = [array.shape for array in read_exported(path)]
        assert shapes == list(CNN_WEIGHT_SHAPES.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<net", "<!DOCTYPE net><net", "the file must hold elements alone; it holds a declaration"),
        ("</net>", "", "the file must be whole XML: no element found: .*"),
        ('name="conv2.bias"', 'name="other"', "conv2.bias must be there with {'element_type': 'f32', 'shape': '64', 'size': '256'}; received {'element_type': None, 'shape': None, 'size': None}"),
        ('shape="32, 1, 3, 3"', 'shape="3, 3, 32, 1"', "conv1.kernel must be there with .*; received {'element_type': 'f32', 'shape': '3, 3, 32, 1', 'size': '1152'}"),
        ('offset="32"', 'offset="-32"', "conv1.kernel must lie within the 139,[0-9]+ bytes of the .bin file; received offset '-32'"),
        ('offset="32"', 'offset="139000"', "conv1.kernel must lie within the 139,[0-9]+ bytes of the .bin file; received offset '139000'"),
        ('offset="32"', 'offset="' + "9" * 5000 + '"', "conv1.kernel must lie within the 139,[0-9]+ bytes of the .bin file; received offset '9{20}'"),
    ],
)  # fmt: skip
@pytest.mark.skipif(
    not importlib.util.find_spec("openvino"), reason="the extra openvino is not installed"
)
def test_a_damaged_xml_file_is_refused_by_what_is_wrong(old, new, message, exported, tmp_path):
    source = exported("openvino")
    text = source.read_text()
    assert text.count(old) == 1
    (tmp_path / "b.xml").write_text(text.replace(old, new))
    shutil.copy(source.with_suffix(".bin"), "b.bin")
    with pytest.raises(CorruptFileError, match=f"^b.xml: {message}$"):
        mnistcnn.Recognizer("b.xml")


def test_half_of_two_files_is_not_enough(tmp_path):
    (tmp_path / "a.xml").write_text("<net/>")
    with pytest.raises(FileNotFoundError, match=r"a\.bin"):
        mnistcnn.Recognizer("a.xml")


@each(["litert"])
def test_a_litert_file_of_another_network_is_refused(name, exported, tmp_path):
    content = exported(name).read_bytes()
    at = content.index(np.array([64, 3, 3, 32], "<i4").tobytes())
    other = np.array([32, 3, 3, 64], "<i4").tobytes()
    (tmp_path / "b.tflite").write_bytes(content[:at] + other + content[at + 16 :])
    message = r"^b.tflite: the file must hold one array of shape \(3, 3, 32, 64\) for conv2.kernel; it holds 0$"
    with pytest.raises(CorruptFileError, match=message):
        mnistcnn.Recognizer("b.tflite")


def test_a_saved_model_of_another_network_and_other_folders_are_refused(tmp_path):
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), "other")
    message = r"^other: the folder must hold one array of shape \(3, 3, 1, 32\) for conv1.kernel; it holds 0$"
    with (
        pytest.warns(UserWarning, match="is a SavedModel"),
        pytest.raises(CorruptFileError, match=message),
    ):
        mnistcnn.Recognizer("other")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="^weights must be .*; received 'empty'$"):
        mnistcnn.Recognizer("empty")


def test_without_the_extra_a_litert_file_says_what_to_install(monkeypatch, tmp_path):
    (tmp_path / "a.tflite").write_bytes(b"")
    monkeypatch.setattr(environment, "find_spec", lambda module: None)
    with pytest.raises(
        ModuleNotFoundError,
        match=r"^a.tflite needs ai_edge_litert; pip install 'mnistcnn\[litert\]'$",
    ):
        mnistcnn.Recognizer("a.tflite")


def test_the_shipped_file_is_taken(tmp_path):
    export_model(FOLDER / "best.safetensors", "b.onnx")
    found = from_onnx((tmp_path / "b.onnx").read_bytes())
    uncalibrated = mnistcnn.load_pretrained(calibrated=False)
    assert all(map(np.array_equal, found, uncalibrated.get_weights()))


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.onnx", b"nothing", CorruptFileError, "a.onnx: the file must be a whole ONNX file: .*"),
        ("a.safetensors", b"nothing", CorruptFileError, "a.safetensors: the file must be a valid safetensors file: .*"),
        ("a.onnx", bytes(300_000), CorruptFileError, "a.onnx must hold at most 262,144 bytes; it holds 300,000"),
        ("a.keras", b"PK", CorruptFileError, "a.keras is not a whole Keras file: .*"),
        ("a.pkl", b"", ValueError, "model must end in .keras or .h5 or .onnx or .safetensors or .tflite or .xml; received 'a.pkl'"),
    ],
)  # fmt: skip
def test_other_files_are_refused(name, content, error, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=f"^{message}$"):
        export_model(name, "b.onnx")
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_absent_files_and_other_things_are_refused():
    with pytest.raises(FileNotFoundError, match=r"absent\.onnx"):
        export_model("absent.onnx", "b.onnx")
    with pytest.raises(TypeError, match="^model must be a Keras model or a path; received 7$"):
        export_model(7, "b.onnx")


def test_names_compilation_and_training_do_not_matter(tmp_path):
    model = documents_script()
    model.layers[0].trainable = False
    model.layers[2].kernel_regularizer = keras.regularizers.L2(0.1)
    found = from_onnx(export_model(model, "a.onnx").read_bytes())
    assert all(map(np.array_equal, found, model.get_weights()))


def altered(place, *, shape=(28, 28, 1), **changes):
    model = documents_script()
    layers = [type(one).from_config(one.get_config()) for one in model.layers]
    layers[place] = type(layers[place]).from_config({**layers[place].get_config(), **changes})
    return keras.Sequential([keras.Input(shape), *layers])


def functional():
    given = keras.Input((28, 28, 1))
    return keras.Model(given, documents_script()(given))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (functional, r"a keras.Functional"),
        (lambda: keras.Sequential([keras.layers.Dense(10)]), "a keras.Sequential that is not built"),
        (lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(10)]), "the layers Dense"),
        (lambda: altered(0, activation="tanh"), "conv2d.* with activation 'tanh'"),
        (lambda: altered(0, padding="same"), "conv2d.* with padding 'same'"),
        (lambda: altered(-1, activation="linear"), "dense.* with activation 'linear'"),
        (lambda: altered(2, filters=32), "conv2d.* with filters 32"),
        (lambda: altered(0, dtype="float16"), "conv2d.* with the dtype policy float16"),
        (lambda: altered(0, shape=(29, 29, 1)), r"the input shape \(None, 29, 29, 1\)"),
    ],
)  # fmt: skip
def test_other_networks_are_refused(make, message, tmp_path):
    expected = (
        f"^model must be the documented network, as build_model gives it; received {message}$"
    )
    with pytest.raises(ValueError, match=expected):
        export_model(make(), "a.onnx")
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_refused(tmp_path):
    model = mnistcnn.build_model(seed=0)
    weights = model.get_weights()
    weights[5][3] = np.nan
    model.set_weights(weights)
    with pytest.raises(ValueError, match="^dense.bias must be finite; received NaN or infinity$"):
        export_model(model, "a.onnx")
    assert not list(tmp_path.iterdir())


# The check itself finds what it is for


def test_half_precision_is_found_out(trained, tmp_path, monkeypatch):
    def halved(weights, path):
        path.write_bytes(to_onnx([one.astype("f2").astype("f4") for one in weights]))

    swapped = {**FORMATS, "onnx": replace(FORMATS["onnx"], write=halved)}
    monkeypatch.setattr(formats, "FORMATS", swapped)
    message = "^a.onnx was not written, since onnx must give Keras' probabilities within [0-9.e-]+; received a difference of 0.0"
    with pytest.raises(RuntimeError, match=message):
        export_model(trained, "a.onnx")
    assert not list(tmp_path.iterdir())


@each(["litert-int8"])
def test_ranges_from_blank_images_are_found_out(name, trained, tmp_path, monkeypatch):
    blank = mnistcnn.Split(np.zeros((9, 28, 28), np.uint8), np.zeros(9, np.uint8))
    monkeypatch.setattr(litert, "load_data", lambda source: mnistcnn.Dataset(blank, blank))
    message = "^a8.tflite was not written, since litert-int8 must give Keras' answer to 250 of 256 digits and its probabilities within 0.005 on average; received "
    with pytest.raises(RuntimeError, match=message):
        export_model(trained, "a8.tflite", format=name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rule", [parity.check_float32, parity.check_int8])
def test_other_shapes_and_nan_are_no_agreement(rule):
    same = np.full((256, 10), 0.1, np.float32)
    keras_says = parity.ReferenceOutputs(same, span=1.0)
    assert rule(same, keras_says) is None
    assert rule(same[:, :9], keras_says) == "the shape (256, 10); received (256, 9)"
    assert rule(np.full_like(same, np.nan), keras_says).endswith("nan")


def test_more_is_allowed_where_logits_span_more(network):
    same = np.full((256, 10), 0.1, np.float32)
    assert parity.check_float32(same + 2e-5, parity.ReferenceOutputs(same, span=1.0))
    assert parity.check_float32(same + 2e-5, parity.ReferenceOutputs(same, span=50.0)) is None
    images = parity.random_images()
    answers = parity.reference_outputs(network, images)
    logarithms = np.log(np.asarray(network(images)))
    assert np.array_equal(answers.probabilities, network(images))
    assert answers.span == pytest.approx(np.ptp(logarithms, axis=1).max(), rel=1e-3)


@each(EXACT)
def test_large_weights_are_exported_too(name):
    """Their logits are far apart, and so rounding shows more."""
    model = mnistcnn.build_model()
    model.set_weights([3 * array for array in mnistcnn.load_pretrained().get_weights()])
    export_model(model, PATHS[name])


@each(["litert"])
def test_only_the_usual_lines_are_held_back(name, tmp_path, network, capfd, monkeypatch):
    def complain(self):
        os.write(2, b"fully_quantize: 0\nthe disk is full\n")
        raise OSError("no space left on device")

    monkeypatch.setattr(tf.lite.TFLiteConverter, "convert", complain)
    with pytest.raises(OSError, match="no space left"):
        export_model(network, "a.tflite")
    assert capfd.readouterr().err == "the disk is full\n"
    assert not list(tmp_path.iterdir())
