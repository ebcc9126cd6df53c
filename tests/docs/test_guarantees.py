"""The limits in SECURITY.md and on the page of guarantees are those of the code."""

import pathlib
import re

import pytest

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


ROWS = [
    (
        "`.keras`, `.h5`",
        (
            f"{mib(KERAS.num_bytes)}, for archives also after decompression; {KERAS.num_objects:,} "
            f"objects, {keras_file._MAX_PATH_CHARS:,} characters a path; more for a larger model that "
            "you pass"
        ),
    ),
    (
        "`.safetensors`, `.onnx`",
        f"{mib(arrays.MAX_BYTES)}; the network takes 140 KB, for 1,000 classes 6.5 MB",
    ),
    (
        "header of a `.safetensors` file",
        f"{mib(arrays._MAX_HEADER_BYTES)}, {arrays._MAX_HEADER_VALUES:,} values",
    ),
    (
        "structures of an `.onnx` file",
        (
            f"{protobuf_fields.MAX_FIELDS:,} fields; {mib(protobuf_fields.MAX_INTEGER_BYTES)} for "
            "lists of integers"
        ),
    ),
    (
        "`.onnx` of another network",
        (
            f"{mib(onnx_network.MAX_NETWORK_BYTES)}; {onnx_network._MAX_NODES:,} operators; "
            f"{onnx_ranks._MAX_RANK} dimensions and, where the shape is known, "
            f"{onnx_network._MAX_ELEMENTS // 1_000_000} million elements per tensor"
        ),
    ),
    (
        "dataset",
        (
            f"{mib(limits._MIN_BYTES)} after decompression, or {limits._MAX_EXPANSION} times the size "
            f"of the files without their holes; {streams._MAX_GZIP_MEMBERS:,} gzip members; "
            f"{kib(csv_table.MAX_LINE_BYTES)} a line of text; {file_sets.MAX_FILES:,} files of a "
            f"folder, {mib(image_folder._MAX_FILE_BYTES)} each if they are pictures, in "
            f"{image_folder._MAX_CLASSES} classes"
        ),
    ),
    (
        "list of the members of an archive",
        (
            f"{kib(safe_read._MAX_DIRECTORY_BYTES)}, {safe_read._MAX_MEMBER_NAME_CHARS} characters a "
            "name"
        ),
    ),
    ("stored evaluation", f"{mib(stored_evaluation._MAX_BYTES)}, a million values; "),
    (
        "`--fields` of `mnistcnn read`",
        f"{mb(fields._MAX_BYTES)}, {fields._MAX_FIELDS:,} fields",
    ),
    (
        "`--config` of `mnistcnn train` and `mnistcnn sweep`",
        kib(recipe_options._MAX_BYTES),
    ),
    ("run of a sweep", f"{mib(sweep._MAX_BYTES)}, a million values"),
    (
        "checkpoint",
        (
            f"{mib(file_format.BASE_BYTES)} plus {manager._MAX_SIZE_FACTOR} times the size of the "
            f"model; names, shapes and record {mib(file_format._MAX_HEADER_BYTES)}; the record "
            f"{file_format._MAX_DEPTH} levels"
        ),
    ),
    (
        "picture",
        (
            f"{mb(content.MAX_FILE_BYTES)}, {image_io.MAX_PIXELS // 1_000_000} megapixels, "
            f"{image_io.MAX_SIDE:,} pixels a side"
        ),
    ),
    (
        "memory for the file, the decoded picture and the decoder",
        f"{mb(image_io._MAX_DECODING_BYTES)}, which WebP pictures reach at 20 megapixels",
    ),
    (
        "JPEG",
        (
            f"{jpeg._MAX_SEGMENTS:,} segments; "
            f"{jpeg._MAX_SCANNED_PIXELS // 1_000_000_000} gigapixel in all scans, such as "
            f"{jpeg._MAX_SCANNED_PIXELS // image_io.MAX_PIXELS} scans of 50 megapixels"
        ),
    ),
    ("GIF, PNG, WebP", f"{encoded_image.MAX_BLOCKS:,} blocks"),
    (
        "TIFF",
        (
            f"{tiff._MAX_STRIPS:,} strips or tiles, one for each part of the picture, of known length, "
            f"not overlapping; {tiff._MAX_SCANS} JPEG scans in each; "
        ),
    ),
    (
        "PPM",
        (
            f"binary, with a header of {ppm._MAX_HEADER_BYTES:,} bytes and values up to "
            f"{ppm._MAX_UINT8}, or {ppm._MAX_UINT16:,} in PGM files"
        ),
    ),
    (
        "memory of the process beyond the libraries, on Linux",
        f"{decoder_process.MAX_DECODER_BYTES // 1_000_000_000} GB",
    ),
    (
        "processor time for opening a file, and for each page; not on Windows",
        f"{decoder_process.MAX_DECODER_SECONDS} s",
    ),
    ("elapsed time for the same", f"{decoder_process._MAX_ELAPSED_SECONDS} s"),
    ("pixels of a rendered page", f"{image_io.WORKING_PIXELS // 1_000_000} megapixels"),
    ("pages", f"{tiff.MAX_PAGES:,}"),
    ("HEIC image", f"{image_io.MAX_PIXELS // 1_000_000} megapixels, {image_io.MAX_SIDE:,} pixels"),
]
SENTENCES = [
    f"A TIFF file has at most {tiff.MAX_PAGES:,} pages;",
    f"and with at most {text.MAX_CHARS} characters.",
    (
        f"Connecting to an address takes at most {http_client.CONNECT_TIMEOUT} seconds, and all "
        f"redirects up to the end of the header at most {http_client.RESPONSE_TIMEOUT}; a pause of "
        f"{http_client.STALL_TIMEOUT} seconds or, after {http_client.STALL_TIMEOUT} seconds, an "
        f"average below {http_client.MIN_THROUGHPUT:,} bytes per second ends a download."
    ),
    (
        f"at most {kib(http_client._MAX_HEADER_BYTES)} up to the end of the header, and in all "
        f"{mib(download._MAX_FILE_BYTES)}, or the size of the largest file"
    ),
    f"`num_threads` and `processes` must be at most {environment._MAX_PARALLEL} or the number of",
]


def test_the_page_has_no_other_limits():
    page = (ROOT / "docs/explanation/guarantees.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| [^|]*\d[^|]* \|$", page, re.MULTILINE)
    assert rows == [name for name, _ in ROWS]


@pytest.mark.parametrize(("name", "limit"), ROWS)
def test_limits_in_tables(name, limit):
    assert f"| {name} | {limit}" in PAGE


@pytest.mark.parametrize("sentence", SENTENCES)
def test_limits_in_sentences(sentence):
    assert sentence in PAGE


def test_a_million_values():
    """The default of the limit, which a stored evaluation and a run of a sweep have."""
    assert safe_read._MAX_JSON_VALUES == 1_000_000


def test_limits_in_the_security_policy():
    assert f"the time limit, {decoder_process.MAX_DECODER_SECONDS} seconds of processor" in SECURITY
    assert f"and shorten it to {text.MAX_CHARS} characters" in SECURITY
    assert f"may have {image_io.MAX_PIXELS // 1_000_000} megapixels" in SECURITY
