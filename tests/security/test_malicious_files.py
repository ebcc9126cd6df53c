"""Malicious files are rejected within a second and 200 MB, and no code in them runs."""

import bz2
import functools
import gzip
import hashlib
import io
import json
import os
import pathlib
import pickle
import re
import struct
import subprocess
import sys
import zipfile
import zlib

import h5py
import numpy as np
import onnx
import pytest
from PIL import Image

from mnistcnn import CorruptFileError, Evaluation
from mnistcnn.data.formats.idx import IDX_NAMES, encode_idx
from mnistcnn.data.formats.npz import NPZ_NAMES
from mnistcnn.training.checkpoint import file_format
from mnistcnn.weights.arrays import to_safetensors
from mnistcnn.weights.manifest import checksum
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import FOLDER, load_pretrained_weights
from mnistcnn.weights.weights_file import read_weights_file
from tests.helpers.onnx_networks import dense_network

pytestmark = pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").is_file(), reason="the memory limit needs Linux"
)
HERE = pathlib.Path(__file__).parent
WEIGHTS = load_pretrained_weights("best").weights(calibrated=False)
DEEP = 100_000
MEMBER = "model.weights.h5"


class CreateCanary:
    """Creates the file ``canary`` when it is unpickled."""

    def __reduce__(self):
        return open, ("canary", "w")


def hdf5(change=None, **options):
    """Return an HDF5 file of the pretrained weights, as Keras writes it, after `change`."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        for i, array in enumerate(WEIGHTS):
            file[f"layers/layer{i // 2}/vars/{i % 2}"] = array
        if change is not None:
            change(file)
    return buffer.getvalue()


def keras(*, method=zipfile.ZIP_STORED, **members):
    """Return a .keras archive; in the names of members, _1_ is a slash and _2_ a dot."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_1_", "/").replace("_2_", "."), content)
    return buffer.getvalue()


def npz(x_train=b"", method=zipfile.ZIP_DEFLATED, **members):
    """Return an .npz whose first member, which is read first, has this content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=1) as archive:
        for name in NPZ_NAMES:
            archive.writestr(f"{name}.npy", x_train if name == "x_train" else b"")
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(shape="(2, 28, 28)", values=b"", *, descr="'|u1'", header=None, length=None):
    text = header or f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"
    count = len(text) if length is None else length
    return b"\x93NUMPY\x02\0" + struct.pack("<I", count) + text.encode() + values


def with_declared_size(content, size, declared):
    """Return a zip archive in which the size of a member is replaced by another one."""
    old, new = (struct.pack("<I", value) for value in (size, declared))
    assert content.count(old) >= 2
    return content.replace(old, new)


def pickled():
    buffer = io.BytesIO()
    np.save(buffer, np.array([CreateCanary()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def archived(name, config):
    config = json.dumps({"class_name": "Sequential", "config": {"layers": [config]}})
    return {name: keras(config_2_json=config, model_2_weights_2_h5=hdf5())}


LAMBDA = {"class_name": "Lambda", "module": "keras.layers", "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}}}  # fmt: skip
CUSTOM = {"class_name": "Popen", "module": "subprocess", "registered_name": "Popen", "config": {"args": ["touch", "canary"]}}  # fmt: skip


def linked(link):
    def change(file):
        file["layers/evil"] = link

    return hdf5(change)


def external_storage(file):
    file.create_dataset("layers/evil", (32,), "f4", external=[("/etc/passwd", 0, 128)])


def huge_chunk(file):
    dataset = file.create_dataset(
        "layers/evil", (1600, 10), "f4", maxshape=(None, None), chunks=(1 << 18, 200),
        compression="gzip", compression_opts=1,
    )  # fmt: skip
    dataset[0, 0] = 1


def virtual(file):
    layout = h5py.VirtualLayout((32,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "a", (32,))
    file.create_virtual_dataset("layers/evil", layout)


def huge_dataset(file):
    file.create_dataset("layers/evil", (2**40,), "f4")


def many_members(file):
    for i in range(5_000):
        file.create_group(f"layers/g{i}")


def cyclic_heap():
    """Return a file whose heap has a cyclic list of free blocks, on which the HDF5 library hangs."""
    content = bytearray(hdf5())
    at = -1
    while (at := content.find(b"HEAP", at + 1)) > 0:
        size, free, start = struct.unpack_from("<QQQ", content, at + 8)
        if free + 16 <= size:
            struct.pack_into("<Q", content, start + free, free)
    return bytes(content)


def cyclic_tree():
    """Return a file with a B-tree node that is its own child."""
    content = bytearray(hdf5())
    at = content.find(b"TREE")
    struct.pack_into("<Q", content, at + 32, at)
    return bytes(content)


def group_in_itself(file):
    """Add a group whose members have ever longer paths, since it contains itself."""
    name = "x" * 1000
    group = file.create_group(f"layers/{name}")
    group[name] = group
    group["a"] = np.zeros(1, np.float32)


def hdf5_of_large_values():
    """Return the weights as float64, with values beyond the range of float32."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for i, array in enumerate(WEIGHTS):
            file[f"layers/layer{i // 2}/vars/{i % 2}"] = array.astype(float) * 1e300
    return buffer.getvalue()


def safetensors_with(metadata):
    """Return the weights in safetensors format with other metadata."""
    content = to_safetensors(WEIGHTS)
    end = 8 + int.from_bytes(content[:8], "little")
    header = {**json.loads(content[8:end]), "__metadata__": metadata}
    return safetensors(header) + content[end:]


