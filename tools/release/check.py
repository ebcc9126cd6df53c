"""Build both distributions into dist/ and check them as a new user would receive them.

    make release-check

1. All files name the same version.
2. The sdist and the wheel of each distribution are built, the wheels from the sdists, and pass
   ``twine check --strict`` and ``check-wheel-contents``.
3. mnistcnn-slim is installed from its wheel into an empty environment and reads a picture.
4. mnistcnn is installed from its sdist into an empty environment, in the unpacked sdist, and the
   tests of the sdist run there. ``--tests`` selects them; ``--slim-only`` leaves this out.
5. ``dist/*.cdx.json`` lists what each environment holds, as a CycloneDX software bill of materials.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from tools.release.versions import ROOT, check_repository, check_versions

DIST = ROOT / "dist"
DISTRIBUTIONS = {"mnistcnn": ROOT, "mnistcnn-slim": ROOT / "slim"}
MAX_SLIM_BYTES = 400_000_000  # installed, with all requirements
# In an environment with the requirements of the tests only, a few minutes.
TESTS = "tests/test_public_api.py tests/data tests/evaluation tests/ocr tests/weights tests/cli"
_PICTURE = """
from PIL import Image, ImageDraw
image = Image.new("L", (200, 100), 255)
ImageDraw.Draw(image).line([(100, 20), (100, 80)], fill=0, width=7)
image.save("one.png")
"""

# Without pip, which is in each new environment.
_SIZE = """
from importlib.metadata import distributions
files = [
    each.locate_file(file) for each in distributions() if each.name not in ("pip", "setuptools")
    for file in each.files
]
print(sum(path.stat().st_size for path in files if path.is_file()))
"""


def run(*command: object, cwd: Path = ROOT, code: int = 0, show: bool = False) -> str:
    """Run a command without this clone on its path, and return or show what it prints."""
    print("$", *command, flush=True)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=variables, text=True, check=False,
        stdout=None if show else subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output = result.stdout or ""
    if result.returncode != code:
        print(output)
        raise SystemExit(f"the exit code must be {code}; received {result.returncode}")
    return output


def build() -> None:
    """Build an sdist and, from it, a wheel of each distribution."""
    shutil.rmtree(DIST, ignore_errors=True)
    for source in DISTRIBUTIONS.values():
        run(sys.executable, "-m", "build", "--outdir", DIST, source)
    archives = sorted(DIST.iterdir())
    run(sys.executable, "-m", "twine", "check", "--strict", *archives)
    run(sys.executable, "-m", "check_wheel_contents", *DIST.glob("*.whl"))


def new_environment(folder: Path) -> tuple[Path, Path]:
    """Create an empty environment; return its Python and the command ``mnistcnn``."""
    venv.create(folder, with_pip=True, symlinks=os.name == "posix")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
    return python, scripts / "mnistcnn"


def write_bill_of_materials(python: Path, name: str) -> None:
    """Write what an environment holds as CycloneDX."""
    output = DIST / f"{name}.cdx.json"
    run(sys.executable, "-m", "cyclonedx_py", "environment", "--output-file", output, python)


def print_archive_sizes() -> None:
    """Print the size of each archive."""
    for path in sorted(DIST.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


def installed_bytes(python: Path, name: str) -> int:
    """Print and return the size of all files that an environment holds."""
    # Isolated, since this clone has metadata too.
    size = int(run(python, "-I", "-c", _SIZE))
    print(f"{name} installed: {size / 1e6:,.0f} MB")
    return size


def check_slim(folder: Path) -> None:
    """Install the wheel of mnistcnn-slim and use it."""
    (wheel,) = DIST.glob("mnistcnn_slim-*.whl")
    python, command = new_environment(folder / "slim")
    run(python, "-m", "pip", "install", "--quiet", wheel)
    run(python, "-m", "pip", "check")
    size = installed_bytes(python, "mnistcnn-slim")
    if size > MAX_SLIM_BYTES:
        raise SystemExit(
            f"mnistcnn-slim must take at most {MAX_SLIM_BYTES:,} bytes; takes {size:,}"
        )
    run(python, "-c", _PICTURE, cwd=folder)
    expect("1\n", run(command, "read", "one.png", cwd=folder))
    expect("mnistcnn-slim", run(command, "info", cwd=folder))
    missing = "mnistcnn: train needs Keras and TensorFlow: pip install mnistcnn\n"
    expect(missing, run(command, "train", cwd=folder, code=1))
    write_bill_of_materials(python, "mnistcnn-slim")


def expect(part: str, output: str) -> None:
    """Exit if the output of a command lacks a part."""
    if part not in output:
        raise SystemExit(f"the output must contain {part!r}; received {output!r}")


def check_sdist(folder: Path, tests: str) -> None:
    """Install mnistcnn from its sdist alone, use it, and run the tests of the sdist."""
    (archive,) = DIST.glob("mnistcnn-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    source = folder / archive.name.removesuffix(".tar.gz")
    python, command = new_environment(folder / "full")
    run(python, "-m", "pip", "install", "--quiet", ".", cwd=source)
    run(python, "-m", "pip", "check")
    installed_bytes(python, "mnistcnn")
    write_bill_of_materials(python, "mnistcnn")
    run(command, "train", "--data", "digits", "--epochs", 1, "--output", "run", cwd=folder)
    run(command, "evaluate", "run/bestmodel.keras", "--data", "digits", cwd=folder)
    if tests:
        run(python, "-m", "pip", "install", "--quiet", "--group", "test", cwd=source)
        run(python, "-m", "pytest", "--numprocesses", 2, *tests.split(), cwd=source, show=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Build and check."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tests", default=TESTS, help="which tests to run; '' for none")
    parser.add_argument("--slim-only", action="store_true", help="install mnistcnn-slim only")
    options = parser.parse_args(argv)
    if not check_repository():
        print("The metadata has no addresses: repository in [tool.mnistcnn] is empty")
    version = check_versions()
    build()
    print_archive_sizes()
    with tempfile.TemporaryDirectory() as name:
        check_slim(Path(name))
        if not options.slim_only:
            check_sdist(Path(name), options.tests)
    print(f"Release {version} is in dist/:", *sorted(path.name for path in DIST.iterdir()))


if __name__ == "__main__":
    main()
