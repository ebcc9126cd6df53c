"""Pretrained weights: loading, verification, writing.

Expected metrics are read from the manifest.
"""

import hashlib
import json
import subprocess
import sys

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
from mnistcnn.weights.manifest import Manifest
from mnistcnn.weights.metadata import model_metadata
from mnistcnn.weights.pretrained import (
    FOLDER,
    PRETRAINED,
    REJECTOR,
    load_pretrained_weights,
    read_pretrained,
    write_pretrained,
)


def parts(**changed):
    """What `write_assets` wants besides folder and arrays."""
    given = dict(
        name="other",
        temperature=1.7,
        recipe={"name": "own", "epochs": 3, "augmentation": {"shift": 0.1}},
        seed=4,
        command="make weights",
        commit="a" * 40,
        versions=dict.fromkeys(["python", "mnistcnn", "keras", "tensorflow", "numpy"], "1.2"),
        data={"name": "noise", "images": 3, "sha256": "b" * 64},
        metrics={"test_accuracy": 0.5, "corruptions": {"blur": 0.25}},
    )
    return {**given, **changed}


@pytest.fixture
def weights(network):
    """Freshly initialised kernels with biases that are not 0."""
    noise = np.random.default_rng(0)
    return [
        array if array.any() else noise.normal(size=array.shape).astype(np.float32)
        for array in network.get_weights()
    ]


def change_manifest(shipped_files, name="best", /, **changed):
    """Change fields (None takes one away) and seal the manifest again, as a forger would."""
    path = shipped_files / f"{name}.json"
    document = json.loads(path.read_text())
    del document["manifest_sha256"]
    document.update(changed)
    document = {key: value for key, value in document.items() if value is not None}
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({**document, "manifest_sha256": digest}))


def change_arrays(shipped_files, **changed):
    """Change arrays of the weights file (None takes one away); the manifest follows the file."""
    path = shipped_files / "best.safetensors"
    arrays = {**load(path.read_bytes()), **{k.replace("_", "."): v for k, v in changed.items()}}
    content = save({key: array for key, array in arrays.items() if array is not None})
    path.write_bytes(content)
    change_manifest(shipped_files, sha256=hashlib.sha256(content).hexdigest())


# What it gives


@pytest.mark.parametrize("name", PRETRAINED)
@pytest.mark.parametrize("calibrated", [True, False])
def test_every_shipped_network_keeps_the_contract(name, calibrated, network, xy):
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


def test_the_sets_are_different_networks():
    networks = [load_pretrained(name).get_weights()[0] for name in PRETRAINED]
    assert not np.array_equal(*networks)


def test_each_call_gives_a_new_network(xy):
    first, second = load_pretrained(), load_pretrained()
    before = second.get_weights()
    mnistcnn.train(first, xy[0], xy[1], epochs=1, callbacks=[], seed=0, verbose=0)
    assert not np.array_equal(first.get_weights()[4], before[4])
    assert all(map(np.array_equal, second.get_weights(), before))
    assert all(map(np.array_equal, load_pretrained().get_weights(), before))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_calibrated_is_the_softmax_of_the_logits_over_the_temperature(
    temperature, shipped_files, xy
):
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


def test_an_unknown_name_is_refused():
    known = ", ".join(repr(name) for name in PRETRAINED)
    with pytest.raises(ValueError, match=f"^name must be one of {known}; received 'worst'$"):
        load_pretrained("worst")
    with pytest.raises(ValueError, match="received '../best'"):
        load_pretrained("../best")


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_calibrated_must_be_a_bool(value):
    with pytest.raises(TypeError, match=f"^calibrated must be True or False; received {value!r}$"):
        load_pretrained(calibrated=value)


def test_the_arrays_can_be_read_without_keras():
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
def test_the_shipped_files_are_what_they_should_be(name):
    shipped = load_pretrained_weights(name)
    manifest = shipped.manifest
    assert list(shipped.arrays) == list(CNN_WEIGHT_SHAPES)
    assert [array.shape for array in shipped.arrays.values()] == list(CNN_WEIGHT_SHAPES.values())
    assert not any(array.flags.writeable for array in shipped.arrays.values())
    assert 0 <= manifest.metrics["test_accuracy"] <= 1
    assert manifest.recipe["name"]
    every = (*PRETRAINED, REJECTOR)
    names = {f"{name}.{suffix}" for name in every for suffix in ("json", "safetensors")}
    assert {path.name for path in FOLDER.iterdir()} - {"MODEL_CARD.md"} == names


