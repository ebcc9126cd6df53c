"""Size of both distributions once installed, and processor time of a fresh process that reads.

    python -m benchmarks.inference.installation

Builds both wheels, installs each with its requirements from the package index into an empty
environment, and reads a picture of five digits there. The size is that of all files that the
installation adds, byte code included, without pip. Processor time depends little on what else runs
on the machine. With ``--smoke``, nothing is installed, and this environment stands for both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import mnistcnn
from benchmarks.harness import ROOT, argument_parser, package_versions, parse_args, summarize
from benchmarks.harness import write_results as write

DISTRIBUTIONS = {"mnistcnn": ROOT, "mnistcnn-slim": ROOT / "slim"}
_IMPORT = "import mnistcnn"
_READ = "import sys, mnistcnn; mnistcnn.Recognizer().read(sys.argv[1])"


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a distribution."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=source, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def files_of(folder: Path) -> dict[str, int]:
    """Return the size of each file in a folder, by its relative path."""
    paths = [Path(root, name) for root, _, names in os.walk(folder) for name in names]
    return {str(path.relative_to(folder)): path.lstat().st_size for path in paths}


def install(source: Path, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Install a distribution into a new environment; return its Python, size and packages."""
    empty, full = folder / "empty", folder / "env"
    venv.create(empty, with_pip=True, symlinks=True)
    python = full / "bin/python"
    if not full.exists():  # otherwise, it was installed by an earlier run
        venv.create(full, with_pip=True, symlinks=True)
        wheel = build_wheel(source, folder)
        subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
    before = files_of(empty)
    sizes = [size for path, size in files_of(full).items() if path not in before]
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    own = ("mnistcnn", "pip=", "setuptools=")
    packages = sorted(line for line in listed if not line.startswith(own))
    return python, {"bytes": sum(sizes), "packages": packages}


def processor_seconds(python: Path, code: str, picture: Path, rounds: int) -> dict[str, float]:
    """Return the processor time of fresh processes after one that fills the file cache."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    seconds = []
    for _ in range(rounds + 1):
        before = os.times()
        subprocess.run([python, "-c", code, picture], check=True, env=variables)
        after = os.times()
        seconds.append(
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )
    return summarize(seconds[1:])


def write_picture(path: Path) -> None:
    """Write a picture of five digits."""
    _, (images, _) = mnistcnn.load_data("digits")
    row = [np.pad(255 - image, 8, constant_values=255) for image in images[:5]]
    Image.fromarray(np.hstack(row)).save(path)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = argument_parser(__doc__ or "", "installation.json")
    parser.add_argument(
        "--environments", type=Path, help="keep the environments here, and use those that exist"
    )
    options = parse_args(parser, argv)
    report: dict[str, Any] = {"versions": package_versions(), "distributions": {}}
    with tempfile.TemporaryDirectory() as name:
        picture = Path(name, "page.png")
        write_picture(picture)
        for distribution, source in DISTRIBUTIONS.items():
            folder = (options.environments or Path(name)) / distribution
            python, row = Path(sys.executable), {"bytes": 0, "packages": []}
            if not options.smoke:
                folder.mkdir(parents=True, exist_ok=True)
                python, row = install(source, folder)
            rounds = 1 if options.smoke else 9
            row["import_seconds"] = processor_seconds(python, _IMPORT, picture, rounds)
            row["first_reading_seconds"] = processor_seconds(python, _READ, picture, rounds)
            report["distributions"][distribution] = row
            write(options.output, report)
            print(distribution, {name: row[name] for name in row if name != "packages"})


if __name__ == "__main__":
    main()