def onnx_field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx_of_many(number, content=b""):
    """Return an ONNX file whose graph has two million fields of a few bytes."""
    return onnx_field(7, onnx_field(number, content) * 2_000_000)


def onnx_of_integers(count):
    """Return an ONNX file with a list of integers of a byte each."""
    return onnx_field(7, onnx_field(5, onnx_field(7, b"\1" * count)))


def onnx_with(*nodes, **arrays):
    """Return an ONNX network with further nodes (kind, inputs, output) and arrays."""
    model, _ = dense_network()
    for kind, inputs, output in nodes:
        axis = {"axis": 0} if kind == "Concat" else {}
        model.graph.node.append(onnx.helper.make_node(kind, inputs, [output], **axis))
    for name, array in arrays.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return model.SerializeToString()


def doubling(kind, count=30):
    """Return an ONNX network of operators that each double the size of a tensor."""
    nodes = [(kind, [f"a{i}"] * 2, f"a{i + 1}") for i in range(count)]
    return onnx_with(*nodes, a0=np.zeros(1 if kind == "Concat" else (1, 1), np.int64))


def many_dimensions(count=100_000):
    """Return an ONNX network with a tensor of that many dimensions."""
    nodes = [("Reshape", ["kernel", "dims"], "b0")]
    nodes += [("Identity", ["b0"], f"b{i}") for i in range(1, 2_000)]
    return onnx_with(*nodes, dims=np.ones(count, np.int64))


def safetensors(header):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header


RECORD = {"format": 2, "fingerprint": {"data": "7 images"}, "seed": 5, "elapsed_seconds": 1.5}
POSITION = {"finished": False, "stop_training": False, "epoch": 3, "step": 7, "logs": {"loss": 0.5}}


def checkpoint(record=None, **arrays):
    """Return a checkpoint with a valid digest: a record, or its JSON text, and arrays."""
    text = record if isinstance(record, str) else json.dumps(record or record_with())
    return {"run.safetensors": file_format.serialize(text, arrays)}


def record_with(fields=(), **position):
    """Return the record of a checkpoint with changed fields, or a changed position."""
    return {**RECORD, "training_states": {"model": {**POSITION, **position}}, **dict(fields)}


def invalid_checkpoint(*entries, body=b""):
    """Return a checkpoint with these array descriptions and an invalid digest."""
    record = json.dumps({"mnistcnn-run": json.dumps(record_with()), "sha256": "0" * 64})
    header = f'{{"__metadata__":{record},{",".join(entries)}}}'.encode()
    return {"run.safetensors": struct.pack("<Q", len(header)) + header + body}


def tensor(name, *offsets, shape=(4,)):
    entry = {"dtype": "F32", "shape": list(shape), "data_offsets": list(offsets)}
    return f"{json.dumps(name)}:{json.dumps(entry)}"


EMPTY_TENSOR = tensor("a", 0, 0, shape=[0])


def external_onnx():
    model = onnx.load_from_string(to_onnx(WEIGHTS))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    return model.SerializeToString()


def nested_onnx():
    """Return an ONNX file with deeply nested graphs."""
    graph = b""
    for _ in range(3000):
        inner = b"\x0a" + varint(len(graph)) + graph  # node
        graph = b"\x2a" + varint(len(inner)) + inner  # attribute
    return b"\x3a" + varint(len(graph)) + graph


def varint(value):
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def evaluation(count):
    result = Evaluation.from_probabilities([[1.0, 0.0], [0.0, 1.0]], [0, 0]).to_dict()
    result["confusion_matrix"][0][0] = count
    return json.dumps({"test": result}).encode()


def manifest_with(**changed):
    fields = json.loads((FOLDER / "best.json").read_text())
    fields.pop("manifest_sha256")
    fields |= changed
    return json.dumps({**fields, "manifest_sha256": checksum(fields)}).encode()


def png(width, height, pixels, *chunks):
    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = [chunk(kind, content) for kind, content in chunks]
    end = chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(body) + end


def image_file(kind, **options):
    buffer = io.BytesIO()
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(**tags):
    """Return a TIFF of 8 × 8 pixels with changed tags."""
    names = {"width": 256, "height": 257, "offsets": 273, "rows": 278, "counts": 279}
    content = bytearray(image_file("TIFF"))
    (first,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, first)
    for i in range(entries):
        at = first + 2 + 12 * i
        (tag,) = struct.unpack_from("<H", content, at)
        for name, value in tags.items():
            if names[name] == tag:
                struct.pack_into("<HII", content, at + 2, 4, 1, value)
    return bytes(content)


def idx(kind=8, shape=(2,), values=b""):
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape) + values


def idx_folder(**contents):
    """Return the four IDX files of a data set, some replaced."""
    arrays = [np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)] * 2
    files = dict(zip(IDX_NAMES, map(encode_idx, arrays), strict=True))
    idx_names = dict(zip(("x_train", "y_train", "x_test", "y_test"), IDX_NAMES, strict=True))
    for name, content in contents.items():
        del files[idx_names[name]]
        files[f"{idx_names[name]}.gz"] = content
    return files


def blank_images(count):
    """Return a small gzipped IDX file of that many blank images."""
    return gzip.compress(idx(shape=(count, 28, 28), values=bytes(count * 784)), 1)


def with_comment(content, size):
    """Return a gzip file with a comment of that size."""
    return content[:3] + b"\x10" + content[4:10] + b"x" * size + b"\0" + content[10:]


@functools.cache
def compressed_zeros():
    return zlib.compress(bytes(200 << 20), 1)


