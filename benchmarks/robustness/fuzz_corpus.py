"""The corpus of the fuzzer: valid files of every format that the package reads."""

from __future__ import annotations

import bz2
import functools
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import mnistcnn
from benchmarks.robustness.fuzz_images import document_targets, further_image_targets, image_targets
from benchmarks.robustness.fuzz_target import FuzzTarget, as_file, write_zip
from benchmarks.robustness.fuzz_texts import text_targets
from mnistcnn import CorruptFileError, DataUnavailableError, recipes
from mnistcnn.cli.plot import plot_saved_history
from mnistcnn.cli.stored_evaluation import load_evaluation, read_json
from mnistcnn.data.formats.idx import IDX_NAMES, encode_idx
from mnistcnn.data.formats.libsvm import read_libsvm
from mnistcnn.data.formats.npz import NPZ_NAMES
from mnistcnn.training.checkpoint import file_format
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES
from mnistcnn.weights.manifest import Manifest, checksum
from mnistcnn.weights.network_file import read_network_file
from mnistcnn.weights.pretrained import FOLDER, read_pretrained
from mnistcnn.weights.weights_file import read_cnn_file, read_weights_file

EXPORTS = ("a.onnx", "a.safetensors")
KERAS_FILES = ("a.keras", "a.h5", "a.weights.h5")
_HDF5_MEMBER = "model.weights.h5"


def write_model_files(folder: Path) -> None:
    """Write the network in every format of Keras and of `export_model`; imports Keras."""
    from mnistcnn.weights.keras_file import save_model

    folder.mkdir(parents=True, exist_ok=True)
    model = mnistcnn.load_pretrained()
    for name in KERAS_FILES:
        save_model(model, folder / name)
    for name in EXPORTS:
        mnistcnn.export_model(model, folder / name)


def fuzz_targets(models: Path) -> list[FuzzTarget]:
    """Return all targets; `models` is the folder that `write_model_files` wrote."""
    return [
        *_data_sets(),
        *_more_data_sets(),
        *_keras_files(models),
        *_exports(models),
        *_pretrained(),
        *_checkpoints(),
        *_json_files(),
        *text_targets(),
        *image_targets(),
        *further_image_targets(),
        *document_targets(),
    ]


def _two_images_per_split() -> mnistcnn.Dataset:
    return mnistcnn.Dataset(
        *(
            mnistcnn.Split(split.images[:2], split.labels[:2])
            for split in mnistcnn.load_data("digits")
        )
    )


def _data_sets() -> Iterator[FuzzTarget]:
    arrays = [array for split in _two_images_per_split() for array in split]
    named_arrays = dict(zip(NPZ_NAMES, arrays, strict=True))
    compressed, plain = io.BytesIO(), io.BytesIO()
    np.savez_compressed(compressed, **named_arrays)
    np.savez(plain, **named_arrays)
    yield FuzzTarget(
        name="npz",
        format="npz",
        seeds=(compressed.getvalue(), plain.getvalue()),
        write=as_file("a.npz"),
        read=_read_data,
    )
    with zipfile.ZipFile(plain) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def write_member(folder: Path, content: bytes) -> Path:
        return write_zip(folder / "a.npz", {**members, "x_train.npy": content})

    yield FuzzTarget(
        name="npy in npz",
        format="npz",
        seeds=(members["x_train.npy"],),
        write=write_member,
        read=_read_data,
    )
    idx_files = {name: encode_idx(array) for name, array in zip(IDX_NAMES, arrays, strict=True)}

    def write_idx(folder: Path, content: bytes, end: str = "") -> Path:
        for name, valid in idx_files.items():
            (folder / name).write_bytes(valid)
        (folder / IDX_NAMES[0]).unlink()
        (folder / f"{IDX_NAMES[0]}{end}").write_bytes(content)
        return folder

    first = idx_files[IDX_NAMES[0]]
    yield FuzzTarget(name="IDX", format="IDX", seeds=(first,), write=write_idx, read=_read_data)
    yield FuzzTarget(
        name="gzip",
        format="gzip",
        seeds=(gzip.compress(first, mtime=0),),
        write=functools.partial(write_idx, end=".gz"),
        read=_read_data,
    )
    yield FuzzTarget(
        name="IDX in gzip",
        format="gzip",
        seeds=(first,),
        write=lambda folder, content: write_idx(folder, gzip.compress(content, 1, mtime=0), ".gz"),
        read=_read_data,
    )


