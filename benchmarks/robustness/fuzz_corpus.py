"""Whole files of every format that the package reads, and ways to damage them.

`tests/test_fuzz.py` and `benchmarks/robustness/fuzz.py` share it. A `Kind` knows whole contents, how a damaged one
is put where it is read (with a fresh checksum or digest where the format has one, so that the
damage reaches what lies within), how it is read, and which errors its documentation names.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import random
import re
import shutil
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import mnistcnn
from mnistcnn import CorruptFileError, recipes
from mnistcnn.cli.plot import history_of
from mnistcnn.cli.stored_evaluation import load_evaluation, read_document
from mnistcnn.data.formats import IDX_NAMES, NPZ_NAMES, encode_idx
from mnistcnn.ocr.image_io import read_image
from mnistcnn.training.checkpoint import file_format
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES
from mnistcnn.weights.keras_file import read_weights
from mnistcnn.weights.manifest import Manifest, checksum
from mnistcnn.weights.pretrained import FOLDER, read_pretrained
from mnistcnn.weights.readers import read_exported

EXPORTS = ("a.onnx", "a.safetensors", "a.tflite", "a8.tflite", "a.xml", "a")
KERAS_FILES = ("a.keras", "a.h5", "a.weights.h5")
_MEMBER = "model.weights.h5"
_READ_WHOLE = 10_000

# What tends to be too large, too small or of another sign, in whatever width.
_NUMBERS = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
_TEXTS = (
    b"NaN", b"-1", b"1e999", b"9" * 30, b"9" * 400, b"null", b"true", b'""', b"[]", b"{}",
    b"[" * 2000, b'{"a":' * 500, b"../../canary", b"/canary", b"%s%n", b"\xff\xfe", b"\0" * 64,
    b"A" * 5000,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A format as the package meets it.

    Parameters
    ----------
    name, format : str
        What this one is called, and which format it counts for.
    contents : tuple of bytes
        Whole contents, which are to be damaged.
    put : callable
        Writes a content into an empty folder and returns the path that is read.
    read : callable
        Reads that path and fails if what it gave is not lawful.
    documented : tuple of type
        Which errors may come of it.
    """

    name: str
    format: str
    contents: tuple[bytes, ...]
    put: Callable[[Path, bytes], Path]
    read: Callable[[Path], object]
    documented: tuple[type[Exception], ...] = (CorruptFileError,)


# Ways to damage


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Return the content with one to six edits; all of them are `draw`'s choice."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        draw.choice(_EDITS)(changed, draw, content)
    return bytes(changed)


def _flip(changed: bytearray, draw: random.Random, whole: bytes) -> None:
    if changed:
        changed[_place(changed, draw, whole)] ^= 1 << draw.randrange(8)


def _set(changed: bytearray, draw: random.Random, whole: bytes) -> None:
    if changed:
        changed[_place(changed, draw, whole)] = draw.choice((0, 0x7F, 0x80, 0xFF, 0x2F, 0x5B))


def _number(changed: bytearray, draw: random.Random, whole: bytes) -> None:
    at, width = _place(changed, draw, whole), draw.choice((2, 4, 8))
    value = draw.choice(_NUMBERS) % 256**width
    changed[at : at + width] = value.to_bytes(width, draw.choice(("little", "big")))


def _insert(changed: bytearray, draw: random.Random, whole: bytes) -> None:
    at = _place(changed, draw, whole)
    changed[at:at] = bytes(draw.randrange(256) for _ in range(draw.choice((1, 2, 4, 16))))


def _text(changed: bytearray, draw: random.Random, whole: bytes) -> None:
    """Put a text in, or in the place of a word or number."""
    at = _place(changed, draw, whole)
    word = re.compile(rb"[\w.+-]+").search(changed, at, at + 60)
    first, last = word.span() if word and draw.random() < 0.7 else (at, at)
    changed[first:last] = draw.choice(_TEXTS)


def _repeat(changed: bytearray, draw: random.Random, whole: bytes) -> None:
    at, other = _place(changed, draw, whole), _place(changed, draw, whole)
    changed[at:at] = changed[other : other + draw.choice((1, 8, 100, 4000))]


def _delete(changed: bytearray, draw: random.Random, whole: bytes) -> None:
    at = _place(changed, draw, whole)
    del changed[at : at + draw.choice((1, 2, 8, 64, 4096))]


