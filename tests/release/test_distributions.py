"""Both distributions, built and each used in an environment that has its requirements only.

The requirements are links to the libraries of this environment, so that no index is needed.
`make release-check` installs them from the index.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

from mnistcnn import __version__

pytest.importorskip("hatchling")
pytestmark = [
    pytest.mark.release,
    pytest.mark.skipif(sys.platform == "win32", reason="links need rights"),
]
ROOT = Path(__file__).parents[2]
MAX_SIZE = 400e6  # bytes


def build(folder, target, output):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", output],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    (path,) = Path(output).glob("*.whl" if target == "wheel" else "*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The wheel of each distribution, by name."""
    return {
        name: build(folder, "wheel", tmp_path_factory.mktemp("wheel"))
        for name, folder in (("mnistcnn", ROOT), ("mnistcnn-slim", ROOT / "slim"))
    }


def content(wheel):
    """Return the files of the package in a wheel, and the metadata."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    (metadata,) = (value for name, value in files.items() if name.endswith("dist-info/METADATA"))
    package = {name: value for name, value in files.items() if name.startswith("mnistcnn/")}
    return package, message_from_bytes(metadata)


def requirements(metadata):
    found = map(Requirement, metadata.get_all("Requires-Dist"))
    return {each.name: each for each in found if "extra" not in str(each.marker)}


def closure(names):
    """Return the distributions that these need, from the metadata of this environment."""
    found, missing = {}, list(names)
    while missing:
        name = missing.pop()
        if name not in found:
            found[name] = distribution(name)
            for text in found[name].requires or ():
                requirement = Requirement(text)
                if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                    missing.append(requirement.name)
    return found.values()


class Environment:
    """A virtual environment with a wheel and links to what the wheel requires."""

    def __init__(self, folder, wheel):
        venv.create(folder, symlinks=True)
        self.python = folder / "bin/python"
        (self.site,) = folder.glob("lib/python*/site-packages")
        self.size = 0
        for each in closure(requirements(content(wheel)[1])):
            for path in {file.parts[0] for file in each.files if file.parts[0] != ".."}:
                if path != "__pycache__" and not (self.site / path).exists():
                    (self.site / path).symlink_to(each.locate_file(path))
            self.size += sum(
                path.stat().st_size for path in map(each.locate_file, each.files) if path.is_file()
            )
        self.install(wheel)

    def install(self, wheel):
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", self.python, "--quiet",
             "--disable-pip-version-check", "install", "--no-index", "--no-deps", wheel],
            check=True,
        )  # fmt: skip

    def run(self, *arguments, code=0):
        """Run the command, or Python with ``-c``; return what it prints."""
        program = [self.python] if arguments[0] == "-c" else [self.python.with_name("mnistcnn")]
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        result = subprocess.run(
            [*program, *map(str, arguments)], env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == code, result.stderr
        return result.stderr if code else result.stdout


@pytest.fixture(scope="module")
def slim(wheels, tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("slim"), wheels["mnistcnn-slim"])


@pytest.fixture(scope="module")
def page(tmp_path_factory, digits):
    """A picture of five digits."""
    row = np.hstack(
        [np.pad(255 - image, 8, constant_values=255) for image in digits.test.images[:5]]
    )
    path = tmp_path_factory.mktemp("page") / "page.png"
    Image.fromarray(row).save(path)
    return path


def test_both_have_the_same_files_version_and_metadata(wheels):
    (full, full_metadata), (slim, slim_metadata) = map(content, wheels.values())
    assert full == slim
    assert not [name for name in full if name.endswith(".pyc")]
    for field in ("Version", "Requires-Python", "Author", "License-Expression"):
        assert full_metadata[field] == slim_metadata[field]
    for field in ("Project-URL", "Classifier"):
        assert full_metadata.get_all(field) == slim_metadata.get_all(field)
    assert full_metadata["Version"] == __version__
    assert slim_metadata["Name"] == "mnistcnn-slim"
    assert (ROOT / "slim/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_requirements_of_slim_are_some_of_those_of_the_complete_distribution(wheels):
    full, slim = (requirements(content(wheel)[1]) for wheel in wheels.values())
    assert slim.items() < full.items()
    assert set(full) - set(slim) == {
        "jinja2",
        "keras",
        "matplotlib",
        "scikit-learn",
        "scipy",
        "tensorflow",
    }
    extras = [content(wheel)[1].get_all("Provides-Extra") for wheel in wheels.values()]
    assert set(extras[1]) < set(extras[0])


def test_the_source_distribution_of_slim_builds_the_same_wheel(wheels, tmp_path):
    archive = build(ROOT / "slim", "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    wheel = build(tmp_path / f"mnistcnn_slim-{__version__}", "wheel", tmp_path / "wheel")
    assert wheel.name == wheels["mnistcnn-slim"].name
    assert wheel.read_bytes() == wheels["mnistcnn-slim"].read_bytes()


def test_the_source_distribution_holds_every_file(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    archive = build(ROOT, "sdist", tmp_path)
    with tarfile.open(archive) as file:
        names = {Path(*Path(name).parts[1:]).as_posix() for name in file.getnames()}
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    # The settings of services and editors are of no use in it.
    absent = set(filter(None, tracked)) - names
    assert absent == {".pre-commit-config.yaml", ".readthedocs.yaml"}
    assert names - set(tracked) == {"PKG-INFO"}


def test_slim_is_small(slim):
    package = sum(
        path.stat().st_size for path in (slim.site / "mnistcnn").rglob("*") if path.is_file()
    )
    assert 300e6 < slim.size + package < MAX_SIZE


def test_slim_reads_what_the_complete_distribution_reads(slim, page, recognizer):
    report = json.loads(slim.run("read", page, "--json"))
    expected = recognizer.read(Image.open(page))
    assert report["images"][0]["text"] == expected.text
    assert len(expected.digits) == 5


def test_slim_evaluates_and_reports_its_versions(slim, digits, tmp_path):
    path = tmp_path / "digits.npz"
    (x_train, y_train), (x_test, y_test) = digits
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    report = json.loads(slim.run("evaluate", "best", "--data", path, "--json"))
    assert report["test"]["accuracy"] > 0.9
    info = slim.run("info")
    assert re.search(r"^tensorflow +not installed$", info, re.MULTILINE)
    assert re.search(r"^installed by +mnistcnn-slim$", info, re.MULTILINE)


def test_slim_names_what_it_lacks(slim, tmp_path):
    sentence = "train needs Keras and TensorFlow: pip install mnistcnn"
    assert slim.run("train", code=1) == f"mnistcnn: {sentence}\n"
    code = "import mnistcnn\ntry: mnistcnn.train\nexcept ModuleNotFoundError as e: print(e)"
    assert slim.run("-c", code) == f"{sentence}\n"
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(b"%PDF-1.7\n")
    assert slim.run("read", pdf, code=1).endswith("pip install 'mnistcnn-slim[pdf]'\n")


def test_the_complete_distribution_trains(wheels, tmp_path):
    full = Environment(tmp_path / "full", wheels["mnistcnn"])
    code = (
        "import mnistcnn; (x, y), _ = mnistcnn.load_data('digits');"
        "model = mnistcnn.build_model(seed=0);"
        "mnistcnn.train(model, *mnistcnn.preprocess(x[:64], y[:64]), epochs=1, verbose=0);"
        "print(mnistcnn.__file__)"
    )
    output = subprocess.run(
        [full.python, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    ).stdout  # fmt: skip
    assert Path(output.strip()).is_relative_to(full.site)


def test_both_of_one_version_work_together_and_two_versions_are_refused(wheels, slim, page):
    text = slim.run("read", page)
    # Both wheels install the same files, so the order does not matter.
    slim.install(wheels["mnistcnn"])
    assert slim.run("read", page) == text
    metadata = slim.site / f"mnistcnn-{__version__}.dist-info"
    shutil.move(metadata, slim.site / "mnistcnn-9.9.dist-info")
    try:
        error = slim.run("--version", code=1)
    finally:
        shutil.move(slim.site / "mnistcnn-9.9.dist-info", metadata)
    assert f"received mnistcnn 9.9 and mnistcnn-slim {__version__}, which share" in error
