"""What the benchmarks share: baseline processes, summaries of timings, data and results files.

Each benchmark is a module to run from the repository root, such as
``python -m benchmarks.training.throughput``. With ``--smoke`` it runs for seconds on a few of
scikit-learn's digits, to show that it works; its numbers then mean nothing, so they are written
to a temporary folder unless ``--output`` names a file.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import mnistcnn
from mnistcnn.data.named import DATA_VARIABLE
from mnistcnn.utils.atomic_write import write_text
from mnistcnn.utils.environment import cpu_count, set_tf_defaults

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
OUT = ROOT / "benchmarks" / "out"  # trained networks and failing files; not under version control
SMOKE_TRAIN, SMOKE_TEST = 640, 100
# Benchmarks run as fast as the command; a process of `BaselineProcess` has its own settings.
set_tf_defaults(command=True)
_TENSORFLOW = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_CPP_MIN_LOG_LEVEL")


class BaselineProcess:
    """A program of benchmarks/baselines in its own process; `run_turn` lets it measure once.

    Processes that stay alive can take turns, so that all of them meet the same noise of the
    machine and no turn pays for imports. See `benchmarks.baselines.protocol`.
    """

    def __init__(
        self, program: str, data: Path, *, images: int, cores: int,
        environment: dict[str, str] | None = None, **options: Any,
    ) -> None:  # fmt: skip
        options = {"data": data.resolve(), "images": images, "cores": cores, **options}
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        variables = {k: v for k, v in os.environ.items() if k not in _TENSORFLOW}
        variables |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.baselines.{program}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=variables | (environment or {}),
        )

    def run_turn(self) -> dict[str, Any]:
        """Let the process measure once and return what it reports."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended before its turn")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def take_turns(
    processes: Mapping[str, BaselineProcess], *, rounds: int, warm_up: int
) -> dict[str, list[dict[str, Any]]]:
    """Let the processes run in turns, then end them; return the reports after the warm-up."""
    reports: dict[str, list[dict[str, Any]]] = {name: [] for name in processes}
    for turn in range(warm_up + rounds):
        for name, process in processes.items():
            report = process.run_turn()
            if turn >= warm_up:
                reports[name].append(report)
    for process in processes.values():
        process.close()
    return reports


def summarize(values: Sequence[float]) -> dict[str, float]:
    """Return the median and the range."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def package_versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of `packages`."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def argument_parser(description: str, results: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark; parse with `parse_args`."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="a run of seconds on a few digits")
    parser.add_argument(
        "--output", type=Path, help=f"results file (default: benchmarks/results/{results})"
    )
    parser.set_defaults(results=results)
    return parser


def parse_args(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None = None
) -> argparse.Namespace:
    """Parse the command line; ``output`` is then the path of the results file."""
    options = parser.parse_args(argv)
    if options.output is None:
        folder = Path(tempfile.mkdtemp()) if options.smoke else RESULTS
        options.output = folder / options.results
    return options


def write_results(path: Path, report: Mapping[str, Any]) -> None:
    """Write a results file in one step."""
    write_text(path, json.dumps(report, indent=1) + "\n")


def measure_parts(
    path: Path,
    parts: Mapping[str, Callable[[], dict[str, Any]]],
    *,
    only: Collection[str] | None,
    packages: Sequence[str],
    save: bool = True,
) -> None:
    """Measure all parts of a benchmark, or those in `only`, and print and save the results.

    Each part is stored with the load of the machine before it started. Parts that are not
    measured stay in the file as they are, so they must have been measured with the same versions.
    """
    saved = json.loads(path.read_text(encoding="utf-8")) if only and path.is_file() else {}
    report: dict[str, Any] = {"versions": package_versions(*packages), "cores": cpu_count()}
    if save and saved and saved["versions"] != report["versions"]:
        raise SystemExit(
            f"versions must equal those in {path} to replace one part; received "
            f"{report['versions']}, the file has {saved['versions']}: measure all parts"
        )
    for part in only or parts:
        load = round(os.getloadavg()[0], 2)
        report[part] = {"load_before": load, **parts[part]()}
    print(json.dumps(report, indent=1))
    if save:
        write_results(path, saved | report)


def mnist_file(*, smoke: bool = False) -> Path:
    """Return the path of an ``.npz`` file with MNIST, or with a few of scikit-learn's digits.

    The file is the one in MNISTCNN_DATA or a temporary copy of what `load_data` finds.
    """
    path = os.environ.get(DATA_VARIABLE)
    if path and Path(path).is_file() and not smoke:
        return Path(path)
    (x_train, y_train), (x_test, y_test) = mnistcnn.load_data("digits" if smoke else "mnist")
    if smoke:
        x_train, y_train = x_train[:SMOKE_TRAIN], y_train[:SMOKE_TRAIN]
        x_test, y_test = x_test[:SMOKE_TEST], y_test[:SMOKE_TEST]
    path = Path(tempfile.mkdtemp()) / "mnist.npz"
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path