def _more_data_sets() -> Iterator[FuzzTarget]:
    dataset = _two_images_per_split()
    images, labels = dataset.train
    table = np.column_stack([labels, images.reshape(-1, 784)])
    rows = "".join(",".join(map(str, row)) + "\n" for row in table.tolist()).encode()
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))]).encode() + b"\n"
    scaled = np.column_stack([labels, images.reshape(-1, 784) / 255]).tolist()
    floats = "".join(",".join(map(str, row)) + "\n" for row in scaled).encode()
    yield FuzzTarget(
        name="CSV",
        format="CSV",
        seeds=(header + rows, rows, floats),
        write=as_file("a.csv"),
        read=_read_data,
    )
    arrays = [array for split in dataset for array in split]

    def write_npy(folder: Path, content: bytes) -> Path:
        for name, array in zip(NPZ_NAMES, arrays, strict=True):
            np.save(folder / f"{name}.npy", array)
        (folder / "x_train.npy").write_bytes(content)
        return folder

    buffer = io.BytesIO()
    np.save(buffer, images)
    yield FuzzTarget(
        name="npy", format="npy", seeds=(buffer.getvalue(),), write=write_npy, read=_read_data
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in zip(IDX_NAMES, arrays, strict=True):
            file.writestr(f"{name}.gz", gzip.compress(encode_idx(array), mtime=0))
    yield FuzzTarget(
        name="IDX in zip",
        format="zip",
        seeds=(archive.getvalue(),),
        write=as_file("a.zip"),
        read=_read_data,
        # Damaged names of members are those of other files.
        expected_errors=(CorruptFileError, DataUnavailableError),
    )
    image = io.BytesIO()
    Image.fromarray(images[0]).save(image, "PNG")

    def write_class_folders(folder: Path, content: bytes) -> Path:
        for name, picture in (("3", content), ("7", image.getvalue())):
            (folder / name).mkdir()
            (folder / name / "a.png").write_bytes(picture)
        return folder

    yield FuzzTarget(
        name="folder of images",
        format="PNG",
        seeds=(image.getvalue(),),
        write=write_class_folders,
        read=_read_data,
    )
    line = "3 " + " ".join(f"{i}:{value:.3f}" for i, value in enumerate(np.linspace(-1, 1, 256), 1))
    yield FuzzTarget(
        name="LIBSVM",
        format="LIBSVM",
        seeds=(f"{line}\n{line}\n".encode(),),
        write=lambda folder, content: as_file("a.bz2")(folder, bz2.compress(content)),
        read=_read_libsvm,
    )


def _read_data(path: Path) -> None:
    try:
        dataset = mnistcnn.load_data(path)
    except ValueError as error:
        if "needs test_size" not in str(error):
            raise
        dataset = mnistcnn.load_data(path, test_size=1)
    for split in dataset:
        _check_split(split)


def _read_libsvm(path: Path) -> None:
    _check_split(read_libsvm(path))


def _check_split(split: mnistcnn.Split) -> None:
    images, labels = split
    assert images.dtype == labels.dtype == np.uint8
    assert images.shape == (len(labels), 28, 28)


def _keras_files(models: Path) -> Iterator[FuzzTarget]:
    for name in KERAS_FILES:
        yield FuzzTarget(
            name=name[1:],
            format=name[1:],
            seeds=((models / name).read_bytes(),),
            write=as_file(name),
            read=_read_weights,
            expected_errors=(ValueError,),
        )
    with zipfile.ZipFile(models / "a.keras") as archive:
        member = archive.read(_HDF5_MEMBER)
    yield FuzzTarget(
        name="HDF5 in .keras",
        format=".keras",
        seeds=(member,),
        write=lambda folder, content: write_zip(folder / "a.keras", {_HDF5_MEMBER: content}),
        read=_read_weights,
        expected_errors=(ValueError,),
    )
    yield FuzzTarget(
        name="class names in .keras",
        format=".keras",
        seeds=(json.dumps({"class_names": [*"abcdefghij"]}).encode(),),
        write=lambda folder, content: write_zip(
            folder / "a.keras", {_HDF5_MEMBER: member, "mnistcnn.json": content}
        ),
        read=_read_class_names,
    )


def _read_weights(path: Path) -> None:
    _check_network(read_weights_file(path))


def _read_class_names(path: Path) -> None:
    names = read_cnn_file(path).class_names
    assert len(set(names)) == 10
    assert all(name.isprintable() for name in names)


def _exports(models: Path) -> Iterator[FuzzTarget]:
    for name in EXPORTS:
        yield FuzzTarget(
            name=name[1:],
            format=name[1:],
            seeds=((models / name).read_bytes(),),
            write=as_file(name),
            read=_read_weights,
        )
    # With an array of another name, it is the file of another network.
    content = (models / "a.onnx").read_bytes().replace(b"dense.bias", b"other.bias")
    yield FuzzTarget(
        name=".onnx of another network",
        format=".onnx",
        seeds=(content,),
        write=as_file("a.onnx"),
        read=_read_network,
        expected_errors=(ValueError,),
    )


def _read_network(path: Path) -> None:
    network = read_network_file(path)
    assert len(network.class_names) > 1


def _check_network(arrays: list[Any]) -> None:
    assert [array.shape for array in arrays] == list(CNN_WEIGHT_SHAPES.values())
    for array in arrays:
        assert array.dtype == np.float32
        assert np.isfinite(array).all()


def _pretrained() -> Iterator[FuzzTarget]:
    manifest, weights = ((FOLDER / f"best.{end}").read_bytes() for end in ("json", "safetensors"))
    fields = {k: v for k, v in json.loads(manifest).items() if k != "manifest_sha256"}

    def write(folder: Path, text: bytes, binary: bytes) -> Path:
        (folder / "best.json").write_bytes(text)
        (folder / "best.safetensors").write_bytes(binary)
        return folder

    def read(folder: Path) -> None:
        _check_network(read_pretrained(folder, "best").weights(calibrated=True))

    def write_weights(folder: Path, binary: bytes) -> Path:
        digest = hashlib.sha256(binary).hexdigest()
        changed = Manifest.from_dict({**fields, "sha256": digest}).to_json()
        return write(folder, changed.encode(), binary)

    def write_manifest(folder: Path, content: bytes) -> Path:
        """Write a manifest with a valid checksum, if the content still is a JSON object."""
        try:
            mutated = {k: v for k, v in json.loads(content).items() if k != "manifest_sha256"}
            content = json.dumps({**mutated, "manifest_sha256": checksum(mutated)}).encode()
        except (AttributeError, ValueError, RecursionError):
            pass
        return write(folder, content, weights)

    yield FuzzTarget(
        name="pretrained .safetensors",
        format=".safetensors",
        seeds=(weights,),
        write=write_weights,
        read=read,
    )
    yield FuzzTarget(
        name="manifest",
        format="JSON",
        seeds=(json.dumps(fields, indent=1).encode(),),
        write=write_manifest,
        read=read,
    )


def _checkpoints() -> Iterator[FuzzTarget]:
    """Yield a checkpoint, and its JSON record within a checkpoint with a valid digest."""
    network = read_weights_file(FOLDER / "best.safetensors")
    arrays = {
        f"model/variables/{name}": array
        for name, array in zip(CNN_WEIGHT_SHAPES, network, strict=True)
    }
    position = {
        "finished": False,
        "stop_training": False,
        "epoch": 3,
        "step": 7,
        "logs": {"loss": 0.5},
    }
    fingerprint = {"versions": {}, "recipe": recipes.FAST.to_dict(), "data": "7 images"}
    record = {"format": 2, "fingerprint": fingerprint, "seed": 5, "elapsed_seconds": 1.5}
    record["training_states"] = {"teacher0": {**position, "finished": True}, "model": position}

    def write(folder: Path, content: bytes) -> Path:
        (folder / file_format.STATE_FILE).write_bytes(content)
        return folder

    def write_record(folder: Path, text: bytes) -> Path:
        return write(folder, file_format.serialize(text.decode(errors="replace"), arrays))

    def read(folder: Path) -> None:
        file_format.describe_position(folder)
        file_format.elapsed_seconds(folder)

    text = json.dumps(record)
    for name, seed, writer in (
        ("checkpoint", file_format.serialize(text, arrays), write),
        ("checkpoint record", text.encode(), write_record),
    ):
        yield FuzzTarget(name=name, format="checkpoint", seeds=(seed,), write=writer, read=read)


def _json_files() -> Iterator[FuzzTarget]:
    rng = np.random.default_rng(0)
    evaluation = mnistcnn.Evaluation.from_probabilities(
        rng.dirichlet(np.ones(10), 30), rng.integers(0, 10, 30)
    )
    report = {"versions": {}, "data": {"source": "digits"}, "test": evaluation.to_dict()}
    yield FuzzTarget(
        name="evaluation",
        format="JSON",
        seeds=(json.dumps(report).encode(),),
        write=as_file("evaluation.json"),
        read=lambda path: load_evaluation(str(path), None).to_dict(),
    )
    history = {"loss": [1.5, 0.5], "accuracy": [0.5, 0.9], "val_loss": [1.0, 0.6]}
    yield FuzzTarget(
        name="history",
        format="JSON",
        seeds=(json.dumps({"history": history, "seed": 0}).encode(),),
        write=as_file("result.json"),
        read=lambda path: plot_saved_history(read_json(path), path),
    )
