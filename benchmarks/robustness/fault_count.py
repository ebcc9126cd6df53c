"""Run the tests of hostile files, networks and disks, and write down how many faults were tried.

    python -m benchmarks.robustness.fault_count

A test that passes is a fault that came to nothing: the right data or the right error, in time, and
nothing half written or left behind. Results go to benchmarks/results/fault_count.json.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

from mnistcnn.utils.atomic_write import write_text

ROOT = Path(__file__).parents[2]
FILE = ROOT / "benchmarks" / "results" / "fault_count.json"
KINDS = {
    "files made to do harm": "tests/test_hostile_files.py",
    "networks": "tests/test_hostile_network.py",
    "disks, places and names": "tests/test_hostile_disk.py",
}


def counts(tests: str) -> dict[str, int]:
    """Run a file of tests and return how many there were and how they ended."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", tests]
        subprocess.run([sys.executable, *command], cwd=ROOT, check=False)
        (suite,) = ET.parse(report).getroot().iter("testsuite")  # noqa: S314  # pytest's own
    tried = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    return {
        "tried": tried["tests"] - tried["skipped"],
        "lost": tried["failures"] + tried["errors"],
        "skipped": tried["skipped"],
    }


def main() -> int:
    """Run them all and write the file."""
    kinds = {name: counts(tests) for name, tests in KINDS.items()}
    report = {
        "command": "python -m benchmarks.robustness.fault_count",
        "machine": platform.machine(),
        "kinds": kinds,
    }
    write_text(FILE, json.dumps(report, indent=1) + "\n")
    return int(any(one["lost"] for one in kinds.values()))


if __name__ == "__main__":
    raise SystemExit(main())