def _truncate(changed: bytearray, draw: random.Random, _: bytes) -> None:
    """Cut to nothing, to each power of two and just beside it, just before the end, anywhere."""
    length = len(changed)
    power = 1 << draw.randrange(max(length.bit_length(), 1))
    near = (0, power - 1, power, power + 1, length - 1, length - 2, length - 16, length // 2)
    del changed[min(max(draw.choice((*near, draw.randint(0, length))), 0), length) :]


_EDITS = (_flip, _set, _number, _number, _insert, _text, _repeat, _delete, _truncate)


def _place(changed: bytearray, draw: random.Random, whole: bytes) -> int:
    """Return a place: at the ends and around names, where the structure is, or anywhere."""
    length = len(changed)
    if not length:
        return 0
    marks = _names(whole)
    kind = draw.randrange(4 if marks else 3)
    if kind == 0:
        at = draw.randrange(min(64, length))
    elif kind == 1:
        at = length - 1 - draw.randrange(min(64, length))
    elif kind == 2:
        at = draw.randrange(length)
    else:
        at = draw.choice(marks) + draw.randint(-16, 24)
    return min(max(at, 0), length - 1)


@functools.lru_cache(maxsize=128)
def _names(whole: bytes) -> tuple[int, ...]:
    return tuple(found.start() for found in re.finditer(rb"[\w./:\" -]{4,}", whole))


# Whole files


def write_whole(folder: Path) -> None:
    """Write the network in every format of Keras and of `export_model`; this imports Keras."""
    from mnistcnn.weights.keras_file import save_model

    folder.mkdir(parents=True, exist_ok=True)
    model = mnistcnn.load_pretrained()
    for name in KERAS_FILES:
        save_model(model, folder / name)
    for name in EXPORTS:
        form = "litert-int8" if name == "a8.tflite" else None
        mnistcnn.export_model(model, folder / name, format=form)


def kinds(whole: Path) -> list[Kind]:
    """Return every kind, with the files that `write_whole` wrote."""
    made = [*_data_sets(), *_keras_files(whole), *_exports(whole), *_shipped(), *_runs()]
    return [*made, *_documents(), *_pictures()]


def _small() -> mnistcnn.Dataset:
    return mnistcnn.Dataset(
        *(mnistcnn.Split(one.images[:2], one.labels[:2]) for one in mnistcnn.load_data("digits"))
    )


def _data_sets() -> Iterator[Kind]:
    arrays = [array for split in _small() for array in split]
    named = dict(zip(NPZ_NAMES, arrays, strict=True))
    packed, plain = io.BytesIO(), io.BytesIO()
    np.savez_compressed(packed, **named)
    np.savez(plain, **named)
    yield Kind(
        name="npz",
        format="npz",
        contents=(packed.getvalue(), plain.getvalue()),
        put=_as("a.npz"),
        read=_read_data,
    )
    with zipfile.ZipFile(plain) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def put_member(folder: Path, content: bytes) -> Path:
        return _zipped(folder / "a.npz", {**members, "x_train.npy": content})

    yield Kind(
        name="npy in npz",
        format="npz",
        contents=(members["x_train.npy"],),
        put=put_member,
        read=_read_data,
    )
    encoded = {name: encode_idx(array) for name, array in zip(IDX_NAMES, arrays, strict=True)}

    def put_idx(folder: Path, content: bytes, end: str = "") -> Path:
        for name, whole in encoded.items():
            (folder / name).write_bytes(whole)
        (folder / IDX_NAMES[0]).unlink()
        (folder / f"{IDX_NAMES[0]}{end}").write_bytes(content)
        return folder

    first = encoded[IDX_NAMES[0]]
    yield Kind(name="IDX", format="IDX", contents=(first,), put=put_idx, read=_read_data)
    yield Kind(
        name="gzip",
        format="gzip",
        contents=(gzip.compress(first, mtime=0),),
        put=functools.partial(put_idx, end=".gz"),
        read=_read_data,
    )
    yield Kind(
        name="IDX in gzip",
        format="gzip",
        contents=(first,),
        put=lambda folder, content: put_idx(folder, gzip.compress(content, 1, mtime=0), ".gz"),
        read=_read_data,
    )


def _read_data(path: Path) -> None:
    for images, labels in mnistcnn.load_data(path):
        assert images.dtype == labels.dtype == np.uint8
        assert images.shape == (len(labels), 28, 28)
        assert np.all(labels < 10)


def _keras_files(whole: Path) -> Iterator[Kind]:
    for name in KERAS_FILES:
        yield Kind(
            name=name[1:],
            format=name[1:],
            contents=((whole / name).read_bytes(),),
            put=_as(name),
            read=_read_keras,
        )
    with zipfile.ZipFile(whole / "a.keras") as archive:
        member = archive.read(_MEMBER)
    yield Kind(
        name="HDF5 in .keras",
        format=".keras",
        contents=(member,),
        put=lambda folder, content: _zipped(folder / "a.keras", {_MEMBER: content}),
        read=_read_keras,
    )


def _read_keras(path: Path) -> None:
    _check_network(read_weights(path))


def _exports(whole: Path) -> Iterator[Kind]:
    for name in EXPORTS[:4]:
        yield Kind(
            name=".tflite of 8 bits" if name == "a8.tflite" else name[1:],
            format=name[name.index(".") :],
            contents=((whole / name).read_bytes(),),
            put=_as(name),
            read=_read_export,
        )
    description, numbers = ((whole / f"a{end}").read_bytes() for end in (".xml", ".bin"))

    def put_two(folder: Path, xml: bytes, binary: bytes) -> Path:
        (folder / "a.bin").write_bytes(binary)
        (folder / "a.xml").write_bytes(xml)
        return folder / "a.xml"

    yield Kind(
        name=".xml",
        format=".xml and .bin",
        contents=(description,),
        put=lambda folder, content: put_two(folder, content, numbers),
        read=_read_export,
    )
    yield Kind(
        name=".bin",
        format=".xml and .bin",
        contents=(numbers,),
        put=lambda folder, content: put_two(folder, description, content),
        read=_read_export,
    )
    yield Kind(
        name="SavedModel",
        format="SavedModel",
        contents=((whole / "a" / "saved_model.pb").read_bytes(),),
        put=_as("saved_model.pb", give_folder=True),
        read=_read_export,
    )


def _read_export(path: Path) -> None:
    _check_network(read_exported(path))


def _check_network(arrays: list[Any]) -> None:
    assert [array.shape for array in arrays] == list(CNN_WEIGHT_SHAPES.values())
    for array in arrays:
        assert array.dtype == np.float32
        assert np.isfinite(array).all()


def _shipped() -> Iterator[Kind]:
    card, weights = ((FOLDER / f"best.{end}").read_bytes() for end in ("json", "safetensors"))
    fields = {k: v for k, v in json.loads(card).items() if k != "manifest_sha256"}

    def put(folder: Path, text: bytes, numbers: bytes) -> Path:
        (folder / "best.json").write_bytes(text)
        (folder / "best.safetensors").write_bytes(numbers)
        return folder

    def read(folder: Path) -> None:
        _check_network(read_pretrained(folder, "best").weights(calibrated=True))

    def put_numbers(folder: Path, numbers: bytes) -> Path:
        digest = hashlib.sha256(numbers).hexdigest()
        changed = Manifest.from_dict({**fields, "sha256": digest}).to_json()
        return put(folder, changed.encode(), numbers)

    def put_fields(folder: Path, content: bytes) -> Path:
        """Seal what is still an object; without its seal nothing else would be looked at."""
        try:
            found = {k: v for k, v in json.loads(content).items() if k != "manifest_sha256"}
            content = json.dumps({**found, "manifest_sha256": checksum(found)}).encode()
        except (AttributeError, ValueError, RecursionError):
            pass
        return put(folder, content, weights)

    yield Kind(
        name="shipped safetensors",
        format=".safetensors",
        contents=(weights,),
        put=put_numbers,
        read=read,
    )
    yield Kind(
        name="manifest",
        format="JSON",
        contents=(json.dumps(fields, indent=1).encode(),),
        put=put_fields,
        read=read,
    )


def _runs() -> Iterator[Kind]:
    """Give the state of a training that is kept, and its record under a right digest."""
    network = read_exported(FOLDER / "best.safetensors")
    arrays = {f"model/variables/{name}": one for name, one in zip(CNN_WEIGHT_SHAPES, network, strict=True)}
    place = {"finished": False, "stop_training": False, "epoch": 3, "step": 7, "logs": {"loss": 0.5}}
    fingerprint = {"versions": {}, "recipe": recipes.FAST.to_dict(), "data": "7 images"}
    record = {"format": 2, "fingerprint": fingerprint, "seed": 5, "elapsed_seconds": 1.5}
    record["training_states"] = {"teacher0": {**place, "finished": True}, "model": place}

    def put(folder: Path, content: bytes) -> Path:
        (folder / file_format.STATE_FILE).write_bytes(content)
        return folder

    def put_record(folder: Path, text: bytes) -> Path:
        return put(folder, file_format.serialize(text.decode(errors="replace"), arrays))

    def read(folder: Path) -> None:
        file_format.describe_position(folder)
        file_format.elapsed_seconds(folder)

    text = json.dumps(record)
    for name, contents, how in (
        ("state of a run", file_format.serialize(text, arrays), put),
        ("record of a run", text.encode(), put_record),
    ):
        yield Kind(name=name, format="run", contents=(contents,), put=how, read=read)


def _documents() -> Iterator[Kind]:
    rng = np.random.default_rng(0)
    evaluation = mnistcnn.Evaluation.from_probabilities(
        rng.dirichlet(np.ones(10), 30), rng.integers(0, 10, 30)
    )
    report = {"versions": {}, "data": {"source": "digits"}, "test": evaluation.to_dict()}
    yield Kind(
        name="evaluation",
        format="JSON",
        contents=(json.dumps(report).encode(),),
        put=_as("evaluation.json"),
        read=lambda path: load_evaluation(str(path), None).to_dict(),
    )
    history = {"loss": [1.5, 0.5], "accuracy": [0.5, 0.9], "val_loss": [1.0, 0.6]}
    yield Kind(
        name="history",
        format="JSON",
        contents=(json.dumps({"history": history, "seed": 0}).encode(),),
        put=_as("result.json"),
        read=lambda path: history_of(read_document(path), path),
    )
    robust = recipes.ROBUST.to_dict()
    yield Kind(
        name="recipe",
        format="JSON",
        contents=(
            json.dumps(robust).encode(),
            json.dumps({**robust, "teacher": recipes.FAST.to_dict()}).encode(),
        ),
        put=_as("recipe.json"),
        read=lambda path: recipes.Recipe.from_dict(read_document(path)),
        documented=(TypeError, ValueError),
    )


def _pictures() -> Iterator[Kind]:
    rng = np.random.default_rng(0)
    grey = Image.fromarray(rng.integers(0, 256, (12, 9), np.uint8))
    colour = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
    alpha = Image.fromarray(rng.integers(0, 256, (9, 12, 4), np.uint8))
    frames = {"save_all": True, "append_images": [colour.rotate(180)]}
    made: Mapping[str, list[tuple[Any, dict[str, Any]]]] = {
        "PNG": [(grey, {}), (alpha, {}), (colour.quantize(8), {"transparency": 1})],
        "JPEG": [(grey, {}), (colour, {"progressive": True}), (colour.convert("CMYK"), {})],
        "GIF": [(colour, {}), (colour, frames)],
        "TIFF": [
            (grey, {}), (colour, {"compression": "tiff_lzw"}), (grey.convert("F"), {}),
            (colour, {"compression": "jpeg"}), (colour, {"compression": "tiff_adobe_deflate"}),
            (grey.convert("1"), {"compression": "group4"}),
        ],
        "BMP": [(colour, {}), (colour.quantize(8), {})],
        "WEBP": [(colour, {}), (alpha, {"lossless": True}), (colour, frames)],
        "PPM": [(colour, {})],
        "JPEG2000": [(colour, {})],
        "AVIF": [(colour, {})],
    }  # fmt: skip
    Image.init()
    for name, images in made.items():
        if name in Image.SAVE:
            contents = tuple(_saved(image, name, **options) for image, options in images)
            kind = Kind(
                name=name,
                format=name,
                contents=contents,
                put=_as(f"a.{name.lower()}"),
                read=_read_picture,
                documented=(CorruptFileError, ValueError),
            )
            yield kind
            if name == "PNG":
                yield replace(kind, name="PNG with new checksums", put=_put_png)


def _put_png(folder: Path, content: bytes) -> Path:
    """Give each chunk the checksum of what it holds, so that damage is not found by that."""
    parts, at = [content[:8]], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        checked = content[at + 4 : at + 8 + length]
        parts += [content[at : at + 4], checked, zlib.crc32(checked).to_bytes(4, "big")]
        at += 12 + length
    return _as("a.png")(folder, b"".join([*parts, content[at:]]))


def _read_picture(path: Path) -> None:
    try:
        brightness = read_image(path).brightness
    except CorruptFileError:
        raise
    except ValueError as error:
        if not re.search(r"must hold at (most 50 megapixels|least one pixel); ", str(error)):
            raise RuntimeError("an error of another text") from error
        raise
    assert brightness.dtype == np.float32
    assert brightness.size
    assert 0 <= brightness.min() <= brightness.max() <= 1
    if brightness.size <= _READ_WHOLE:  # damage may make a picture of many megapixels
        assert isinstance(_recognizer().read(path), mnistcnn.Reading)


@functools.cache
def _recognizer() -> mnistcnn.Recognizer:
    return mnistcnn.Recognizer(num_threads=1)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _as(name: str, *, give_folder: bool = False) -> Callable[[Path, bytes], Path]:
    def put(folder: Path, content: bytes) -> Path:
        (folder / name).write_bytes(content)
        return folder if give_folder else folder / name

    return put


def _zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def outcome(kind: Kind, content: bytes, folder: Path) -> str:
    """Read a content in an empty folder: ``"read"`` or ``"refused"``; all else is raised.

    A warning counts as an error, and so does a file that appears.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = kind.put(folder, content)
    before = sorted(folder.rglob("*"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", message=".*is a SavedModel", category=UserWarning)
            kind.read(path)
    except kind.documented:
        return "refused"
    finally:
        assert sorted(folder.rglob("*")) == before
    return "read"