@pytest.mark.mnist
@pytest.mark.parametrize("name", PRETRAINED)
@pytest.mark.parametrize("calibrated", [True, False])
def test_the_manifest_tells_the_true_accuracy(name, calibrated, mnist_path):
    _, (images, labels) = mnistcnn.load_data(mnist_path)
    model = load_pretrained(name, calibrated=calibrated)
    result = mnistcnn.evaluate(model, *preprocess(images, labels))
    assert result.num_images == 10_000
    assert (
        result.num_correct / 10_000
        == load_pretrained_weights(name).manifest.metrics["test_accuracy"]
    )


# What is refused, by whoever changed the files


def test_a_flipped_byte_is_refused(shipped_files):
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
def test_other_arrays_are_refused(shipped_files, changed, message):
    change_arrays(shipped_files, **changed)
    with pytest.raises(CorruptFileError, match=f"best.safetensors: {message}$"):
        load_pretrained()


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x08" + bytes(7) + b"{]      "])
def test_what_is_not_safetensors_is_refused(shipped_files, content):
    (shipped_files / "best.safetensors").write_bytes(content)
    change_manifest(shipped_files, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(
        CorruptFileError, match="best.safetensors: the file must be a valid safetensors file: "
    ):
        load_pretrained()


BAD_FIELDS = [
    (dict(seed=None), r"the manifest must hold the keys format, name, .*, metrics; missing: seed"),
    (dict(extra=1), "the manifest must hold the keys format, name, .*, metrics; unknown: 'extra'"),
    (dict(format=1), "format must be 2; received 1"),
    (dict(format=0), "format must be at least 1; received 0"),
    (dict(format="1"), "format must be an integer; received '1'"),
    (dict(name="../x"), "name must be lower-case letters, digits, - and _, starting with a letter; received '../x'"),
    (dict(name="x", file="x.safetensors"), "name must be 'best'; received 'x'"),
    (dict(name=7), "name must be a string; received 7"),
    (dict(file="../best.safetensors"), "file must be 'best.safetensors'; received '../best.safetensors'"),
    (dict(sha256="abc"), "sha256 must be 64 hexadecimal digits; received 'abc'"),
    (dict(sha256=1), "sha256 must be a string; received 1"),
    (dict(temperature=0), r"temperature must lie in \[0.01, 100\]; received 0.0"),
    (dict(temperature=-1.5), r"temperature must lie in \[0.01, 100\]; received -1.5"),
    (dict(temperature=1e9), r"temperature must lie in \[0.01, 100\]; received 1000000000.0"),
    (dict(temperature="1"), "temperature must be a number; received '1'"),
    (dict(temperature=float("nan")), "the manifest must contain only finite numbers; received NaN or infinity"),
    (dict(temperature=float("inf")), "the manifest must contain only finite numbers; received NaN or infinity"),
    (dict(recipe="fast"), "recipe must be an object; received 'fast'"),
    (dict(seed=-1), "seed must be at least 0; received -1"),
    (dict(seed=True), "seed must be an integer; received True"),
    (dict(command=""), "command must not be empty; received ''"),
    (dict(commit=[]), r"commit must be a string; received \[\]"),
    (dict(versions={"python": "3"}), "versions must hold the keys python, mnistcnn, keras, tensorflow, numpy; missing: mnistcnn, keras, tensorflow, numpy"),
    (dict(versions=dict.fromkeys(["python", "mnistcnn", "keras", "tensorflow", "numpy"], 3)), "versions: python must be a string; received 3"),
    (dict(data=[]), r"data must be an object; received \[\]"),
    (dict(data={"name": "", "images": 1, "sha256": "b" * 64}), "data: name must not be empty; received ''"),
    (dict(data={"name": "x", "images": 0, "sha256": "b" * 64}), "data: images must be at least 1; received 0"),
    (dict(data={"name": "x", "images": 1, "sha256": "b"}), "data: sha256 must be 64 hexadecimal digits; received 'b'"),
    (dict(metrics=0.99), "metrics must be an object; received 0.99"),
    (dict(metrics={"a": {"b": [1, float("-inf")]}}), "the manifest must contain only finite numbers; received NaN or infinity"),
    (dict(metrics={"a": [[[[[[[1]]]]]]]}), "the manifest must nest at most 8 levels; it nests more"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "message"), BAD_FIELDS)
def test_other_fields_are_refused(shipped_files, changed, message):
    change_manifest(shipped_files, **changed)
    with pytest.raises(CorruptFileError, match=f"best.json: {message}$"):
        load_pretrained()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the manifest must be JSON; received Expecting value: .*"),
        (b"{not json}", "the manifest must be JSON; received .*"),
        (b"\xff\xfe", "the manifest must be JSON; received 'utf-8' codec can't decode .*"),
        (b'{"seed": ' + b"1" * 5000 + b"}", "the manifest must be JSON; received Exceeds the limit .*"),
        (b"[" * 60_000, "the manifest must nest at most 8 levels; it nests more"),
        (b"[" * 9 + b"]" * 9, "the manifest must nest at most 8 levels; it nests more"),
        (b"[" * 8 + b"]" * 8, "the manifest must be an object with the key manifest_sha256"),
        (b"{}", "the manifest must be an object with the key manifest_sha256"),
        (b'{"a": 1, "manifest_sha256": 2}', r"manifest_sha256 must be the SHA-256 of the other fields, \w{64}; received 2"),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(shipped_files, content, message):
    (shipped_files / "best.json").write_bytes(content)
    with pytest.raises(CorruptFileError, match=f"best.json: {message}$"):
        load_pretrained()


def test_a_manifest_that_was_edited_by_hand_is_refused(shipped_files):
    path = shipped_files / "best.json"
    text = path.read_text()
    path.write_text(text.replace('"seed": 0', '"seed": 1', 1))
    with pytest.raises(
        CorruptFileError, match="manifest_sha256 must be the SHA-256 of the other fields"
    ):
        load_pretrained()


def test_other_line_ends_and_spaces_do_no_harm(shipped_files):
    path = shipped_files / "best.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n "))
    assert load_pretrained().count_params() == 34_826


