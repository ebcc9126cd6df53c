"""Manifests of pretrained weights."""

import hashlib
import json

import numpy as np
import pytest

from mnistcnn.weights.manifest import Manifest
from mnistcnn.weights.pretrained import load_pretrained_weights

BEST = load_pretrained_weights("best").manifest


def with_checksum(**changed):
    """Return the JSON of a manifest with changed fields (None removes one) and its checksum."""
    fields = {**BEST.to_dict(), **changed}
    fields = {key: value for key, value in fields.items() if value is not None}
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    return json.dumps({**fields, "manifest_sha256": digest}).encode()


INVALID_FIELDS = [
    (dict(seed=None), r"the manifest must hold the keys format, name, .*, metrics; missing: seed"),
    (dict(extra=1), "the manifest must hold the keys format, name, .*, metrics; unknown: 'extra'"),
    (dict(format=1), "format must be 2; received 1"),
    (dict(format=0), "format must be at least 1; received 0"),
    (dict(format="1"), "format must be an integer; received '1'"),
    (dict(name="../x"), "name must be lower-case letters, digits, - and _, starting with a letter; received '../x'"),
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


@pytest.mark.parametrize(("changed", "message"), INVALID_FIELDS)
def test_invalid_fields_are_rejected(changed, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        Manifest.from_json(with_checksum(**changed))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the manifest must be JSON; received Expecting value: .*"),
        (b"{not json}", "the manifest must be JSON; received .*"),
        (b"\xff\xfe", r"the manifest must be JSON; received text that is not UTF-8 \(byte 0xff at 0\)"),
        (b'{"seed": ' + b"1" * 5000 + b"}", "the manifest must be JSON; received Exceeds the limit .*"),
        (b"[" * 60_000, "the manifest must nest at most 8 levels; it nests more"),
        (b"[" * 9 + b"]" * 9, "the manifest must nest at most 8 levels; it nests more"),
        (b"[" * 8 + b"]" * 8, "the manifest must be an object with the key manifest_sha256"),
        (b"{}", "the manifest must be an object with the key manifest_sha256"),
        (b'{"a": 1, "manifest_sha256": 2}', r"manifest_sha256 must be the SHA-256 of the other fields, \w{64}; received 2"),
    ],
)  # fmt: skip
def test_invalid_json_is_rejected(content, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Manifest.from_json(content)


def test_a_manifest_edited_without_its_checksum_is_rejected():
    content = BEST.to_json().replace('"seed": 0', '"seed": 1', 1)
    message = "manifest_sha256 must be the SHA-256 of the other fields"
    with pytest.raises(ValueError, match=message):
        Manifest.from_json(content.encode())


def test_a_manifest_round_trips_through_dict_and_json():
    assert Manifest.from_dict(BEST.to_dict()) == BEST
    assert Manifest.from_dict(json.loads(json.dumps(BEST.to_dict()))) == BEST
    assert Manifest.from_json(BEST.to_json().encode()) == BEST
    with pytest.raises(AttributeError):
        BEST.temperature = 2.0


def test_numpy_numbers_become_python_numbers():
    fields = {**BEST.to_dict(), "temperature": np.float32(1.5), "seed": np.int64(3)}
    manifest = Manifest.from_dict(fields)
    assert (type(manifest.temperature), type(manifest.seed)) == (float, int)
    assert (manifest.temperature, manifest.seed) == (1.5, 3)
