"""The file of a run: a record and arrays, in safetensors, with a digest over all of it.

Nothing in such a file can run. Values that are neither numbers, texts nor arrays have no
place in it.
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
from mnistcnn.utils.validation import check_int, check_non_negative

Arrays = dict[str, NDArray[Any]]

# Its name in the folder of a run, and what the trainings in it are called.
STATE_FILE = "run.safetensors"
MODEL_STAGE, TEACHER_STAGE = "network", "teacher"
# A run of the documented network takes 0.5 MB. The rest is for teachers and histories.
BASE_BYTES = 64 << 20
# Names, shapes and the record are text, of which little makes many objects. A run of a thousand
# epochs takes 0.2 MB of it.
_MAX_TEXT, _MAX_DEPTH, _MAX_SHOWN = 4 << 20, 100, 300
_RECORD_KEY, _DIGEST_KEY = "mnistcnn-run", "sha256"


def write_checkpoint(path: Path, record: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a record, ready for JSON, and arrays by name: whole or not at all.

    Raises
    ------
    ValueError
        If it is too much text to be read again.
    """
    content = serialize(json.dumps(record), arrays)
    _header(content)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def serialize(text: str, arrays: Arrays) -> bytes:
    """Return a record's text and arrays as a file, under the digest of both."""
    whole = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    return save(whole, metadata={_RECORD_KEY: text, _DIGEST_KEY: _digest(text, whole)})


def read_checkpoint(path: Path, *, limit: int) -> tuple[dict[str, Any], Arrays]:
    """Return what `write` wrote, from a file of at most `limit` bytes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CorruptFileError
        If it is damaged, too large, something else, or a link.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        # What is elsewhere belongs to somebody else, and a pipe may never end.
        raise CorruptFileError(f"{path} must be a file of the run's own folder; it is none")
    return deserialize(path, read_limited(path, limit=limit))


def deserialize(path: Path, content: bytes) -> tuple[dict[str, Any], Arrays]:
    """Return what `sealed` sealed; `path` is where it comes from.

    Raises
    ------
    CorruptFileError
        If it is damaged or something else.
    """
    try:
        header = _header(content)
        arrays: Arrays = load(content)
        metadata = json.loads(header)["__metadata__"]
        text, digest = metadata[_RECORD_KEY], metadata[_DIGEST_KEY]
        if digest != _digest(text, arrays):
            raise ValueError("its digest is that of another content")
        record = loads_json("its record", text, max_depth=_MAX_DEPTH)
        if not isinstance(record, dict):
            raise TypeError("its record is no object")
    except Exception as error:  # safetensors, JSON and what is missing report in many ways
        said = str(error)[:_MAX_SHOWN]
        raise CorruptFileError(f"{path} must be the whole state of a run: {said}") from error
    return record, arrays


def pack(name: str, value: Any, arrays: Arrays) -> Any:
    """Return a value as JSON takes it; arrays within go to `arrays` under names of their own.

    Raises
    ------
    TypeError
        If there is something in it that is no number, text, array, list or dict.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays[name] = value
        return {"array": name}
    if isinstance(value, list | tuple):
        return [pack(f"{name}/{index}", one, arrays) for index, one in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        parts = {key: pack(f"{name}/{key}", one, arrays) for key, one in value.items()}
        return {"dict": parts}
    raise TypeError(
        f"{name} must be numbers, texts, arrays, lists or dicts of them; received {value!r}"
    )


def unpack(value: Any, arrays: Arrays) -> Any:
    """Return what `flattened` was given; a tuple comes back as a list."""
    if isinstance(value, list):
        return [unpack(one, arrays) for one in value]
    if isinstance(value, dict):
        if "array" in value:
            return arrays[value["array"]]
        return {key: unpack(one, arrays) for key, one in value["dict"].items()}
    return value


def describe_position(folder: Path) -> str | None:
    """Say how far the run in `folder` has come; ``None`` if none is there or it has ended.

    Raises
    ------
    CorruptFileError
        If its file is damaged or something else.
    """
    path = folder / STATE_FILE
    try:
        record, _ = read_checkpoint(path, limit=BASE_BYTES)
        name, stage = list(record["stages"].items())[-1]
        finished = bool(stage["finished"])
        place = [check_int(one, stage[one], minimum=0) for one in ("epoch", "step")]
    except FileNotFoundError:
        return None
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        if isinstance(error, CorruptFileError):
            raise
        raise not_a_checkpoint(path, error) from error
    if finished:
        return None if name == MODEL_STAGE else f"the {name}'s end"
    return f"{'' if name == MODEL_STAGE else f'{name}, '}epoch {place[0] + 1}, step {place[1]}"


def elapsed_seconds(folder: Path) -> float:
    """Return how long the run in `folder` has trained, in all its parts.

    Raises
    ------
    CorruptFileError
        If its file is damaged or something else.
    """
    path = folder / STATE_FILE
    record, _ = read_checkpoint(path, limit=BASE_BYTES)
    try:
        return check_non_negative("seconds", record["seconds"])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise not_a_checkpoint(path, error) from error


def not_a_checkpoint(path: Path, error: Exception) -> CorruptFileError:
    """Return what to raise for a file of this format with another content."""
    said = str(error)[:_MAX_SHOWN]
    return CorruptFileError(f"{path} must be the state of a run of this package; received {said}")


def _header(content: bytes) -> bytes:
    """Return the header of a safetensors file, which is JSON, behind its length."""
    length = int.from_bytes(content[:8], "little")
    if length > _MAX_TEXT:
        raise ValueError(
            f"names and record of a run must take at most {_MAX_TEXT:,} bytes, not {length:,}; "
            "arrays are kept beside them"
        )
    return content[8 : 8 + length]


def _digest(text: str, arrays: Arrays) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.require(array, requirements="C").tobytes())
    return digest.hexdigest()