@pytest.mark.parametrize(("suffix", "limit"), [("safetensors", 262_144), ("json", 65_536)])
def test_a_file_too_large_is_refused(shipped_files, suffix, limit):
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


def shipped_unless_refused(shipped_files):
    """Either the file is refused as corrupt or it says just what the shipped one says."""
    shipped = read_pretrained(FOLDER, "best")
    try:
        found = read_pretrained(shipped_files, "best")
    except CorruptFileError:
        return
    assert found.manifest == shipped.manifest
    assert all(map(np.array_equal, found.arrays.values(), shipped.arrays.values()))


@settings(max_examples=300)
@given(data=st.data())
@pytest.mark.parametrize("suffix", ["safetensors", "json"])
def test_damage_is_refused_and_nothing_else_happens(suffix, data, shipped_files):
    path, whole = shipped_files / f"best.{suffix}", (FOLDER / f"best.{suffix}").read_bytes()
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    shipped_unless_refused(shipped_files)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    shipped_unless_refused(shipped_files)


@settings(max_examples=300)
@given(data=st.data())
def test_a_forged_header_is_refused_and_nothing_else_happens(data, shipped_files):
    """With the right digest in the manifest, so that the damage reaches safetensors."""
    content = bytearray((FOLDER / "best.safetensors").read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    (shipped_files / "best.safetensors").write_bytes(content)
    change_manifest(shipped_files, sha256=hashlib.sha256(content).hexdigest())
    shipped = read_pretrained(FOLDER, "best")
    try:
        found = read_pretrained(shipped_files, "best")
    except CorruptFileError:
        return
    assert all(map(np.array_equal, found.arrays.values(), shipped.arrays.values()))


# Writing


def test_what_is_written_comes_back(tmp_path, weights):
    written = write_pretrained(tmp_path / "new folder", weights, **parts())
    found = read_pretrained(tmp_path / "new folder", "other")
    assert found.manifest == written.manifest
    assert all(map(np.array_equal, found.arrays.values(), weights))
    for field, value in parts().items():
        assert getattr(found.manifest, field) == value
    assert sorted(path.name for path in (tmp_path / "new folder").iterdir()) == [
        "other.json", "other.safetensors"
    ]  # fmt: skip


def test_a_manifest_comes_back_from_its_dict_and_its_text(tmp_path, weights):
    manifest = write_pretrained(tmp_path, weights, **parts()).manifest
    assert Manifest.from_dict(manifest.to_dict()) == manifest
    assert Manifest.from_dict(json.loads(json.dumps(manifest.to_dict()))) == manifest
    assert Manifest.from_json(manifest.to_json().encode()) == manifest
    with pytest.raises(AttributeError):
        manifest.temperature = 2.0


def test_numbers_of_numpy_become_plain_ones(tmp_path, weights):
    given = parts(temperature=np.float32(1.5), seed=np.int64(3))
    manifest = write_pretrained(tmp_path, weights, **given).manifest
    assert (manifest.temperature, manifest.seed) == (1.5, 3)


def test_the_same_arrays_give_the_same_bytes(tmp_path, weights):
    contents = set()
    for i in range(20):
        write_pretrained(tmp_path / str(i), weights, **parts())
        contents |= {path.read_bytes() for path in (tmp_path / str(i)).iterdir()}
    assert len(contents) == 2


def test_the_layout_in_memory_does_not_matter(tmp_path, weights):
    turned = [np.asfortranarray(array) for array in weights]
    strided = [np.repeat(array, 2, axis=-1)[..., ::2] for array in weights]
    for i, arrays in enumerate([weights, turned, strided]):
        write_pretrained(tmp_path / str(i), arrays, **parts())
    files = [(tmp_path / str(i) / "other.safetensors").read_bytes() for i in range(3)]
    assert files[0] == files[1] == files[2]


def test_the_file_says_what_it_is(tmp_path, weights):
    write_pretrained(tmp_path, weights, **parts())
    with safe_open(tmp_path / "other.safetensors", framework="np") as file:
        (said,) = file.metadata().values()
    assert json.loads(said) == model_metadata()
    assert mnistcnn.__version__ in said
    assert "divided by 255" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (dict(temperature=0.0), ValueError, r"temperature must lie in \[0.01, 100\]; received 0.0"),
        (dict(temperature=float("nan")), ValueError, "temperature must be finite; received nan"),
        (dict(name="Best one"), ValueError, "name must be lower-case letters, digits, - and _, starting with a letter; received 'Best one'"),
        (dict(metrics={"a": float("nan")}), ValueError, "the manifest must contain only finite numbers; received NaN or infinity"),
        (dict(metrics={"a": object()}), TypeError, "Object of type object is not JSON serializable"),
        (dict(command="x" * 70_000), ValueError, r"the manifest must be at most 65,536 bytes; received \d\d,\d{3}"),
        (dict(recipe=None), TypeError, "recipe must be an object; received None"),
    ],
)  # fmt: skip
def test_what_could_not_be_read_is_not_written(tmp_path, weights, changed, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        write_pretrained(tmp_path / "assets", weights, **parts(**changed))
    assert not (tmp_path / "assets").exists()


def test_other_weights_are_not_written(tmp_path, weights):
    with pytest.raises(ValueError, match="^weights must be 6 arrays; received 5$"):
        write_pretrained(tmp_path / "a", weights[:5], **parts())
    with pytest.raises(
        ValueError,
        match=r"^conv1.kernel must be float32 \(3, 3, 1, 32\); received float64 \(3, 3, 1, 32\)$",
    ):
        write_pretrained(tmp_path / "a", [weights[0].astype(float), *weights[1:]], **parts())
    with pytest.raises(ValueError, match="^dense.bias must be finite; received NaN or infinity$"):
        write_pretrained(tmp_path / "a", [*weights[:5], np.full(10, np.inf, "f4")], **parts())
    assert not (tmp_path / "a").exists()


def test_a_crash_between_the_files_leaves_a_pair_that_is_refused(tmp_path, weights, monkeypatch):
    """Weights first, manifest last: new weights are never taken with an old temperature."""
    write_pretrained(tmp_path, weights, **parts())

    def fail(path, text):
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrained, "write_text", fail)
    with pytest.raises(KeyboardInterrupt):
        write_pretrained(tmp_path, [array + 1 for array in weights], **parts(temperature=2.0))
    with pytest.raises(CorruptFileError, match="other.safetensors: the file must have SHA-256"):
        read_pretrained(tmp_path, "other")


def test_what_was_written_is_read_back(tmp_path, weights, monkeypatch):
    """A disk that loses bytes is found out at once."""

    def lose(path, text):
        path.write_text(text[:-20])

    monkeypatch.setattr(pretrained, "write_text", lose)
    with pytest.raises(CorruptFileError, match="other.json: the manifest must be JSON"):
        write_pretrained(tmp_path, weights, **parts())
