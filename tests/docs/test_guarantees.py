"""The limits in SECURITY.md and on the page of guarantees are those of the code."""

import pathlib
import re

from mnistcnn.cli import fields, recipe_options, stored_evaluation
from mnistcnn.data import download, http_client
from mnistcnn.data.formats import csv_table, file_sets, image_folder, limits, streams
from mnistcnn.images import content, decoder_process, image_io
from mnistcnn.images.image_formats import encoded_image, jpeg, ppm, tiff
from mnistcnn.sweeps import sweep
from mnistcnn.training.checkpoint import file_format, manager
from mnistcnn.utils import environment, safe_read, text
from mnistcnn.weights import (
    arrays,
    keras_file,
    onnx_network,
    onnx_ranks,
    protobuf_fields,
)

ROOT = pathlib.Path(__file__).parents[2]
SECURITY, PAGE = (
    " ".join((ROOT / name).read_text().split())
    for name in ("SECURITY.md", "docs/explanation/guarantees.md")
)
KERAS = keras_file.ReadLimits()


def mib(num_bytes):
    return f"{num_bytes >> 20:,} MiB"


def kib(num_bytes):
    return f"{num_bytes >> 10:,} KiB"


def mb(num_bytes):
    return f"{num_bytes // 1_000_000:,} MB"


MEGAPIXELS = f"{image_io.MAX_PIXELS // 1_000_000} megapixels"
SIDE = f"{image_io.MAX_SIDE:,} pixels per side"
# By the first cell of a row: what the second one must state.
ROWS = {
    "`.keras`, `.h5`": [
        mib(KERAS.num_bytes),
        f"{KERAS.num_objects:,} objects",
        f"{keras_file._MAX_PATH_CHARS:,} characters",
    ],
    "`.safetensors`, `.onnx`": [mib(arrays.MAX_BYTES)],
    "header of a `.safetensors` file": [
        mib(arrays._MAX_HEADER_BYTES),
        f"{arrays._MAX_HEADER_VALUES:,} values",
    ],
    "structures of an `.onnx` file": [
        f"{protobuf_fields.MAX_FIELDS:,} fields",
        f"{mib(protobuf_fields.MAX_INTEGER_BYTES)} for lists of integers",
    ],
    "`.onnx` of another network": [
        mib(onnx_network.MAX_NETWORK_BYTES),
        f"{onnx_network._MAX_NODES:,} operators",
        f"{onnx_ranks._MAX_RANK} dimensions",
        f"{onnx_network._MAX_ELEMENTS // 1_000_000} million elements per tensor",
    ],
    "dataset": [
        f"{mib(limits._MIN_BYTES)} after decompression",
        f"{limits._MAX_EXPANSION} times the size",
        f"{streams._MAX_GZIP_MEMBERS:,} gzip members",
        f"{kib(csv_table.MAX_LINE_BYTES)} per line",
        f"{file_sets.MAX_FILES:,} files",
        f"{mib(image_folder._MAX_FILE_BYTES)} each",
        f"{image_folder._MAX_CLASSES} classes",
    ],
    "list of the members of an archive": [
        kib(safe_read._MAX_DIRECTORY_BYTES),
        f"{safe_read._MAX_MEMBER_NAME_CHARS} characters per name",
    ],
    "saved evaluation": [mib(stored_evaluation._MAX_BYTES), "a million values"],
    "`--fields` of `mnistcnn read`": [mb(fields._MAX_BYTES), f"{fields._MAX_FIELDS:,} fields"],
    "`--config` of `mnistcnn train` and `mnistcnn sweep`": [kib(recipe_options._MAX_BYTES)],
    "run of a sweep": [mib(sweep._MAX_BYTES), "a million values"],
    "checkpoint": [
        f"{mib(file_format.BASE_BYTES)} plus {manager._MAX_SIZE_FACTOR} times the size",
        f"{mib(file_format._MAX_HEADER_BYTES)} for names, shapes and record",
        f"{file_format._MAX_DEPTH} levels",
    ],
    "picture": [mb(content.MAX_FILE_BYTES), MEGAPIXELS, SIDE],
    "memory for the file, the decoded picture and the decoder": [mb(image_io._MAX_DECODING_BYTES)],
    "JPEG": [
        f"{jpeg._MAX_SEGMENTS:,} segments",
        f"{jpeg._MAX_SCANNED_PIXELS // 1_000_000_000} gigapixel",
        f"{jpeg._MAX_SCANNED_PIXELS // image_io.MAX_PIXELS} scans of {MEGAPIXELS}",
    ],
    "GIF, PNG, WebP": [f"{encoded_image.MAX_BLOCKS:,} blocks"],
    "TIFF": [f"{tiff._MAX_STRIPS:,} strips", f"{tiff._MAX_SCANS} JPEG scans"],
    "PPM": [
        f"header of {ppm._MAX_HEADER_BYTES:,} bytes",
        f"up to {ppm._MAX_UINT8}",
        f"{ppm._MAX_UINT16:,} in PGM files",
    ],
    "memory of the process beyond the libraries, on Linux": [
        f"{decoder_process.MAX_DECODER_BYTES // 1_000_000_000} GB"
    ],
    "processor time for opening a file, and for each page; not on Windows": [
        f"{decoder_process.MAX_DECODER_SECONDS} s"
    ],
    "elapsed time for the same": [f"{decoder_process._MAX_ELAPSED_SECONDS} s"],
    "pixels of a rendered page": [f"{image_io.WORKING_PIXELS // 1_000_000} megapixels"],
    "pages": [f"{tiff.MAX_PAGES:,}"],
    "HEIC image": [MEGAPIXELS, SIDE],
}
SENTENCES = [
    f"with control characters escaped and at most {text.MAX_CHARS} characters.",
    f"Connecting to an address may take at most {http_client.CONNECT_TIMEOUT} seconds,",
    f"redirects up to the end of the header at most {http_client.RESPONSE_TIMEOUT}.",
    f"a pause of {http_client.STALL_TIMEOUT} seconds",
    f"below {http_client.MIN_THROUGHPUT:,} bytes per second",
    f"at most {kib(http_client._MAX_HEADER_BYTES)} up to the end of the header",
    f"in total {mib(download._MAX_FILE_BYTES)}",
    f"`num_threads` and `processes` must be at most {environment._MAX_PARALLEL} or the number of",
]


def test_limits_in_tables():
    page = (ROOT / "docs/explanation/guarantees.md").read_text()
    stated = dict(re.findall(r"^\| ([^|]+) \| ([^|]*\d[^|]*) \|$", page, re.MULTILINE))
    assert list(stated) == list(ROWS)
    for name, texts in ROWS.items():
        for limit in texts:
            assert limit in stated[name], name


def test_limits_in_sentences():
    for sentence in SENTENCES:
        assert sentence in PAGE


def test_a_million_values():
    """The default of the limit, which a stored evaluation and a run of a sweep have."""
    assert safe_read._MAX_JSON_VALUES == 1_000_000


def test_limits_in_the_security_policy():
    assert f"the time limit, {decoder_process.MAX_DECODER_SECONDS} seconds of processor" in SECURITY
    assert f"and shorten it to {text.MAX_CHARS} characters" in SECURITY
    assert f"may have {image_io.MAX_PIXELS // 1_000_000} megapixels" in SECURITY
