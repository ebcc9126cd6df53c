"""Hostile files: each refused within a processor's second and 200 MB, and no canary sings."""

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
from mnistcnn.data.formats import IDX_NAMES, NPZ_NAMES, encode_idx
from mnistcnn.training.checkpoint import file_format
from mnistcnn.weights.manifest import checksum
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import FOLDER, load_pretrained_weights
from mnistcnn.weights.weights_file import read_weights_file

pytestmark = pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").is_file(), reason="memory is limited as Linux does it"
)
HERE = pathlib.Path(__file__).parent
SHIPPED = load_pretrained_weights("best").weights(calibrated=False)
DEEP = 100_000
MEMBER = "model.weights.h5"


class Singing:
    """Unpickled, it makes a file."""

    def __reduce__(self):
        return open, ("canary", "w")


def hdf5(change=None, **options):
    """A file of the shipped weights, as Keras would write them, after `change`."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        for i, array in enumerate(SHIPPED):
            file[f"layers/layer{i // 2}/vars/{i % 2}"] = array
        if change is not None:
            change(file)
    return buffer.getvalue()


def keras(*, method=zipfile.ZIP_STORED, **members):
    """A .keras archive; a name in which / and . are written _1_ and _2_."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_1_", "/").replace("_2_", "."), content)
    return buffer.getvalue()


def npz(member=None, method=zipfile.ZIP_DEFLATED, **members):
    """An .npz whose four members are all the same content, with others beside it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in NPZ_NAMES:
            archive.writestr(f"{name}.npy", member)
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(shape="(2, 28, 28)", values=b"", *, descr="'|u1'", header=None, length=None):
    text = header or f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"
    count = len(text) if length is None else length
    return b"\x93NUMPY\x02\0" + struct.pack("<I", count) + text.encode() + values


def lying(content, true, told):
    """An archive that tells another size of what it holds."""
    old, new = (struct.pack("<I", size) for size in (true, told))
    assert content.count(old) >= 2
    return content.replace(old, new)


def pickled():
    buffer = io.BytesIO()
    np.save(buffer, np.array([Singing()], dtype=object), allow_pickle=True)
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


def stored_elsewhere(file):
    file.create_dataset("layers/evil", (32,), "f4", external=[("/etc/passwd", 0, 128)])


def huge_chunk(file):
    big = file.create_dataset(
        "layers/evil", (1600, 10), "f4", maxshape=(None, None), chunks=(1 << 20, 200),
        compression="gzip",
    )  # fmt: skip
    big[0, 0] = 1


def virtual(file):
    layout = h5py.VirtualLayout((32,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "a", (32,))
    file.create_virtual_dataset("layers/evil", layout)


def huge_claim(file):
    file.create_dataset("layers/evil", (2**40,), "f4")


def many_members(file):
    for i in range(2_000):
        file.create_group(f"layers/g{i}")


def endless_heap():
    """A heap whose list of free blocks leads back to its beginning: HDF5's library never ends."""
    content = bytearray(hdf5())
    at = -1
    while (at := content.find(b"HEAP", at + 1)) > 0:
        size, free, start = struct.unpack_from("<QQQ", content, at + 8)
        if free + 16 <= size:
            struct.pack_into("<Q", content, start + free, free)
    return bytes(content)


def endless_tree():
    """A tree that has itself as a branch."""
    content = bytearray(hdf5())
    at = content.find(b"TREE")
    struct.pack_into("<Q", content, at + 32, at)
    return bytes(content)


def safetensors(header):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header


RUN = {"format": 1, "identity": {"data": "7 images"}, "seed": 5, "seconds": 1.5}
PLACE = {"finished": False, "stopped": False, "epoch": 3, "step": 7, "logs": {"loss": 0.5}}


def run(record=None, **arrays):
    """The file of a run under a right digest: a record, or the text of one, and arrays."""
    text = record if isinstance(record, str) else json.dumps(record or state())
    return {"run.safetensors": file_format.serialize(text, arrays)}


def state(record=(), **place):
    """The record of a run, whole but for what is changed in it or in where it is."""
    return {**RUN, "stages": {"network": {**PLACE, **place}}, **dict(record)}


def unsealed(*entries, body=b""):
    """The file of a run whose arrays are told as they are, and no digest is right."""
    record = json.dumps({"mnistcnn-run": json.dumps(state()), "sha256": "0" * 64})
    header = f'{{"__metadata__":{record},{",".join(entries)}}}'.encode()
    return {"run.safetensors": struct.pack("<Q", len(header)) + header + body}


