"""What the benchmarks share: sides that take turns, and where data and figures are."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import mnistcnn
from mnistcnn.data.load import DATA_VARIABLE
from mnistcnn.utils.atomic_write import write_text
from mnistcnn.utils.environment import cpu_count

HERE = Path(__file__).parent
RESULTS = HERE / "results"
_TENSORFLOW = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_CPP_MIN_LOG_LEVEL")


class Peer:
    """One side in a process of its own; `turn` lets it work once."""

    def __init__(
        self, program: str, data: Path, *, images: int, cores: int,
        settings: dict[str, str] | None = None, **more: Any,
    ) -> None:  # fmt: skip
        arguments = {"data": data, "images": images, "cores": cores, **more}
        words = [f"--{name.replace('_', '-')}={value}" for name, value in arguments.items()]
        environment = {k: v for k, v in os.environ.items() if k not in _TENSORFLOW}
        environment |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment |= settings or {}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "baselines" / f"{program}.py"), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def turn(self) -> dict[str, Any]:
        """Let the peer work once and return what it says."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended before its turn")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median and the range."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def report_parts(
    name: str,
    parts: Mapping[str, Callable[[], dict[str, Any]]],
    *,
    only: Collection[str] | None,
    packages: Sequence[str],
    kept: bool,
) -> None:
    """Measure each part, or only some, and show the figures and how loaded the machine was.

    They are kept in the results' ``NAME.json``, where the parts that were not measured stay; so
    those must have been measured with the same versions.
    """
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if only and path.is_file() else {}
    report: dict[str, Any] = {
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
        "cores": cpu_count(),
    }
    if kept and before and before["versions"] != report["versions"]:
        raise SystemExit(
            f"{path} must be of the same versions to replace a part of it; received "
            f"{before['versions']}, and here are {report['versions']}: measure all parts"
        )
    for part in only or parts:
        load = round(os.getloadavg()[0], 2)
        report[part] = {"load_before": load, **parts[part]()}
    print(json.dumps(report, indent=1))
    if kept:
        write_text(path, json.dumps(before | report, indent=1) + "\n")


def find_data() -> Path:
    """Return an .npz file with MNIST; made from what `load_data` finds, where that is not one."""
    named = os.environ.get(DATA_VARIABLE)
    if named and Path(named).is_file():
        return Path(named)
    (x_train, y_train), (x_test, y_test) = mnistcnn.load_data("mnist")
    path = Path(tempfile.mkdtemp()) / "mnist.npz"
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path
