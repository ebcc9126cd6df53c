"""Size of both distributions once installed, and processor time of a fresh process that reads.

    python -m benchmarks.inference.installation

Builds both wheels, installs each with its requirements from the package index into an empty
environment, and reads a picture of five digits there. The size is that of all files that the
installation adds, byte code included, without pip. Processor time depends little on what else runs
on the machine. With ``--smoke``, nothing is installed, and this environment stands for both.
"""

from __future__ import annotations

import json
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
_SIZES = """
import json
from importlib.metadata import distributions
print(json.dumps({
    f"{each.name} {each.version}": sum(
        path.stat().st_size for path in map(each.locate_file, each.files) if path.is_file()
    )
    for each in distributions() if each.name not in ("pip", "setuptools")
}))
"""
_READ = "import sys, mnistcnn; mnistcnn.Recognizer().read(sys.argv[1])"


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a distribution."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=source, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(source: Path, folder: Path) -> Path:
    """Install a distribution into a new environment, or use an earlier one; return its Python."""
    python = folder / "env/bin/python"
    if not python.exists():
        venv.create(folder / "env", with_pip=True, symlinks=True)
        wheel = build_wheel(source, folder)
        subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
    return python


def measure_size(python: Path) -> dict[str, Any]:
    """Return the size of all installed files, and the packages, except what a new one holds."""
    output = subprocess.run(
        [python, "-I", "-c", _SIZES], check=True, capture_output=True, text=True
    ).stdout
    sizes = json.loads(output)
    return {"bytes": sum(sizes.values()), "packages": sorted(sizes)}


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
            folder.mkdir(parents=True, exist_ok=True)
            python = Path(sys.executable) if options.smoke else install(source, folder)
            row = measure_size(python)
            rounds = 1 if options.smoke else 5
            row["import_seconds"] = processor_seconds(python, _IMPORT, picture, rounds)
            row["first_reading_seconds"] = processor_seconds(python, _READ, picture, rounds)
            report["distributions"][distribution] = row
            write(options.output, report)
            print(distribution, {name: row[name] for name in row if name != "packages"})


if __name__ == "__main__":
    main()
