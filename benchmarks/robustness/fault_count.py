"""Run the tests of malicious files, malicious servers and disk faults, and count the faults.

    python -m benchmarks.robustness.fault_count

A passed test is a fault without damage: correct data or the documented error, in time, with
nothing partly written or left behind. Results go to benchmarks/results/fault_count.json.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from benchmarks.harness import ROOT, argument_parser, parse_args, write_results

KINDS = {
    "malicious files": "tests/security/test_malicious_files.py",
    "malicious servers": "tests/security/test_malicious_servers.py",
    "disk faults": "tests/security/test_disk_faults.py",
}
# The slow tests count too.
MARKERS = "not mnist and not browser and not ray and not workers"


def count_tests(tests: str) -> dict[str, int]:
    """Run a file of tests and return how many there were and how many failed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", MARKERS]
        subprocess.run([*command, f"--junitxml={report}", tests], cwd=ROOT, check=False)
        (suite,) = ET.parse(report).getroot().iter("testsuite")  # pytest's own  # noqa: S314
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    return {
        "tried": counts["tests"] - counts["skipped"],
        "failed": counts["failures"] + counts["errors"],
        "skipped": counts["skipped"],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tests and save the counts."""
    options = parse_args(argument_parser(__doc__, "fault_count.json"), argv)
    tests = {"smoke": "tests/benchmarks/test_protocol.py"} if options.smoke else KINDS
    kinds = {name: count_tests(path) for name, path in tests.items()}
    report = {
        "command": "python -m benchmarks.robustness.fault_count",
        "machine": platform.machine(),
        "kinds": kinds,
    }
    write_results(options.output, report)
    return int(any(row["failed"] for row in kinds.values()))


if __name__ == "__main__":
    raise SystemExit(main())