def tensor(name, *offsets, shape=(4,)):
    entry = {"dtype": "F32", "shape": list(shape), "data_offsets": list(offsets)}
    return f"{json.dumps(name)}:{json.dumps(entry)}"


def external_onnx():
    model = onnx.load_from_string(to_onnx(SHIPPED))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    return model.SerializeToString()


def nested_onnx():
    """Graphs in graphs in graphs."""
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


def sealed(**changed):
    fields = json.loads((FOLDER / "best.json").read_text())
    fields.pop("manifest_sha256")
    fields |= changed
    return json.dumps({**fields, "manifest_sha256": checksum(fields)}).encode()


def png(width, height, pixels, *more):
    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = [chunk(kind, content) for kind, content in more]
    end = chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(body) + end


def picture(kind, **options):
    buffer = io.BytesIO()
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(**tags):
    """A TIFF of eight by eight pixels with some entries of its directory changed."""
    names = {"width": 256, "height": 257, "offsets": 273, "rows": 278, "counts": 279}
    content = bytearray(picture("TIFF"))
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


def four(**contents):
    """The four IDX files of a folder, some replaced."""
    arrays = [np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)] * 2
    whole = dict(zip(IDX_NAMES, map(encode_idx, arrays), strict=True))
    short = dict(zip(("x_train", "y_train", "x_test", "y_test"), IDX_NAMES, strict=True))
    for name, content in contents.items():
        del whole[short[name]]
        whole[f"{short[name]}.gz"] = content
    return whole


def blank(count):
    """Gzip of that many blank images: a thousand times smaller than they are."""
    return gzip.compress(idx(shape=(count, 28, 28), values=bytes(count * 784)))