@functools.cache
def csv_rows():
    """Return a megabyte of blank images, which gzip compresses 1000:1."""
    return (b"0," * 784 + b"0\n") * 668


def repeated_gzip(content, size):
    """Return a gzip file of many members that unpacks to `size` bytes."""
    block = content * 16
    return gzip.compress(block, 9) * (size // len(block))


def zip_file(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


MANY_MEMBERS = {f"x{i}": "" for i in range(3_000)}
NOT_A_CHECKPOINT = "run.safetensors must be an intact checkpoint: "
# By name: the reader, the files, of which the first or the folder is read, and the message; None if
# a file may also be read.
REJECTED = {
    # code
    "pickle in npz": ("data", lambda: {"a.npz": npz(pickled())}, "its arrays must be integers or floats; one is of dtype object"),
    "pickle as npz": ("data", lambda: {"a.npz": pickle.dumps(CreateCanary())}, "it is a pickle, which is never loaded because it can run any code"),
    "pickle as csv, protocol 0": ("data", lambda: {"a.csv": pickle.dumps(CreateCanary(), 0)}, "it is a pickle, which is never loaded"),
    "mnist.pkl.gz": ("data", lambda: {"mnist.pkl.gz": gzip.compress(pickle.dumps(CreateCanary(), 2))}, "it is a pickle, which is never loaded"),
    "pickle in npy": ("data", lambda: {"x_train.npy": pickled(), "y_train.npy": pickled()}, "its arrays must be integers or floats; one is of dtype object"),
    "pickle as keras": ("weights", lambda: {"a.keras": pickle.dumps(CreateCanary())}, "File is not a zip file"),
    "pickle as h5": ("weights", lambda: {"a.h5": pickle.dumps(CreateCanary())}, "must start with the HDF5 signature"),
    "pickle as safetensors": ("weights", lambda: {"a.safetensors": pickle.dumps(CreateCanary())}, "must be a valid safetensors file"),
    "code in an npy header": ("data", lambda: {"a.npz": npz(npy(header="open('canary', 'w')"))}, "must have a header"),
    # paths
    "external link": ("weights", lambda: {"a.h5": linked(h5py.ExternalLink("/etc/passwd", "x"))}, "must not contain links; received 'evil'"),
    "soft link": ("weights", lambda: {"a.h5": linked(h5py.SoftLink("/layers"))}, "must not contain links; received 'evil'"),
    "external storage": ("weights", lambda: {"a.h5": hdf5(external_storage)}, "'/layers/evil' is external"),
    "virtual dataset": ("weights", lambda: {"a.h5": hdf5(virtual)}, "'/layers/evil' is chunked or virtual"),
    "member ../ alone": ("weights", lambda: {"a.keras": keras(_2__2__1_model_2_weights_2_h5=hdf5())}, "no item named 'model.weights.h5'"),
    "npz with ../": ("data", lambda: {"a.npz": npz(b"", **{"../canary": b"x"})}, "must have a header"),
    "external data": ("weights", lambda: {"a.onnx": external_onnx()}, "conv1.kernel is external"),
    "manifest with a path": ("manifest", lambda: {"best.json": manifest_with(file="../../canary"), "best.safetensors": b""}, r"file must be 'best.safetensors'; received '../../canary'"),
    # bombs
    "zip bomb": ("data", lambda: {"a.npz": npz(bytes(70 << 20))}, "must unpack to at most 67,108,864 bytes"),
    "zip bomb with a small declared size": ("data", lambda: {"a.npz": with_declared_size(npz(npy("(2, 28, 28)", bytes(100 << 20))), len(npy("(2, 28, 28)")) + (100 << 20), 2000)}, "must end after the|Bad CRC-32"),
    "bzip2 bomb": ("data", lambda: {"a.npz": npz(npy(values=bytes(210 << 20)), zipfile.ZIP_BZIP2)}, "must be stored or deflated; its method is 12"),
    "lzma bomb": ("weights", lambda: {"a.keras": keras(method=zipfile.ZIP_LZMA, model_2_weights_2_h5=bytes(9 << 20))}, "must be stored or deflated; its method is 14"),
    "bomb in keras": ("weights", lambda: {"a.keras": keras(method=zipfile.ZIP_DEFLATED, model_2_weights_2_h5=bytes(210 << 20))}, "must unpack to at most 67,108,864 bytes; it declares 220,200,960"),
    "bomb in keras with a small declared size": ("weights", lambda: {"a.keras": with_declared_size(keras(method=zipfile.ZIP_DEFLATED, model_2_weights_2_h5=bytes(210 << 20)), 210 << 20, 5000)}, "Bad CRC-32"),
    "long list of members": ("weights", lambda: {"a.keras": keras(**MANY_MEMBERS)}, "its list of members must take at most 131,072 bytes; it declares 1"),
    "long list in npz": ("data", lambda: {"a.npz": npz(b"", **MANY_MEMBERS)}, "its list of members must take at most 131,072 bytes; it declares 1"),
    "gzip bomb": ("idx", lambda: {"a.gz": gzip.compress(bytes(210 << 20), 1)}, "must begin with 00 00, a type code"),
    "gzip bomb with a header": ("idx", lambda: {"a.gz": blank_images(300_000)}, "it must unpack to at most 67,108,864 bytes; it has at least 235,200,000"),
    "gzip bomb behind the end": ("idx", lambda: {"a.gz": gzip.compress(idx(values=bytes(210 << 20)), 1)}, r"must end after the \(2,\) values"),
    "gzip file of many members": ("idx", lambda: {"a.gz": gzip.compress(b"") * 3_000_000}, "must have at most 10,000 gzip members"),
    "gzip file with a long padding": ("idx", lambda: {"a.gz": gzip.compress(idx(values=bytes(2))) + bytes(60 << 20)}, "incorrect header check"),
    "gzip file with a long comment": ("idx", lambda: {"a.gz": with_comment(gzip.compress(idx(values=bytes(3))), 60 << 20)}, r"must end after the \(2,\) values"),
    "gzip file of empty blocks": ("idx", lambda: {"a.gz": gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * 4_000_000}, "compressed data ends too early"),
    "four gzip bombs": ("data", lambda: idx_folder(x_train=blank_images(80_000), x_test=blank_images(80_000)), "it must unpack to at most 67,108,864 bytes; it has at least 125,440,"),
    "CSV of 10 GB in 20 MB of gzip": ("data", lambda: {"train.csv.gz": repeated_gzip(csv_rows(), 10 << 30)}, "train.csv.gz is not a valid CSV file: it must unpack to at most [0-9]{3},[0-9]{3},[0-9]{3} bytes; it has at least"),
    "CSV of 10 GB in 20 MB of gzip beside a test file": ("data", lambda: {"train.csv.gz": repeated_gzip(csv_rows(), 10 << 30), "test.csv": csv_rows(), "a": b"", "b": b""}, "train.csv.gz is not a valid CSV file: it must unpack to at most [0-9]{3},[0-9]{3},[0-9]{3} bytes"),
    "CSV bomb in zip": ("data", lambda: {"a.zip": zip_file({"train.csv": csv_rows() * 70})}, "it must unpack to at most 67,108,864 bytes"),
    "CSV bomb in gzip in zip": ("data", lambda: {"a.zip": zip_file({"train.csv.gz": gzip.compress(csv_rows() * 70, 1)})}, "it must unpack to at most 67,108,864 bytes"),
    "gzip file with a long comment in zip": ("data", lambda: {"a.zip": zip_file({"train.csv.gz": with_comment(gzip.compress(csv_rows()), 70 << 20)})}, "it must unpack to at most 67,108,864 bytes"),
    "CSV of a single line": ("data", lambda: {"a.csv": b"0," * (30 << 20)}, "a line must have at most 131,072 bytes"),
    "CSV with a long header": ("data", lambda: {"a.csv.gz": gzip.compress(b"label," * (30 << 20), 1)}, "must unpack to at most|a line must have at most"),
    "CSV of long numbers": ("data", lambda: {"a.csv": csv_rows()[:1570] + b",".join([b"1" * 160] * 785) + b"\n"}, "must be a number of at most 64 characters"),
    "CSV of line feeds": ("data", lambda: {"a.csv": csv_rows()[:1570] + b"\n" * (30 << 20) + b"x"}, "each row must have 785 values; row 2 has 1"),
    "CSV of quotes": ("data", lambda: {"a.csv": csv_rows()[:1570] + b'"' * (100 << 10) + b"x\n"}, "each row must have 785 values; row 2 has 1"),
    "a name of 20,000 suffixes": ("data", lambda: {"a.zip": zip_file({f"x{'.gz' * 20_000}": b""})}, "names of its members must have at most 500 characters; one has 60,001"),
    "a name of 30,000 folders": ("data", lambda: {"a.zip": zip_file({f"{'a/' * 30_000}{name}.png": b"" for name in "ab"})}, "names of its members must have at most 500 characters; one has 60,005"),
    "IDX bombs in a zip archive": ("data", lambda: {"a.zip": zip_file({f"{name}.gz": blank_images(80_000) for name in IDX_NAMES})}, "it must unpack to at most"),
    "LIBSVM bomb": ("libsvm", lambda: {"usps.bz2": bz2.compress(b"\n" * (33 << 20))}, "it must unpack to at most 33,554,432 bytes"),
    "LIBSVM of a single line": ("libsvm", lambda: {"usps.bz2": bz2.compress(b" " * (70 << 20))}, "a line must have at most 16,384 bytes"),
    "npy of 10^12 images alone": ("data", lambda: {"x_train.npy": npy("(1000000000000, 28, 28)"), "y_train.npy": b""}, "it must unpack to at most 67,108,864 bytes; it has at least 784,000,000,000,000"),
    "npy header bomb": ("data", lambda: {"a.npz": npz(npy(header=" " * (15 << 20)))}, "the header must have at most 10,000 bytes; it has 15,728,640"),
    "npy header of 4 GB": ("data", lambda: {"a.npz": npz(npy(length=2**32 - 1))}, "the header must have at most 10,000 bytes; it has 4,294,967,295"),
    "npy with a deep header": ("data", lambda: {"a.npz": npz(npy(header="(" * 9_999))}, "must have a header"),
    "npy header of minus signs": ("data", lambda: {"a.npz": npz(npy(header="-" * 9_000 + "1"))}, "must have a header"),
    "npy of 10^12 images": ("data", lambda: {"a.npz": npz(npy("(10**12, 28, 28)".replace("10**12", "1" + "0" * 12)))}, "it declares 784,000,000,000,000"),
    "npy of -1 images": ("data", lambda: {"a.npz": npz(npy("(-1, 28, 28)"))}, "negative dimensions"),
    "npy of no images of 2^124 pixels": ("data", lambda: {"a.npz": npz(npy(f"(0, {2**62}, {2**62})"))}, "array is too big"),
    "idx of no images of 2^64 pixels": ("idx", lambda: {"a": idx(shape=(0, 2**32 - 1, 2**32 - 1))}, "array is too big"),
    "idx of 2^32 images": ("idx", lambda: {"a": idx(shape=(2**32 - 1, 28, 28))}, "it has at least 3,367,254,359,280"),
    "HDF5 chunk": ("weights", lambda: {"a.h5": hdf5(huge_chunk)}, "'/layers/evil' is chunked or virtual"),
    "HDF5 dataset of 4 TB": ("weights", lambda: {"a.h5": hdf5(huge_dataset)}, r"'/layers/evil' must take 4,398,046,511,104 bytes"),
    "HDF5 of many groups": ("weights", lambda: {"a.h5": hdf5(many_members)}, "must contain at most 4000 objects"),
    "HDF5 tree": ("weights", lambda: {"a.h5": cyclic_tree()}, "must have at most 60,000 structures"),
    "HDF5 of another version": ("weights", lambda: {"a.h5": hdf5(libver="latest")}, "Load the file with Keras and save it again"),
    "deep manifest": ("manifest", lambda: {"best.json": b"[" * 60_000, "best.safetensors": b""}, "must nest at most 8 levels"),
    "deep recipe in a manifest": ("manifest", lambda: {"best.json": manifest_with(recipe=json.loads('{"a":' * 50 + "1" + "}" * 50)), "best.safetensors": b""}, "must nest at most 8 levels"),
    "manifest of a huge number": ("manifest", lambda: {"best.json": manifest_with(temperature=10**400), "best.safetensors": b""}, "temperature must be finite"),
    "large manifest": ("manifest", lambda: {"best.json": b"[" * DEEP, "best.safetensors": b""}, "must hold at most 65,536 bytes; it holds 100,000"),
    "deep evaluation": ("evaluation", lambda: {"a.json": b"[" * DEEP}, "must nest at most 16 levels; it nests more"),
    "deep evaluation, closed": ("evaluation", lambda: {"a.json": b'{"test":' + b"[" * DEEP + b"]" * DEEP + b"}"}, "must nest at most 16 levels; it nests more"),
    "evaluation of 60 MB of empty lists": ("evaluation", lambda: {"a.json": b'{"test":[' + b"[]," * (20 << 20) + b"0]}"}, "must hold at most 16,777,216 bytes; it holds 62,914,572"),
    "evaluation of empty lists": ("evaluation", lambda: {"a.json": b'{"test":[' + b"[]," * (5 << 20) + b"0]}"}, "must hold at most 1,000,000 values; it holds more"),
    "evaluation of objects": ("evaluation", lambda: {"a.json": b'{"test":{"a":[' + b'{"bc":[]},' * 320_000 + b"0]}}"}, "an evaluation must"),
    "evaluation of words": ("evaluation", lambda: {"a.json": b'{"test":{"a":[' + '"ab\N{GRINNING FACE}",'.encode() * 990_000 + b"0]}}"}, "an evaluation must"),
    "evaluation of quotes": ("evaluation", lambda: {"a.json": b'{"test":{"a":"' + rb'\"' * (8 << 20)}, "must hold at most 16,777,216 bytes"),
    "evaluation of an unterminated string": ("evaluation", lambda: {"a.json": b'{"test":{"a":"' + rb'\"' * (8_000_000)}, "must be JSON; received Unterminated string"),
    "evaluation of a long number": ("evaluation", lambda: {"a.json": b'{"test":{"a":0.' + b"9" * 16_000_000 + b"}}"}, "an evaluation must"),
    "evaluation of 10^300 images": ("evaluation", lambda: {"a.json": evaluation(1e300)}, "must hold integers"),
    "evaluation of 10^30 images": ("evaluation", lambda: {"a.json": evaluation(10**30)}, "must be integers or floats"),
    "evaluation of NaN images": ("evaluation", lambda: {"a.json": evaluation(float("nan"))}, "must hold integers"),
    "history nested 900 levels": ("history", lambda: {"a.json": b'{"history":' + b"[" * 900 + b"]" * 900 + b"}"}, "must nest at most 16 levels; it nests more"),
    "recipe nested 900 levels": ("history", lambda: {"a.json": b'{"a":' * 900 + b"1" + b"}" * 900}, "must nest at most 16 levels; it nests more"),
    "deep history": ("history", lambda: {"a.json": b'{"history":' * DEEP}, "must nest at most 16 levels; it nests more"),
    "safetensors, deep": ("weights", lambda: {"a.safetensors": safetensors(b'{"a":' * 20_000)}, "must be a valid safetensors file"),
    "safetensors, long header": ("weights", lambda: {"a.safetensors": struct.pack("<Q", 2**63) + b"{}"}, "must be a valid safetensors file"),
    "safetensors, huge shape": ("weights", lambda: {"a.safetensors": safetensors({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 0]}})}, "must be a valid safetensors file"),
    "safetensors, offsets": ("weights", lambda: {"a.safetensors": safetensors({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 2**40]}})}, "must be a valid safetensors file"),
    "safetensors without the arrays": ("weights", lambda: {"a.safetensors": safetensors({})}, "missing: conv1.kernel"),
    "large export": ("weights", lambda: {"a.onnx": bytes(17 << 20)}, "must hold at most 16,777,216 bytes; it holds 17,825,792"),
    "group that contains itself": ("weights", lambda: {"a.h5": hdf5(group_in_itself)}, "paths in the file must have at most 2,000 characters; received '/layers/xxxx"),
    "values beyond float32": ("weights", lambda: {"a.h5": hdf5_of_large_values()}, "must contain finite weights; received NaN or infinity"),
    "safetensors of many arrays": ("weights", lambda: {"a.safetensors": safetensors({str(i): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(60_000)})}, "the header must hold at most 100,000 values; it holds more"),
    "safetensors of many dimensions": ("weights", lambda: {"a.safetensors": safetensors({"a": {"dtype": "F32", "shape": [1] * 900_000, "data_offsets": [0, 4]}}) + bytes(4)}, "the header must hold at most 100,000 values; it holds more"),
    "safetensors, header bomb": ("weights", lambda: {"a.safetensors": safetensors(b" " * (15 << 20))}, "the header must take at most 4,194,304 bytes; received 15,728,640"),
    "safetensors, metadata is a list": ("weights", lambda: {"a.safetensors": safetensors_with([])}, "must be a valid safetensors file"),
    "safetensors, header is a list": ("weights", lambda: {"a.safetensors": safetensors(b"[]")}, "the header must hold an object; received another value"),
    "ONNX file of many nodes": ("weights", lambda: {"a.onnx": onnx_of_many(1)}, "must be a valid ONNX file: it must have at most 100,000 fields; it has more"),
    "ONNX network of many arrays": ("network", lambda: {"a.onnx": onnx_of_many(5, b"\x12\0")}, "it must have at most 100,000 fields; it has more"),
    "ONNX file of many integers": ("weights", lambda: {"a.onnx": onnx_of_integers(5_000_000)}, "its lists of integers must take at most 4,194,304 bytes; they take more"),
    "ONNX file, field without an end": ("weights", lambda: {"a.onnx": b"\x3a\x04\x0a\x05ab"}, "the field at byte 4 must end in its message"),
    "ONNX file, integer without an end": ("weights", lambda: {"a.onnx": b"\x08" + b"\xff" * 20}, "the integer before byte 11 must end"),
    "ONNX file, unknown type": ("weights", lambda: {"a.onnx": b"\x0b"}, "the field at byte 1 must have a known type"),
    "ONNX file, cut in a field": ("weights", lambda: {"a.onnx": b"\x3a"}, "it must be complete; it ends in a field"),
    "ONNX network, 100,000 dimensions": ("network", lambda: {"a.onnx": many_dimensions()}, "a tensor of the network must have at most 32 dimensions; 'b0' may have 100000"),
    "ONNX network, doubled dimensions": ("network", lambda: {"a.onnx": doubling("Gather")}, "must have at most 32 dimensions; 'a5' may have 33"),
    "ONNX network, doubled elements": ("network", lambda: {"a.onnx": doubling("Concat")}, "must join tensors of at most 1,048,576 elements that do not depend on the images; it joins more"),
    "ONNX network, unordered": ("network", lambda: {"a.onnx": onnx_with(("Relu", ["b1"], "b0"), ("Relu", ["b0"], "b1"))}, "must follow those that produce their inputs; 'b1' is not known before"),
    "nested ONNX graphs": ("weights", lambda: {"a.onnx": nested_onnx()}, "must be a valid ONNX file|as export_model writes them; received"),
    # the state of a run, and its record under a right digest
    "checkpoint, pickle": ("checkpoint", lambda: {"run.safetensors": pickle.dumps(CreateCanary())}, NOT_A_CHECKPOINT),
    "checkpoint, pickle of an array": ("checkpoint", lambda: {"run.safetensors": pickled()}, NOT_A_CHECKPOINT),
    "checkpoint, pickle as record": ("checkpoint", lambda: checkpoint(pickle.dumps(CreateCanary(), 0).decode()), NOT_A_CHECKPOINT),
    "checkpoint, header of 2^63 bytes": ("checkpoint", lambda: {"run.safetensors": struct.pack("<Q", 2**63) + b"{}"}, "must take at most 4,194,304 bytes; received 9,223,372,036,854,775,808"),
    "checkpoint, header bomb": ("checkpoint", lambda: {"run.safetensors": safetensors(b" " * (60 << 20))}, "must take at most 4,194,304 bytes; received 62,914,560"),
    "checkpoint, long header": ("checkpoint", lambda: invalid_checkpoint(*(EMPTY_TENSOR.replace("a", f"a{i}", 1) for i in range(1_000_000))), "must take at most 4,194,304 bytes"),
    "checkpoint of many arrays": ("checkpoint", lambda: invalid_checkpoint(*(tensor(f"a{i}", 0, 0, shape=[0]) for i in range(60_000))), NOT_A_CHECKPOINT + "the header must hold at most 100,000 values; it holds more"),
    "large checkpoint": ("checkpoint", lambda: {"run.safetensors": bytes((64 << 20) + 1)}, "must hold at most 67,108,864 bytes; it holds 67,108,865"),
    "checkpoint, deep header": ("checkpoint", lambda: {"run.safetensors": safetensors(b'{"a":' * DEEP)}, NOT_A_CHECKPOINT),
    "checkpoint, deep record": ("checkpoint", lambda: checkpoint("[" * DEEP + "]" * DEEP), NOT_A_CHECKPOINT + "its record must nest at most 100 levels; it nests more"),
    "checkpoint, record nested 900 levels": ("checkpoint", lambda: checkpoint(record_with(callbacks=json.loads("[" * 900 + "]" * 900))), "its record must nest at most 100 levels"),
    "checkpoint, record of lists": ("checkpoint", lambda: checkpoint("[" + "[]," * 1_300_000 + "0]"), NOT_A_CHECKPOINT + "its record must hold at most 1,000,000 values; it holds more"),
    "checkpoint, huge shape": ("checkpoint", lambda: invalid_checkpoint(tensor("a", 0, 16, shape=(2**40, 2**40)), body=bytes(16)), NOT_A_CHECKPOINT),
    "checkpoint, no values of 2^124": ("checkpoint", lambda: invalid_checkpoint(tensor("a", 0, 0, shape=(0, 2**62, 2**62))), NOT_A_CHECKPOINT),
    "checkpoint, negative shape": ("checkpoint", lambda: invalid_checkpoint(tensor("a", 0, 16, shape=(-4,)), body=bytes(16)), NOT_A_CHECKPOINT),
    "checkpoint, offset beyond the end": ("checkpoint", lambda: invalid_checkpoint(tensor("a", 2**40, 2**40 + 16), body=bytes(16)), NOT_A_CHECKPOINT),
    "checkpoint, offsets overlap": ("checkpoint", lambda: invalid_checkpoint(tensor("a", 0, 16), tensor("b", 8, 24), body=bytes(24)), NOT_A_CHECKPOINT),
    "checkpoint, offsets backwards": ("checkpoint", lambda: invalid_checkpoint(tensor("a", 16, 0), body=bytes(16)), NOT_A_CHECKPOINT),
    "checkpoint, negative offset": ("checkpoint", lambda: invalid_checkpoint(tensor("a", -16, 0), body=bytes(16)), NOT_A_CHECKPOINT),
    "checkpoint, duplicate name": ("checkpoint", lambda: invalid_checkpoint(tensor("a", 0, 16), tensor("a", 16, 32), body=bytes(32)), NOT_A_CHECKPOINT),
    "checkpoint, duplicate record": ("checkpoint", lambda: invalid_checkpoint('"__metadata__":{"mnistcnn-run":"{}"}'), NOT_A_CHECKPOINT),
    "checkpoint, record is a list": ("checkpoint", lambda: checkpoint("[]"), NOT_A_CHECKPOINT + "its record is not an object"),
    "checkpoint, NaN seconds": ("checkpoint", lambda: checkpoint(record_with({"elapsed_seconds": float("nan")})), "elapsed_seconds must be finite"),
    "checkpoint, infinite epoch": ("checkpoint", lambda: checkpoint(record_with(epoch=float("inf"))), "epoch must be an integer; received inf"),
    "checkpoint, epoch of 10^300": ("checkpoint", lambda: checkpoint(record_with(epoch=1e300)), "epoch must be an integer"),
    "checkpoint, negative step": ("checkpoint", lambda: checkpoint(record_with(step=-7)), "step must be at least 0; received -7"),
    "checkpoint, seconds of 10^400": ("checkpoint", lambda: checkpoint(record_with({"elapsed_seconds": 10**400})), "must be a checkpoint of this package"),
    "checkpoint, number of 10^5 digits": ("checkpoint", lambda: checkpoint(f'{{"elapsed_seconds": {"9" * DEEP}}}'), NOT_A_CHECKPOINT),
    "checkpoint, epoch is a long string": ("checkpoint", lambda: checkpoint(record_with(epoch="9" * DEEP)), "epoch must be an integer; received '99999"),
    "checkpoint, no stages": ("checkpoint", lambda: checkpoint(record_with({"training_states": {}})), "must be a checkpoint of this package"),
    "checkpoint, stages of another kind": ("checkpoint", lambda: checkpoint(record_with({"training_states": [[1, 2]]})), "must be a checkpoint of this package"),
    # pictures
    "PNG of 2^62 pixels": ("image", lambda: {"a.png": png(2**31 - 1, 2**31 - 1, b"")}, "must hold at most 50 megapixels"),
    "PNG of 49 megapixels, cut": ("image", lambda: {"a.png": png(7000, 7000, zlib.compress(bytes(9)))}, "must be an undamaged image"),
    "PNG without pixels": ("image", lambda: {"a.png": png(0, 7, b"")}, "must be a|at least one pixel"),
    "PNG text bomb": ("image", lambda: {"a.png": png(8, 8, b"", (b"zTXt", b"a\0\0" + compressed_zeros()))}, "must be an undamaged image"),
    "PNG profile bomb": ("image", lambda: {"a.png": png(8, 8, b"", (b"iCCP", b"a\0\0" + compressed_zeros()))}, "must be an undamaged image"),
    "TIFF strip beyond the end": ("image", lambda: {"a.tif": tiff(offsets=2**32 - 1)}, "must be an undamaged image|must be an image"),
    "TIFF of huge strips": ("image", lambda: {"a.tif": tiff(counts=2**32 - 1, rows=2**32 - 1)}, None),
    "TIFF of 2^60 pixels": ("image", lambda: {"a.tif": tiff(width=2**30, height=2**30)}, "must hold at most 50 megapixels"),
    "GIF of 2^32 pixels": ("image", lambda: {"a.gif": b"GIF89a" + b"\xff" * 4 + image_file("GIF")[10:]}, "must hold at most 50 megapixels"),
    "BMP of 2^62 pixels": ("image", lambda: {"a.bmp": image_file("BMP")[:18] + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + image_file("BMP")[26:]}, "must hold at most 50 megapixels"),
    "WEBP cut": ("image", lambda: {"a.webp": image_file("WEBP")[:-9]}, "must be a"),
    "JPEG cut": ("image", lambda: {"a.jpg": image_file("JPEG")[:-40]}, "must be an undamaged image"),
    "PostScript": ("image", lambda: {"a.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(canary) (w) file\n%%EOF\n"}, "must be an image in one of these formats"),
}  # fmt: skip
# These files are read, since only the arrays are used and the malicious parts are ignored.
ACCEPTED = {
    "Lambda layer": ("weights", lambda: archived("a.keras", LAMBDA)),
    "custom class": ("weights", lambda: archived("a.keras", CUSTOM)),
    "member ../ too": ("weights", lambda: {"a.keras": keras(model_2_weights_2_h5=hdf5(), _2__2__1_canary=b"x")}),
    "deep config": ("weights", lambda: {"a.keras": keras(model_2_weights_2_h5=hdf5(), config_2_json=b"[" * DEEP)}),
    "pickle beside": ("weights", lambda: {"a.keras": keras(model_2_weights_2_h5=hdf5(), data_2_pkl=pickle.dumps(CreateCanary()))}),
    "safetensors without metadata": ("weights", lambda: {"a.safetensors": safetensors_with(None)}),
    "HDF5 heap": ("weights", lambda: {"a.h5": cyclic_heap()}),
    "checkpoint, names that are paths": ("checkpoint", lambda: checkpoint(**{"../../canary": WEIGHTS[0], "/tmp/canary": WEIGHTS[1]})),
    "checkpoint, stage that is a path": ("checkpoint", lambda: checkpoint(record_with({"training_states": {"../canary": POSITION}}))),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Read all files in one process with limited memory and an empty working directory."""
    top = tmp_path_factory.mktemp("malicious")
    tasks = {}
    for number, (name, (reader, make, *_)) in enumerate({**REJECTED, **ACCEPTED}.items()):
        files = make()
        folder = top / "files" / str(number)
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        reads_folder = reader in ("manifest", "checkpoint") or len(files) == 4
        tasks[name] = reader, str(folder if reads_folder else folder / next(iter(files)))
    (top / "tasks.json").write_text(json.dumps(list(tasks.values())))
    before = snapshot(top / "files")
    (top / "cwd").mkdir()
    result = subprocess.run(
        [sys.executable, HERE.parent / "helpers" / "limits.py", top / "tasks.json"],
        cwd=top / "cwd", capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return {
        "results": dict(zip(tasks, json.loads(result.stdout), strict=True)),
        "created": [path.name for path in (top / "cwd").iterdir()],
        "changed": snapshot(top / "files") != before,
    }


def snapshot(folder):
    """Return the digest of each file below a folder by its path."""
    return {
        path: hashlib.sha256(path.read_bytes()).digest() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_within_a_second_and_200_mb(name, outcomes):
    error, message, processor, elapsed = outcomes["results"][name]
    expected = REJECTED[name][2]
    if expected is None:
        assert error in (None, "CorruptFileError"), message
    else:
        other = "ValueError" if REJECTED[name][0] in {"image", "network"} else "CorruptFileError"
        assert error in {"CorruptFileError", other}, (error, message)
        assert re.search(expected, message), message
        assert len(message) < 1500
    assert processor < 1, processor
    assert elapsed < 10, elapsed


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_within_a_second_and_200_mb(name, outcomes):
    error, message, processor, _ = outcomes["results"][name]
    assert error is None, message
    assert processor < 1, processor


def test_no_file_is_created_or_changed(outcomes):
    assert outcomes["created"] == ["imported"]
    assert not outcomes["changed"]


def test_unpickling_would_create_the_canary(tmp_path):
    """Otherwise, its absence would show nothing."""
    pickle.loads(pickle.dumps(CreateCanary())).close()
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", [name for name in ACCEPTED if ACCEPTED[name][0] == "weights"])
def test_accepted_files_have_the_exact_weights(name, tmp_path):
    for file, content in ACCEPTED[name][1]().items():
        (tmp_path / file).write_bytes(content)
        assert all(map(np.array_equal, read_weights_file(tmp_path / file), WEIGHTS))


def test_the_hdf5_library_hangs_on_a_cyclic_heap(tmp_path):
    """If this fails, there is one reason less for an HDF5 reader in the package."""
    (tmp_path / "a.h5").write_bytes(cyclic_heap())
    code = (
        "import h5py, resource, time; seconds = int(time.process_time()) + 1;"
        "resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds));"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
        "print([list(h5py.File('a.h5')['layers'])])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode != 0


@pytest.mark.parametrize(
    "kind", ["link out of the folder", "link to itself", "/dev/zero", "pipe", "folder"]
)
def test_a_checkpoint_must_be_a_file_in_its_folder(kind, tmp_path):
    target, folder = tmp_path / "target", tmp_path / "checkpoints"
    content = checkpoint()["run.safetensors"]
    target.write_bytes(content)
    folder.mkdir()
    path = folder / "run.safetensors"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        targets = {"link out of the folder": target, "link to itself": path}
        path.symlink_to(targets.get(kind, kind))
    received = {"pipe": "FIFO", "folder": "directory"}.get(kind, "link")
    for read in (file_format.describe_position, file_format.elapsed_seconds):
        with pytest.raises(
            CorruptFileError, match=f"must be a regular file; received a {received}$"
        ):
            read(folder)
    assert target.read_bytes() == content


def test_a_checkpoint_is_not_read_through_a_dangling_link(tmp_path):
    (tmp_path / "run.safetensors").symlink_to(tmp_path / "canary")
    with pytest.raises(CorruptFileError, match="must be a regular file; received a link$"):
        file_format.read_checkpoint(tmp_path / "run.safetensors", limit=1 << 20)


def test_a_checkpoint_that_is_too_large_to_read_is_not_written(tmp_path):
    path = tmp_path / "run.safetensors"
    file_format.write_checkpoint(path, record_with(), {})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="must take at most 4,194,304 bytes; received 5,"):
        file_format.write_checkpoint(path, record_with({"logs": "a" * 5_000_000}), {})
    assert path.read_bytes() == before
