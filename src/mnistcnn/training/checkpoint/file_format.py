"""The checkpoint file: a JSON record and arrays in safetensors format, with a SHA-256 digest.

Reading such a file never executes code. Values must be numbers, strings or arrays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from mnistcnn.errors import CorruptFileError
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.safe_read import loads_json, read_limited
from mnistcnn.utils.text import escape, quote
from mnistcnn.utils.validation import check_int, check_non_negative

Arrays = dict[str, NDArray[Any]]

STATE_FILE = "run.safetensors"
# Keys of the trainings of a run: that of the model, and those of its teachers with a number.
MODEL_STAGE, TEACHER_STAGE = "model", "teacher"
# A run of the baseline network takes 0.5 MB; the rest leaves room for teachers and histories.
BASE_BYTES = 64 << 20
# A run of a thousand epochs has 0.2 MB of names, shapes and record. As objects, text takes many
# times its size, so its limit is lower than that of the arrays.
_MAX_HEADER_BYTES, _MAX_DEPTH = 4 << 20, 100
# The header has about ten values for each array; thousands of empty arrays would take seconds.
_MAX_HEADER_VALUES, _MAX_HEADER_DEPTH = 100_000, 3
_MAX_NAME_CHARS = 40  # of a stage in a message
_RECORD_KEY, _DIGEST_KEY = "mnistcnn-run", "sha256"


def write_checkpoint(path: Path, record: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a JSON-serializable record and arrays by name, atomically.

    Raises
    ------
    ValueError
        If arrays or record exceed what `read_checkpoint` accepts.
    """
    content = serialize(json.dumps(record), arrays)
    _header(content)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def serialize(record_json: str, arrays: Arrays) -> bytes:
    """Return the content of a checkpoint file."""
    arrays = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    metadata = {_RECORD_KEY: record_json, _DIGEST_KEY: _digest(record_json, arrays)}
    return save(arrays, metadata=metadata)


def read_checkpoint(path: Path, *, limit: int) -> tuple[dict[str, Any], Arrays]:
    """Return the record and arrays of a file of at most `limit` bytes.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    CorruptFileError
        If it is damaged, too large, not a checkpoint, or not a regular file.
    """
    try:
        # A link may lead to another user's file.
        content = read_limited(path, limit=limit, follow_links=False)
    except IsADirectoryError as error:
        raise CorruptFileError(str(error)) from None
    return deserialize(path, content)


def deserialize(path: Path, content: bytes) -> tuple[dict[str, Any], Arrays]:
    """Return the record and arrays of a checkpoint's content; `path` is for error messages.

    Raises
    ------
    CorruptFileError
        If it is damaged or not a checkpoint.
    """
    try:
        metadata = _header(content)["__metadata__"]
        arrays: Arrays = load(content)
        record_json, digest = metadata[_RECORD_KEY], metadata[_DIGEST_KEY]
        if digest != _digest(record_json, arrays):
            raise ValueError("its digest does not match its content")
        record = loads_json("its record", record_json, max_depth=_MAX_DEPTH)
        if not isinstance(record, dict):
            raise TypeError("its record is not an object")
    except Exception as error:  # safetensors and JSON raise many types
        raise CorruptFileError(f"{path} must be an intact checkpoint: {escape(error)}") from error
    return record, arrays


def pack(name: str, value: Any, arrays: Arrays) -> Any:
    """Return a JSON-serializable form of a value; move its arrays to `arrays` under `name`.

    Raises
    ------
    TypeError
        If it holds anything but numbers, strings, arrays, lists and dicts.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays[name] = value
        return {"array": name}
    if isinstance(value, list | tuple):
        return [pack(f"{name}/{index}", item, arrays) for index, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        items = {key: pack(f"{name}/{key}", item, arrays) for key, item in value.items()}
        return {"dict": items}
    raise TypeError(
        f"{name} must be numbers, strings, arrays, lists or dicts of them; received {quote(value)}"
    )


def unpack(value: Any, arrays: Arrays) -> Any:
    """Return the value that `pack` received; tuples become lists."""
    if isinstance(value, list):
        return [unpack(item, arrays) for item in value]
    if isinstance(value, dict):
        if "array" in value:
            return arrays[value["array"]]
        return {key: unpack(item, arrays) for key, item in value["dict"].items()}
    return value


def describe_position(folder: Path) -> str | None:
    """Return how far the run in `folder` has come, or `None` if there is none or it has ended.

    Raises
    ------
    CorruptFileError
        If its file is damaged or not a checkpoint.
    """
    path = folder / STATE_FILE
    try:
        record, _ = read_checkpoint(path, limit=BASE_BYTES)
    except FileNotFoundError:
        return None
    try:
        name, state = list(record["training_states"].items())[-1]
        finished = bool(state["finished"])
        epoch, step = (check_int(key, state[key], minimum=0) for key in ("epoch", "step"))
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise not_a_checkpoint(path, error) from error
    name = escape(name, limit=_MAX_NAME_CHARS)
    if finished:
        return None if name == MODEL_STAGE else f"the end of {name}"
    prefix = "" if name == MODEL_STAGE else f"{name}, "
    return f"{prefix}epoch {epoch + 1}, step {step}"


def elapsed_seconds(folder: Path) -> float:
    """Return the training time of the run in `folder`, summed over all sessions.

    Raises
    ------
    CorruptFileError
        If its file is damaged or not a checkpoint.
    """
    path = folder / STATE_FILE
    record, _ = read_checkpoint(path, limit=BASE_BYTES)
    try:
        return check_non_negative("elapsed_seconds", record["elapsed_seconds"])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise not_a_checkpoint(path, error) from error


def not_a_checkpoint(path: Path, error: Exception) -> CorruptFileError:
    """Return the error for an intact file whose record is not that of a run."""
    return CorruptFileError(
        f"{path} must be a checkpoint of this package; received {escape(error)}"
    )


def _header(content: bytes) -> Any:
    """Return the header of a safetensors file: JSON that follows its length."""
    length = int.from_bytes(content[:8], "little")
    if length > _MAX_HEADER_BYTES:
        raise ValueError(
            f"array names and record must take at most {_MAX_HEADER_BYTES:,} bytes; "
            f"received {length:,}"
        )
    return loads_json(
        "the header",
        content[8 : 8 + length],
        max_depth=_MAX_HEADER_DEPTH,
        max_values=_MAX_HEADER_VALUES,
    )


def _digest(record_json: str, arrays: Arrays) -> str:
    digest = hashlib.sha256(record_json.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.require(array, requirements="C").tobytes())
    return digest.hexdigest()
