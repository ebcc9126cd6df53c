from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from mnistcnn import CorruptFileError
from mnistcnn.training.checkpoint import file_format

PATH = Path("run.safetensors")
STATE = {"finished": False, "epoch": 2, "step": 5}
RECORD = {"elapsed_seconds": 1.5, "training_states": {"model": STATE}}


@pytest.fixture
def content():
    arrays = {"a/0000": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "b": np.zeros(5, int)}
    file_format.write_checkpoint(PATH, RECORD, arrays)
    return PATH.read_bytes()


def test_written_file_is_read_back(content):
    record, arrays = file_format.read_checkpoint(PATH, limit=len(content))
    assert record == RECORD
    np.testing.assert_array_equal(arrays["a/0000"], np.arange(24.0).reshape(2, 3, 4))
    assert arrays["a/0000"].dtype == np.float32
    assert arrays["b"].dtype == int


def test_damaged_file_is_rejected(content):
    rng = np.random.default_rng(0)
    damaged = [b"", b"\x80\x04}.", b"PK", content[:-1], content + b"0", content[8:]]
    for _ in range(100):
        changed = bytearray(content)
        changed[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(changed))
    for changed in damaged:
        PATH.write_bytes(changed)
        with pytest.raises(
            CorruptFileError, match="^run.safetensors must be an intact checkpoint: "
        ):
            file_format.read_checkpoint(PATH, limit=1 << 20)
    for function in (file_format.describe_position, file_format.elapsed_seconds):
        with pytest.raises(CorruptFileError, match="must be an intact checkpoint"):
            function(Path())


def test_large_file_is_rejected(content):
    with pytest.raises(CorruptFileError, match="must hold at most 100 bytes; it holds "):
        file_format.read_checkpoint(PATH, limit=100)


@pytest.mark.parametrize("depth", [101, 100_000])
def test_deeply_nested_record_is_rejected(depth):
    text = '{"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"
    arrays = {"a": np.zeros(1)}
    digest = file_format._digest(text, arrays)
    PATH.write_bytes(save(arrays, metadata={"mnistcnn-run": text, "sha256": digest}))
    with pytest.raises(
        CorruptFileError, match="intact checkpoint: its record must nest at most 100 levels"
    ):
        file_format.read_checkpoint(PATH, limit=1 << 20)


def test_a_checkpoint_that_could_not_be_read_is_not_written():
    arrays = {str(number): np.zeros(0, np.uint8) for number in range(20_000)}
    with pytest.raises(
        ValueError, match="^the header must hold at most 100,000 values; it holds more$"
    ):
        file_format.write_checkpoint(PATH, {}, arrays)
    assert not PATH.exists()


@pytest.mark.parametrize(
    ("states", "position"),
    [
        ({"model": STATE}, "epoch 3, step 5"),
        ({"model": STATE | {"finished": True}}, None),
        ({"teacher0": STATE}, "teacher0, epoch 3, step 5"),
        ({"teacher0": STATE | {"finished": True}}, "the end of teacher0"),
        ({"teacher0": STATE | {"finished": True}, "model": STATE}, "epoch 3, step 5"),
    ],
)
def test_describe_position(states, position):
    file_format.write_checkpoint(PATH, {"training_states": states}, {})
    assert file_format.describe_position(Path()) == position


def test_describe_position_without_a_file():
    assert file_format.describe_position(Path()) is None


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"training_states": []},
        {"training_states": {}},
        {"training_states": {"model": STATE | {"epoch": -1}}},
    ],
)
def test_record_without_a_position_is_rejected(record):
    file_format.write_checkpoint(PATH, record, {})
    with pytest.raises(
        CorruptFileError, match="^run.safetensors must be a checkpoint of this package; received "
    ):
        file_format.describe_position(Path())


def test_elapsed_seconds(content):
    assert file_format.elapsed_seconds(Path()) == 1.5
    file_format.write_checkpoint(PATH, {"elapsed_seconds": -1}, {})
    with pytest.raises(CorruptFileError, match="elapsed_seconds must be at least 0; received -1"):
        file_format.elapsed_seconds(Path())


def test_pack_and_unpack():
    value = {
        "numbers": (1, 2.5, True, None, np.float32(0.5)),
        "texts": ["a", {"b": np.arange(3)}],
    }
    arrays = {}
    packed = file_format.pack("x", value, arrays)
    assert list(arrays) == ["x/texts/1/b"]
    unpacked = file_format.unpack(packed, arrays)
    assert unpacked["numbers"] == [1, 2.5, True, None, 0.5]
    assert unpacked["texts"][0] == "a"
    np.testing.assert_array_equal(unpacked["texts"][1]["b"], np.arange(3))


@pytest.mark.parametrize("value", [object(), {1: 2}, np.array(["a"]), {"a": [b"b"]}])
def test_pack_rejects_other_types(value):
    with pytest.raises(
        TypeError, match=r"^x.* must be numbers, strings, arrays, lists or dicts of them; received "
    ):
        file_format.pack("x", value, {})
