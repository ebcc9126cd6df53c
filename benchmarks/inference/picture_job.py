"""Throughput of the job that reads many pictures, by the number of workers on a local Ray cluster.

    python -m benchmarks.inference.picture_job [--workers 0 1 2] [--pictures 200] [--rounds 3]

Runs ``examples/read_many_pictures.py`` on pages of five digits: in one process without Ray (0
workers), then with Ray actors of one thread each. The rate is the slope between a few and all
pictures, so the time to start is no part of it, and is given separately. The numbers of workers
take turns. Results go to benchmarks/results/picture_job.json.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import mnistcnn
from benchmarks.harness import (
    ROOT,
    argument_parser,
    package_versions,
    parse_args,
    summarize,
    write_results,
)
from mnistcnn.utils.environment import cpu_count

_PROGRAM = ROOT / "examples" / "read_many_pictures.py"
_DIGITS_PER_PAGE, _PART_SIZE = 5, 5
_FEW = 2 * _PART_SIZE  # pictures of the run that shows how long a start takes


def write_pages(folder: Path, count: int) -> None:
    """Write pages of five digits."""
    folder.mkdir()
    _, (images, _) = mnistcnn.load_data("digits")
    order = np.random.default_rng(0).integers(len(images), size=(count, _DIGITS_PER_PAGE))
    for number, indices in enumerate(order):
        page = np.hstack([np.pad(255 - images[index], 8, constant_values=255) for index in indices])
        Image.fromarray(page).save(folder / f"{number:06}.png")


def run_job(folder: Path, source: Path, workers: int, count: int) -> float:
    """Read all pictures in a folder; return the seconds."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        code = _PROGRAM.read_text(encoding="utf-8")
        constants = {
            "SOURCE": str(source),
            "OUTPUT": f"{name}/readings",
            "WORKERS": workers,
            "PART_SIZE": _PART_SIZE,
        }
        for constant, value in constants.items():
            pattern = rf"^{constant} = .*$"
            code = re.sub(pattern, f"{constant} = {value!r}", code, flags=re.MULTILINE)
        program = Path(name, "job.py")
        program.write_text(code, encoding="utf-8")
        started = time.perf_counter()
        result = subprocess.run(
            [sys.executable, program], cwd=name, check=False, capture_output=True, text=True
        )
        seconds = time.perf_counter() - started
    if not result.stdout.startswith(f"{count:,} pictures read"):
        raise RuntimeError(
            f"the job must read {count:,} pictures; it printed {result.stdout!r}, {result.stderr!r}"
        )
    return seconds


def measure(workers: Sequence[int], count: int, rounds: int) -> dict[str, Any]:
    """Let the numbers of workers take turns; return their rates."""
    seconds: dict[int, list[tuple[float, float]]] = {number: [] for number in workers}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few, many = folder / "few", folder / "many"
        write_pages(few, _FEW)
        write_pages(many, count)
        for _ in range(rounds):
            for number in workers:
                pair = run_job(folder, few, number, _FEW), run_job(folder, many, number, count)
                seconds[number].append(pair)
    return {
        str(number): {
            "pictures_per_second": summarize(
                [(count - _FEW) / max(many - few, 1e-3) for few, many in pairs]
            ),
            "start_seconds": summarize([few for few, _ in pairs]),
        }
        for number, pairs in seconds.items()
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    parser = argument_parser(__doc__ or "", "picture_job.json")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parse_args(parser, argv)
    workers, count, rounds = options.workers, options.pictures, options.rounds
    if options.smoke:
        workers, count, rounds = [0], 3 * _PART_SIZE, 1
    report = {
        "versions": package_versions("ray", "pyarrow", "onnxruntime"),
        "cores": cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "pictures": count,
        "rounds": rounds,
        "workers": measure(workers, count, rounds),
    }
    print(report)
    write_results(options.output, report)


if __name__ == "__main__":
    main()
