"""Damaged files of every format: read or refused as documented, and nothing else happens."""

import random
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.robustness import fuzz_corpus
from mnistcnn import CorruptFileError

# Of each kind; together at least 2,000. `make fuzz` reads as many as its time allows.
CASES = 75
NAMES = [
    "npz", "npy in npz", "IDX", "gzip", "IDX in gzip", ".keras", ".h5", ".weights.h5",
    "HDF5 in .keras", ".onnx", ".safetensors", "shipped safetensors", "manifest", "state of a run", "record of a run",
    "evaluation", "history", "recipe", "PNG", "PNG with new checksums", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM", "JPEG2000", "AVIF",
]  # fmt: skip
AS_PILLOW_WAS_BUILT = {"JPEG2000", "AVIF"}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    whole = tmp_path_factory.mktemp("whole")
    fuzz_corpus.write_whole(whole)
    return {kind.name: kind for kind in fuzz_corpus.kinds(whole)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged") / "read"


def test_every_kind_is_tried(kinds):
    assert set(kinds) | AS_PILLOW_WAS_BUILT == set(NAMES)
    assert len(kinds) * CASES >= 2_000


def test_whole_files_are_read(kinds, folder):
    for kind in kinds.values():
        for content in kind.contents:
            assert fuzz_corpus.outcome(kind, content, folder) == "read", kind.name


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=CASES)
@given(draw=st.randoms(use_true_random=False))
def test_damage_is_read_or_refused_as_documented(kinds, folder, name, draw):
    if name not in kinds:
        pytest.skip(f"this Pillow does not write {name}")
    kind = kinds[name]
    content = fuzz_corpus.damaged(draw.choice(kind.contents), draw)
    assert fuzz_corpus.outcome(kind, content, folder) in {"read", "refused"}


# The measure itself


def test_each_length_class_is_cut_to_and_files_grow_too():
    whole = bytes(range(256)) * 4
    found = [fuzz_corpus.damaged(whole, random.Random(seed)) for seed in range(3000)]
    lengths = {len(content) for content in found}
    assert {0, 1, 2, 3, 63, 64, 65, 511, 512, 513, 1008, 1022, 1023, 1024} <= lengths
    assert max(lengths) > 1500
    assert sum(content != whole for content in found) > 2900
    assert fuzz_corpus.damaged(whole, random.Random(5)) == fuzz_corpus.damaged(
        whole, random.Random(5)
    )


def canary(path):
    (path.parent / "canary").write_text("made")


def warn(path):
    warnings.warn("look", stacklevel=1)


def fail(path):
    raise KeyError("surprise")


@pytest.mark.parametrize("read", [canary, warn, fail])
def test_files_that_appear_warnings_and_other_errors_are_found_out(folder, read):
    kind = fuzz_corpus.Kind(
        name="a", format="a", contents=(b"",), put=fuzz_corpus._as("a"), read=read,
        documented=(CorruptFileError,),
    )  # fmt: skip
    with pytest.raises((AssertionError, UserWarning, KeyError)):
        fuzz_corpus.outcome(kind, b"", folder)
