"""Mutated files of every format are read or rejected as documented, with no other effect."""

import random
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.robustness import fuzz, fuzz_corpus
from benchmarks.robustness.fuzz_target import FuzzTarget, as_file, run_target
from benchmarks.robustness.mutators import mutate
from mnistcnn import CorruptFileError

# For each target; 2,000 in total. `make fuzz` reads as many as its time allows.
CASES = 60
NAMES = [
    "npz", "npy in npz", "IDX", "gzip", "IDX in gzip", "CSV", "npy", "folder of images", "IDX in zip", "LIBSVM", ".keras", ".h5", ".weights.h5",
    "HDF5 in .keras", "class names in .keras", ".onnx", ".onnx of another network", ".safetensors", "pretrained .safetensors", "manifest", "checkpoint", "checkpoint record",
    "evaluation", "history", "fields of a form", "pattern", "recipe", "--config", "run of a sweep",
    "record in a report", "TF_CONFIG", "request", "data URL", "PNG", "PNG with valid checksums", "JPEG", "MPO", "GIF", "TIFF",
    "BMP", "WEBP", "PPM",
]  # fmt: skip
# Of a document each case starts a process; a photo takes tenths of a second.
DOCUMENTS, FORM, SLOW_CASES = ["PDF", "HEIC"], "photo of a form", 4
PACKAGES = {"PDF": "pypdfium2", "HEIC": "pillow_heif", "request": "fastapi"}


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    fuzz_corpus.write_model_files(models)
    return {target.name: target for target in fuzz_corpus.fuzz_targets(models)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "read"


@pytest.fixture(scope="module")
def get_target(targets):
    """A function, since Hypothesis prints the arguments of a test."""

    def get_target(name):
        return targets[name]

    return get_target


def test_every_target_is_tested(targets):
    for package in PACKAGES.values():
        pytest.importorskip(package)
    assert {*NAMES, *DOCUMENTS, FORM} == set(targets)
    assert len(targets) * CASES >= 2_000


def test_valid_files_are_read(targets, folder):
    for target in targets.values():
        for content in target.seeds:
            assert run_target(target, content, folder) == "read", target.name


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=CASES)
@given(seed=st.integers(0, 2**64 - 1))
def test_mutated_file_is_read_or_rejected(get_target, folder, name, seed):
    check_mutated_file(get_target, folder, name, seed)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", [*DOCUMENTS, pytest.param(FORM, marks=pytest.mark.slow)])
@settings(max_examples=SLOW_CASES)
@given(seed=st.integers(0, 2**64 - 1))
def test_mutated_file_of_a_slow_target_is_read_or_rejected(get_target, folder, name, seed):
    check_mutated_file(get_target, folder, name, seed)


def check_mutated_file(get_target, folder, name, seed):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    target = get_target(name)
    rng = random.Random(seed)
    content = mutate(rng.choice(target.seeds), rng)
    assert run_target(target, content, folder) in {"read", "rejected"}


# The fuzzer itself


def test_a_name_of_no_target_is_rejected(targets):
    names = ", ".join(targets)
    with pytest.raises(SystemExit, match="--only must be in the name of a target, npz, ") as caught:
        fuzz.select_targets(list(targets.values()), "tiff")
    assert str(caught.value).endswith(f"{names}; received 'tiff'")
    selected = fuzz.select_targets(list(targets.values()), "PNG")
    assert [target.name for target in selected] == ["PNG", "PNG with valid checksums"]


def test_mutations_reach_every_class_of_lengths():
    original = bytes(range(256)) * 4
    mutated = [mutate(original, random.Random(seed)) for seed in range(3000)]
    lengths = {len(content) for content in mutated}
    assert {0, 1, 2, 3, 63, 64, 65, 511, 512, 513, 1008, 1022, 1023, 1024} <= lengths
    assert max(lengths) > 1500
    assert sum(content != original for content in mutated) > 2900
    assert mutate(original, random.Random(5)) == mutate(original, random.Random(5))


def write_file(path):
    (path.parent / "canary").write_text("written")


def warn(path):
    warnings.warn("a warning", stacklevel=1)


def fail(path):
    raise KeyError("an undocumented error")


@pytest.mark.parametrize(
    ("read", "error"), [(write_file, AssertionError), (warn, UserWarning), (fail, KeyError)]
)
def test_new_files_warnings_and_other_errors_are_detected(folder, read, error):
    target = FuzzTarget(
        name="a", format="a", seeds=(b"",), write=as_file("a"), read=read,
        expected_errors=(CorruptFileError,),
    )  # fmt: skip
    with pytest.raises(error):
        run_target(target, b"", folder)
