"""Text in files appears in messages escaped, on one line and bounded."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest
from onnx import TensorProto, helper
from safetensors.numpy import save

import mnistcnn
from mnistcnn.cli import plot, stored_evaluation
from mnistcnn.data.formats.npz import NPZ_NAMES
from mnistcnn.training.checkpoint.file_format import STATE_FILE, describe_position, serialize
from mnistcnn.training.checkpoint.fingerprint import check_same_run
from mnistcnn.weights.manifest import CHECKSUM_KEY, Manifest, checksum
from mnistcnn.weights.pretrained import FOLDER, read_pretrained
from mnistcnn.weights.weights_file import read_weights_file

HOSTILE = "\x1b]0;owned\x07\nmnistcnn: forged\u202e"
LONG = HOSTILE + "x" * 200_000
# The rule, a few quotes of 200 characters, and the path of the temporary folder.
MAX_MESSAGE_CHARS = 1200
VALUE_IDS = ("long", "short", "list", "dictionary", "integer", "letters")


def check(function, *arguments):
    with pytest.raises((TypeError, ValueError)) as caught:
        function(*arguments)
    message = str(caught.value)
    assert len(message) < MAX_MESSAGE_CHARS
    assert message.isprintable(), message[:500]


def manifest(tmp_path, **fields):
    document = json.loads((FOLDER / "best.json").read_text())
    del document[CHECKSUM_KEY]
    document |= fields
    return json.dumps({**document, CHECKSUM_KEY: checksum(document)}).encode()


@pytest.mark.parametrize(
    "value",
    [LONG, HOSTILE, [LONG], {LONG: 1}, -(10**4000), "a" * 200_000],
    ids=VALUE_IDS,
)
@pytest.mark.parametrize(
    "field", ["format", "name", "file", "sha256", "temperature", "seed", "versions", "data", "recipe"]
)  # fmt: skip
def test_manifest(field, value, tmp_path):
    if isinstance(value, dict) and field == "recipe":
        pytest.skip("any dictionary is valid")
    check(Manifest.from_json, manifest(tmp_path, **{field: value}))


def test_manifest_keys_checksum_and_name(tmp_path):
    check(Manifest.from_json, manifest(tmp_path, **{LONG: 1}))
    check(Manifest.from_json, json.dumps({CHECKSUM_KEY: LONG}).encode())
    name = "a" * 100_000
    (tmp_path / "best.json").write_bytes(manifest(tmp_path, name=name, file=f"{name}.safetensors"))
    check(read_pretrained, tmp_path, "best")


def onnx_file(names):
    tensors = [helper.make_tensor(name, TensorProto.FLOAT, [1], [0.0]) for name in names]
    graph = helper.make_graph([], "graph", [], [], tensors)
    return helper.make_model(graph).SerializeToString()


def test_array_names_of_weights(tmp_path):
    names = [LONG] + [f"{HOSTILE}{number}" for number in range(20)]
    (tmp_path / "a.onnx").write_bytes(onnx_file(names))
    arrays = {name: np.zeros(1, np.float32) for name in names}
    (tmp_path / "a.safetensors").write_bytes(save(arrays))
    for name in ("a.onnx", "a.safetensors"):
        check(read_weights_file, tmp_path / name)


def test_names_in_hdf5_files(tmp_path):
    h5py = pytest.importorskip("h5py")
    for number, kind in enumerate(("link", "chunked", "integers")):
        path = tmp_path / f"{number}.h5"
        with h5py.File(path, "w") as file:
            name = HOSTILE + "x" * 900
            if kind == "link":
                file[name] = h5py.SoftLink("/other")
            elif kind == "chunked":
                file.create_dataset(name, data=np.zeros(9, np.float32), chunks=(3,))
            else:
                file.create_dataset(name, data=np.zeros(9, np.int32))
        check(read_weights_file, path)


def npz(tmp_path, header):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in NPZ_NAMES:
            content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
            archive.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize(
    "header",
    [
        str({"descr": [(LONG[:4000], "<i4")], "fortran_order": False, "shape": ()}),
        str({"descr": LONG[:4000], "fortran_order": False, "shape": ()}),
        str({"descr": "<i4", "fortran_order": False, "shape": (0,) * 60}),
        str({LONG[:4000]: 1}),
        LONG[:4000],
    ],
    ids=["field", "type", "shape", "key", "text"],
)
def test_headers_of_datasets(header, tmp_path):
    check(mnistcnn.load_data, npz(tmp_path, header.encode("latin-1", "replace")))


@pytest.mark.parametrize(
    "value",
    [LONG, [LONG], {LONG: LONG}, 10**4000],
    ids=["string", "list", "dictionary", "integer"],
)
def test_stored_evaluations_and_histories(value, tmp_path):
    stored = mnistcnn.Evaluation.from_probabilities([[0.9, 0.1], [0.8, 0.2]], [0, 1]).to_dict()
    path = tmp_path / "result.json"
    for name in stored:
        path.write_text(json.dumps({"test": stored | {name: value}}))
        check(stored_evaluation.load_evaluation, str(path), None)
    path.write_text(json.dumps({"test": value}))
    check(stored_evaluation.load_evaluation, str(path), None)
    path.write_text(json.dumps({"history": {"loss": value}}))
    check(lambda: plot.plot_saved_history(stored_evaluation.read_json(path), path))
    path.write_text(json.dumps({"history": value}))
    check(lambda: plot.plot_saved_history(stored_evaluation.read_json(path), path))


def test_checkpoints(tmp_path):
    state = {"finished": False, "epoch": 1, "step": 2}
    record = {"training_states": {LONG: state}}
    (tmp_path / STATE_FILE).write_bytes(serialize(json.dumps(record), {"a": np.zeros(1)}))
    position = describe_position(tmp_path)
    assert len(position) < 100
    assert position.isprintable()
    record = {"training_states": {"model": state | {"epoch": LONG}}}
    (tmp_path / STATE_FILE).write_bytes(serialize(json.dumps(record), {"a": np.zeros(1)}))
    check(describe_position, tmp_path)
    check(check_same_run, "run", {"data": LONG}, {"data": "1 image"})
    check(
        check_same_run,
        "run",
        {"recipe": {"name": LONG, "a": LONG}},
        {"recipe": {"name": "b", "a": 1}},
    )


def test_names_and_headers_of_images(tmp_path):
    path = tmp_path / f"{HOSTILE}.png"
    path.write_bytes(b"no image")
    check(mnistcnn.Recognizer().read, path)
    file = io.BytesIO(b"P6 " + HOSTILE.encode() + b"x" * 5000)
    check(mnistcnn.Recognizer().read, file.getvalue())