MANY = {f"x{i}": "" for i in range(3_000)}
WHOLE_RUN = "run.safetensors must be the whole state of a run: "
# What it is: how it is read, the files, the one to read, and what is said of it.
CANARIES = {
    # code
    "pickle in npz": ("data", lambda: {"a.npz": npz(pickled())}, "an .npy member must have a header|its arrays must be integers; one is of dtype object"),
    "pickle as npz": ("data", lambda: {"a.npz": pickle.dumps(Singing())}, "File is not a zip file"),
    "pickle as keras": ("weights", lambda: {"a.keras": pickle.dumps(Singing())}, "File is not a zip file"),
    "pickle as h5": ("weights", lambda: {"a.h5": pickle.dumps(Singing())}, "must start with the HDF5 signature"),
    "pickle as safetensors": ("weights", lambda: {"a.safetensors": pickle.dumps(Singing())}, "must be a valid safetensors file"),
    "code in an npy header": ("data", lambda: {"a.npz": npz(npy(header="open('canary', 'w')"))}, "must have a header"),
    # paths
    "external link": ("weights", lambda: {"a.h5": linked(h5py.ExternalLink("/etc/passwd", "x"))}, "must not contain links; received 'evil'"),
    "soft link": ("weights", lambda: {"a.h5": linked(h5py.SoftLink("/layers"))}, "must not contain links; received 'evil'"),
    "external storage": ("weights", lambda: {"a.h5": hdf5(stored_elsewhere)}, "'/evil' is external"),
    "virtual dataset": ("weights", lambda: {"a.h5": hdf5(virtual)}, "'/evil' is chunked or virtual"),
    "member ../ alone": ("weights", lambda: {"a.keras": keras(_2__2__1_model_2_weights_2_h5=hdf5())}, "no item named 'model.weights.h5'"),
    "npz of ../": ("data", lambda: {"a.npz": npz(b"", **{"../canary": b"x"})}, "must have a header"),
    "external data": ("weights", lambda: {"a.onnx": external_onnx()}, "conv1.kernel is external"),
    "manifest with a path": ("manifest", lambda: {"best.json": sealed(file="../../canary"), "best.safetensors": b""}, r"file must be 'best.safetensors'; received '../../canary'"),
    # bombs
    "zip bomb": ("data", lambda: {"a.npz": npz(bytes(70 << 20))}, "must unpack to at most 67,108,864 bytes"),
    "zip bomb that lies": ("data", lambda: {"a.npz": lying(npz(npy("(2, 28, 28)", bytes(100 << 20))), len(npy("(2, 28, 28)")) + (100 << 20), 2000)}, "must end after the|Bad CRC-32"),
    "bzip2 bomb": ("data", lambda: {"a.npz": npz(npy(values=bytes(210 << 20)), zipfile.ZIP_BZIP2)}, "must be stored or deflated; its method is 12"),
    "lzma bomb": ("weights", lambda: {"a.keras": keras(method=zipfile.ZIP_LZMA, model_2_weights_2_h5=bytes(9 << 20))}, "must be stored or deflated; its method is 14"),
    "bomb in keras": ("weights", lambda: {"a.keras": keras(method=zipfile.ZIP_DEFLATED, model_2_weights_2_h5=bytes(210 << 20))}, "must unpack to at most 16,777,216 bytes; it declares 220,200,960"),
    "bomb in keras that lies": ("weights", lambda: {"a.keras": lying(keras(method=zipfile.ZIP_DEFLATED, model_2_weights_2_h5=bytes(210 << 20)), 210 << 20, 5000)}, "Bad CRC-32"),
    "long list of members": ("weights", lambda: {"a.keras": keras(**MANY)}, "its list of members must take at most 131,072 bytes; it declares 1"),
    "long list in npz": ("data", lambda: {"a.npz": npz(b"", **MANY)}, "its list of members must take at most 131,072 bytes; it declares 1"),
    "gzip bomb": ("idx", lambda: {"a.gz": gzip.compress(bytes(210 << 20), 1)}, "must begin with 00 00 08"),
    "gzip bomb with a header": ("idx", lambda: {"a.gz": blank(300_000)}, "it must unpack to at most 67,108,864 bytes; it declares 235,200,000"),
    "gzip bomb behind the end": ("idx", lambda: {"a.gz": gzip.compress(idx(values=bytes(210 << 20)), 1)}, r"must end after the \(2,\) values"),
    "four gzip bombs": ("data", lambda: four(x_train=blank(80_000), x_test=blank(80_000)), "it must unpack to at most 4,388,"),
    "npy header bomb": ("data", lambda: {"a.npz": npz(npy(header=" " * (15 << 20)))}, "the header must take at most 10,000 bytes, not 15,728,640"),
    "npy header that claims": ("data", lambda: {"a.npz": npz(npy(length=2**32 - 1))}, "the header must take at most 10,000 bytes, not 4,294,967,295"),
    "npy of a deep header": ("data", lambda: {"a.npz": npz(npy(header="(" * 9_999))}, "must have a header"),
    "npy of signs": ("data", lambda: {"a.npz": npz(npy(header="-" * 9_000 + "1"))}, "must have a header"),
    "npy of 10^12 images": ("data", lambda: {"a.npz": npz(npy("(10**12, 28, 28)".replace("10**12", "1" + "0" * 12)))}, "it declares 784,000,000,000,000"),
    "npy of less than none": ("data", lambda: {"a.npz": npz(npy("(-1, 28, 28)"))}, "negative dimensions"),
    "npy of none, endless": ("data", lambda: {"a.npz": npz(npy(f"(0, {2**62}, {2**62})"))}, "array is too big"),
    "idx of none, endless": ("idx", lambda: {"a": idx(shape=(0, 2**32 - 1, 2**32 - 1))}, "array is too big"),
    "idx of 2^32 images": ("idx", lambda: {"a": idx(shape=(2**32 - 1, 28, 28))}, "it declares 3,367,254,359,280"),
    "HDF5 chunk": ("weights", lambda: {"a.h5": hdf5(huge_chunk)}, "'/evil' is chunked or virtual"),
    "HDF5 claim": ("weights", lambda: {"a.h5": hdf5(huge_claim)}, r"'/evil' must take 4,398,046,511,104 bytes"),
    "HDF5 of many groups": ("weights", lambda: {"a.h5": hdf5(many_members)}, "must contain at most 1000 objects"),
    "HDF5 tree": ("weights", lambda: {"a.h5": endless_tree()}, "must have at most 20,000 structures"),
    "HDF5 of another layout": ("weights", lambda: {"a.h5": hdf5(libver="latest")}, "Load the file with Keras and save it again"),
    "deep manifest": ("manifest", lambda: {"best.json": b"[" * 60_000, "best.safetensors": b""}, "must nest at most 8 levels"),
    "deep recipe in a manifest": ("manifest", lambda: {"best.json": sealed(recipe=json.loads('{"a":' * 50 + "1" + "}" * 50)), "best.safetensors": b""}, "must nest at most 8 levels"),
    "manifest of a huge number": ("manifest", lambda: {"best.json": sealed(temperature=10**400), "best.safetensors": b""}, "temperature must be finite"),
    "large manifest": ("manifest", lambda: {"best.json": b"[" * DEEP, "best.safetensors": b""}, "must hold at most 65,536 bytes; it holds 100,000"),
    "deep evaluation": ("evaluation", lambda: {"a.json": b"[" * DEEP}, "must nest at most 16 levels; it nests more"),
    "deep evaluation, closed": ("evaluation", lambda: {"a.json": b'{"test":' + b"[" * DEEP + b"]" * DEEP + b"}"}, "must nest at most 16 levels; it nests more"),
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
    "safetensors, none of ours": ("weights", lambda: {"a.safetensors": safetensors({})}, "missing: conv1.kernel"),
    "large export": ("weights", lambda: {"a.onnx": bytes(300_000)}, "must hold at most 262,144 bytes; it holds 300,000"),
    "graphs in graphs": ("weights", lambda: {"a.onnx": nested_onnx()}, "must be a valid ONNX file|as export_model writes them; received"),
    # the state of a run, and its record under a right digest
    "run, pickle": ("run", lambda: {"run.safetensors": pickle.dumps(Singing())}, WHOLE_RUN),
    "run, pickle of an array": ("run", lambda: {"run.safetensors": pickled()}, WHOLE_RUN),
    "run, pickle as record": ("run", lambda: run(pickle.dumps(Singing(), 0).decode()), WHOLE_RUN),
    "run, header that claims": ("run", lambda: {"run.safetensors": struct.pack("<Q", 2**63) + b"{}"}, "must take at most 4,194,304 bytes, not 9,223,372,036,854,775,808"),
    "run, header bomb": ("run", lambda: {"run.safetensors": safetensors(b" " * (60 << 20))}, "must take at most 4,194,304 bytes, not 62,914,560"),
    "run, long header": ("run", lambda: unsealed(*(tensor(f"a{i}", 0, 0, shape=[0]) for i in range(1_000_000))), "must take at most 4,194,304 bytes"),
    "run of many arrays": ("run", lambda: unsealed(*(tensor(f"a{i}", 0, 0, shape=[0]) for i in range(60_000))), "its digest is that of another content"),
    "large run": ("run", lambda: {"run.safetensors": bytes((64 << 20) + 1)}, "must hold at most 67,108,864 bytes; it holds 67,108,865"),
    "run, deep header": ("run", lambda: {"run.safetensors": safetensors(b'{"a":' * DEEP)}, WHOLE_RUN),
    "run, deep record": ("run", lambda: run("[" * DEEP + "]" * DEEP), WHOLE_RUN + "its record must nest at most 100 levels; it nests more"),
    "run, record nested 900 levels": ("run", lambda: run(state(callbacks=json.loads("[" * 900 + "]" * 900))), "its record must nest at most 100 levels"),
    "run, record of lists": ("run", lambda: run("[" + "[]," * 1_300_000 + "0]"), WHOLE_RUN + "its record is no object"),
    "run, huge shape": ("run", lambda: unsealed(tensor("a", 0, 16, shape=(2**40, 2**40)), body=bytes(16)), WHOLE_RUN),
    "run, none, endless": ("run", lambda: unsealed(tensor("a", 0, 0, shape=(0, 2**62, 2**62))), WHOLE_RUN),
    "run, negative shape": ("run", lambda: unsealed(tensor("a", 0, 16, shape=(-4,)), body=bytes(16)), WHOLE_RUN),
    "run, offset far away": ("run", lambda: unsealed(tensor("a", 2**40, 2**40 + 16), body=bytes(16)), WHOLE_RUN),
    "run, offsets overlap": ("run", lambda: unsealed(tensor("a", 0, 16), tensor("b", 8, 24), body=bytes(24)), WHOLE_RUN),
    "run, offsets backwards": ("run", lambda: unsealed(tensor("a", 16, 0), body=bytes(16)), WHOLE_RUN),
    "run, negative offset": ("run", lambda: unsealed(tensor("a", -16, 0), body=bytes(16)), WHOLE_RUN),
    "run, one name twice": ("run", lambda: unsealed(tensor("a", 0, 16), tensor("a", 16, 32), body=bytes(32)), WHOLE_RUN),
    "run, two records": ("run", lambda: unsealed('"__metadata__":{"mnistcnn-run":"{}"}'), WHOLE_RUN),
    "run, record is a list": ("run", lambda: run("[]"), WHOLE_RUN + "its record is no object"),
    "run, NaN seconds": ("run", lambda: run(state({"seconds": float("nan")})), "seconds must be finite"),
    "run, infinite epoch": ("run", lambda: run(state(epoch=float("inf"))), "epoch must be an integer; received inf"),
    "run, epoch of 10^300": ("run", lambda: run(state(epoch=1e300)), "epoch must be an integer"),
    "run, negative step": ("run", lambda: run(state(step=-7)), "step must be at least 0; received -7"),
    "run, seconds of 10^400": ("run", lambda: run(state({"seconds": 10**400})), "must be the state of a run"),
    "run, number of 10^5 digits": ("run", lambda: run(f'{{"seconds": {"9" * DEEP}}}'), WHOLE_RUN),
    "run, epoch is a long text": ("run", lambda: run(state(epoch="9" * DEEP)), "epoch must be an integer; received '99999"),
    "run, no stages": ("run", lambda: run(state({"stages": {}})), "must be the state of a run"),
    "run, stages of another kind": ("run", lambda: run(state({"stages": [[1, 2]]})), "must be the state of a run"),
    # pictures
    "PNG of 2^62 pixels": ("picture", lambda: {"a.png": png(2**31 - 1, 2**31 - 1, b"")}, "must hold at most 50 megapixels"),
    "PNG of 49 megapixels, cut": ("picture", lambda: {"a.png": png(7000, 7000, zlib.compress(bytes(9)))}, "must be a whole picture"),
    "PNG of nothing": ("picture", lambda: {"a.png": png(0, 7, b"")}, "must be a|at least one pixel"),
    "PNG text bomb": ("picture", lambda: {"a.png": png(8, 8, b"", (b"zTXt", b"a\0\0" + zlib.compress(bytes(200 << 20))))}, "must be a whole picture"),
    "PNG profile bomb": ("picture", lambda: {"a.png": png(8, 8, b"", (b"iCCP", b"a\0\0" + zlib.compress(bytes(200 << 20))))}, "must be a whole picture"),
    "TIFF strip far away": ("picture", lambda: {"a.tif": tiff(offsets=2**32 - 1)}, "must be a whole picture|must be a picture"),
    "TIFF of huge strips": ("picture", lambda: {"a.tif": tiff(counts=2**32 - 1, rows=2**32 - 1)}, None),
    "TIFF of 2^60 pixels": ("picture", lambda: {"a.tif": tiff(width=2**30, height=2**30)}, "must hold at most 50 megapixels"),
    "GIF of 2^32 pixels": ("picture", lambda: {"a.gif": b"GIF89a" + b"\xff" * 4 + picture("GIF")[10:]}, "must hold at most 50 megapixels"),
    "BMP of 2^62 pixels": ("picture", lambda: {"a.bmp": picture("BMP")[:18] + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + picture("BMP")[26:]}, "must hold at most 50 megapixels"),
    "WEBP cut": ("picture", lambda: {"a.webp": picture("WEBP")[:-9]}, "must be a"),
    "JPEG cut": ("picture", lambda: {"a.jpg": picture("JPEG")[:-40]}, "must be a whole picture"),
    "PostScript": ("picture", lambda: {"a.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(canary) (w) file\n%%EOF\n"}, "must be a picture of a known format"),
}  # fmt: skip
# What may be read, since only numbers are taken: the harm lies where nobody looks.
HARMLESS = {
    "Lambda layer": ("weights", lambda: archived("a.keras", LAMBDA)),
    "custom class": ("weights", lambda: archived("a.keras", CUSTOM)),
    "member ../ too": ("weights", lambda: {"a.keras": keras(model_2_weights_2_h5=hdf5(), _2__2__1_canary=b"x")}),
    "deep config": ("weights", lambda: {"a.keras": keras(model_2_weights_2_h5=hdf5(), config_2_json=b"[" * DEEP)}),
    "pickle beside": ("weights", lambda: {"a.keras": keras(model_2_weights_2_h5=hdf5(), data_2_pkl=pickle.dumps(Singing()))}),
    "HDF5 heap": ("weights", lambda: {"a.h5": endless_heap()}),
    "run, names that are paths": ("run", lambda: run(**{"../../canary": SHIPPED[0], "/tmp/canary": SHIPPED[1]})),
    "run, a stage that is a path": ("run", lambda: run(state({"stages": {"../canary": PLACE}}))),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What comes of each file, all read by one process in a folder of its own."""
    top = tmp_path_factory.mktemp("hostile")
    asked = {}
    for number, (name, (reader, make, *_)) in enumerate({**CANARIES, **HARMLESS}.items()):
        files = make()
        folder = top / "files" / str(number)
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        whole_folder = reader in ("manifest", "run") or len(files) == 4
        asked[name] = reader, str(folder if whole_folder else folder / next(iter(files)))
    (top / "asked.json").write_text(json.dumps(list(asked.values())))
    before = contents(top / "files")
    (top / "cwd").mkdir()
    result = subprocess.run(
        [sys.executable, HERE.parent / "helpers" / "limits.py", top / "asked.json"],
        cwd=top / "cwd", capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    made = [path.name for path in (top / "cwd").iterdir()]
    return {
        "found": dict(zip(asked, json.loads(result.stdout), strict=True)),
        "made": made,
        "changed": contents(top / "files") != before,
    }


def contents(folder):
    """Every path below a folder, with what its file holds."""
    return {
        path: hashlib.sha256(path.read_bytes()).digest() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("name", CANARIES)
def test_it_is_refused_in_a_second_and_200_mb(name, outcomes):
    error, text, seconds, waited = outcomes["found"][name]
    wanted = CANARIES[name][2]
    if wanted is None:
        assert error in (None, "CorruptFileError"), text
    else:
        pictures = CANARIES[name][0] == "picture"
        assert error == "CorruptFileError" or (pictures and error == "ValueError"), (error, text)
        assert re.search(wanted, text), text
        assert len(text) < 1500
    assert seconds < 1, seconds
    assert waited < 10, waited


@pytest.mark.parametrize("name", HARMLESS)
def test_only_numbers_are_taken(name, outcomes):
    assert outcomes["found"][name][0] is None, outcomes["found"][name][1]
    assert outcomes["found"][name][2] < 1


def test_no_canary_sings(outcomes):
    assert outcomes["made"] == ["imported"]
    assert not outcomes["changed"]


def test_a_canary_would_sing(tmp_path):
    """What unpickles it makes the file, so its absence says something."""
    pickle.loads(pickle.dumps(Singing())).close()
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", [name for name in HARMLESS if HARMLESS[name][0] == "weights"])
def test_what_is_harmless_is_read_to_the_bit(name, tmp_path):
    for file, content in HARMLESS[name][1]().items():
        (tmp_path / file).write_bytes(content)
        assert all(map(np.array_equal, read_weights_file(tmp_path / file), SHIPPED))


def test_hdf5s_own_library_does_not_end_with_that_heap(tmp_path):
    """Should it ever: then the reason to read HDF5 ourselves is one smaller."""
    (tmp_path / "a.h5").write_bytes(endless_heap())
    code = (
        "import h5py, resource; resource.setrlimit(resource.RLIMIT_CPU, (3, 3));"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
        "print([list(h5py.File('a.h5')['layers'])])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode != 0


@pytest.mark.parametrize(
    "kind", ["a link out of the folder", "a link to itself", "/dev/zero", "a pipe", "a folder"]
)
def test_a_run_is_read_from_a_file_of_its_own_folder(kind, tmp_path):
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "kept"
    content = run()["run.safetensors"]
    elsewhere.write_bytes(content)
    folder.mkdir()
    path = folder / "run.safetensors"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        to = {"a link out of the folder": elsewhere, "a link to itself": path}
        path.symlink_to(to.get(kind, kind))
    for read in (file_format.describe_position, file_format.elapsed_seconds):
        with pytest.raises(CorruptFileError, match="must be a file of the run's own folder"):
            read(folder)
    assert elsewhere.read_bytes() == content


def test_a_run_is_not_written_through_a_link(tmp_path):
    (tmp_path / "run.safetensors").symlink_to(tmp_path / "canary")
    with pytest.raises(CorruptFileError, match="must be a file of the run's own folder"):
        file_format.read_checkpoint(tmp_path / "run.safetensors", limit=1 << 20)


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    path = tmp_path / "run.safetensors"
    file_format.write_checkpoint(path, state(), {})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="must take at most 4,194,304 bytes, not 5,"):
        file_format.write_checkpoint(path, state({"logs": "a" * 5_000_000}), {})
    assert path.read_bytes() == before
