"""Read mutated files of every format for a given time, and count the outcomes.

    python -m benchmarks.robustness.fuzz --minutes 10

Each target of `fuzz_corpus` runs in its own process for its share of the time. A case is read
(the mutation had no effect, or changed a value), rejected (with an error that the documentation
names), or a failure: another error, a crash, no end, or more CPU time than the target's limit, by
default 5 seconds. The file
of a failure is saved in benchmarks/out/fuzz, and the exit code is 1. Results go to
benchmarks/results/fuzz.json: cases and outcomes by format, the longest time of a case, and the
growth of memory beyond that for valid files. The same --seed gives the same files.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import (
    OUT,
    ROOT,
    argument_parser,
    package_versions,
    parse_args,
    write_results,
)
from benchmarks.robustness.fuzz_corpus import fuzz_targets, write_model_files
from benchmarks.robustness.fuzz_target import MAX_CPU_SECONDS, FuzzTarget, run_target
from benchmarks.robustness.mutators import mutate

FAILING_FILES = OUT / "fuzz"
MAX_CLOCK_SECONDS = 60
RAM_DISK = Path("/dev/shm")  # noqa: S108
FAILURES = ("other errors", "too slow", "crashed or hung")
PACKAGES = ("numpy", "safetensors", "onnx", "pillow", "pypdfium2", "pillow-heif")
SMOKE_TARGETS = ("npz", "recipe")


def peak_mib() -> float:
    """Return the peak memory of this process in MiB."""
    import resource  # not on Windows, where tests import this file

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def cpu_seconds() -> float:
    """Return the processor time of this process and of its processes that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def run_worker(target: FuzzTarget, seconds: float, seed: int, folder: Path) -> None:
    """Read mutated files for that long; print the counts as JSON after every hundred."""
    run_folder, case = folder / "read", folder / "case"
    for content in target.seeds:
        run_target(target, content, run_folder)  # imports, and the memory for valid files
    begin, base = time.monotonic(), peak_mib()
    counts = {"cases": 0, "read": 0, "rejected": 0, "other errors": 0, "too slow": 0}
    longest, messages = 0.0, {}
    while time.monotonic() - begin < seconds:
        rng = random.Random(f"{target.name} {seed} {counts['cases']}")  # noqa: S311
        content = mutate(rng.choice(target.seeds), rng)
        case.write_bytes(content)
        faulthandler.dump_traceback_later(MAX_CLOCK_SECONDS, exit=True)
        started = cpu_seconds()
        try:
            outcome = run_target(target, content, run_folder)
        except BaseException as error:  # panics of other languages too  # noqa: BLE001
            outcome = "other errors"
            messages[f"{type(error).__name__}: {error}"[:200]] = counts["cases"]
            save_case(case, target.name, seed, counts["cases"])
        duration = cpu_seconds() - started
        faulthandler.cancel_dump_traceback_later()
        if duration > target.max_cpu_seconds:
            outcome = "too slow"
            save_case(case, target.name, seed, counts["cases"])
        longest = max(longest, duration)
        counts["cases"] += 1
        counts[outcome] += 1
        if counts["cases"] % 100 == 0:
            print_counts(counts, longest, base, messages)
    print_counts(counts, longest, base, messages)


def print_counts(
    counts: dict[str, int], longest: float, base: float, messages: dict[str, int]
) -> None:
    """Print the counts so far on one line."""
    metrics = {"longest_seconds": round(longest, 3), "memory_mib": round(peak_mib() - base, 1)}
    print(json.dumps({**counts, **metrics, "messages": messages}), flush=True)


def save_case(case: Path, name: str, seed: int, number: int) -> None:
    """Save the file of a failure."""
    FAILING_FILES.mkdir(parents=True, exist_ok=True)
    shutil.copy(case, FAILING_FILES / f"{name.replace(' ', '-')}-{seed}-{number}")


def fuzz_one_target(name: str, seconds: float, seed: int, models: Path) -> dict[str, Any]:
    """Run workers for one target, a new one after each crash; return the sums."""
    total: dict[str, Any] = {"cases": 0, "read": 0, "rejected": 0, **dict.fromkeys(FAILURES, 0)}
    total |= {"longest_seconds": 0.0, "memory_mib": 0.0, "messages": {}}
    begin = time.monotonic()
    while (left := seconds - (time.monotonic() - begin)) > 0:
        with tempfile.TemporaryDirectory(dir=RAM_DISK if RAM_DISK.is_dir() else None) as folder:
            command = [sys.executable, "-m", "benchmarks.robustness.fuzz", "--worker", name]
            command += ["--models", str(models), "--seconds", str(left), "--seed", str(seed)]
            command += ["--folder", folder]
            result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
            lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
            counts = json.loads(lines[-1]) if lines else {}
            for key in ("cases", "read", "rejected", *FAILURES[:2]):
                total[key] += counts.get(key, 0)
            for key in ("longest_seconds", "memory_mib"):
                total[key] = max(total[key], counts.get(key, 0.0))
            total["messages"] |= counts.get("messages", {})
            if result.returncode == 0:
                break
            total["cases"] += 1
            total["crashed or hung"] += 1
            total["messages"][result.stderr.strip()[-500:]] = counts.get("cases", 0)
            case = Path(folder, "case")
            if not case.exists():
                raise RuntimeError(f"the worker for {name} failed: {result.stderr}")
            save_case(case, name, seed, counts.get("cases", 0))
            seed += 1_000
    return total


def select_targets(targets: list[FuzzTarget], only: str) -> list[FuzzTarget]:
    """Return the targets with a text in their name; end the program if there are none."""
    selected = [target for target in targets if only in target.name]
    if not selected:
        names = ", ".join(target.name for target in targets)
        raise SystemExit(f"--only must be in the name of a target, {names}; received {only!r}")
    return selected


def sum_by_format(
    results: dict[str, dict[str, Any]], targets: list[FuzzTarget]
) -> dict[str, dict[str, Any]]:
    """Return the counts by format."""
    formats: dict[str, dict[str, Any]] = {}
    for target in targets:
        row = formats.setdefault(target.format, {})
        for name, value in results[target.name].items():
            if name == "messages":
                continue
            both = (row.get(name, 0), value)
            row[name] = max(both) if isinstance(value, float) else sum(both)
    return formats


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line, or that of a worker."""
    parser = argument_parser(__doc__, "fuzz.json")
    parser.add_argument("--minutes", type=float, default=10.0, help="in total (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--only", default="", help="targets with this in their name; saves nothing")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--models", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parse_args(parser, argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Divide the time among the targets, run them and save the results."""
    options = parse_options(argv)
    if options.worker:
        (target,) = (t for t in fuzz_targets(options.models) if t.name == options.worker)
        run_worker(target, options.seconds, options.seed, options.folder)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        # In its own process: this imports Keras, which no reader needs.
        code = f"import pathlib; from {write_model_files.__module__} import write_model_files;"
        code += f"write_model_files(pathlib.Path({str(models)!r}))"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        targets = select_targets(fuzz_targets(models), options.only)
        if options.smoke:
            targets = [target for target in targets if target.name in SMOKE_TARGETS]
        seconds = 0.2 if options.smoke else 60 * options.minutes / len(targets)
        results = {}
        for target in targets:
            results[target.name] = fuzz_one_target(target.name, seconds, options.seed, models)
            print(target.name, results[target.name], flush=True)
    formats = sum_by_format(results, targets)
    command = f"--minutes {options.minutes:g} --seed {options.seed}"
    report = {
        "command": f"python -m benchmarks.robustness.fuzz {command}",
        "machine": platform.machine(),
        "versions": package_versions(*PACKAGES),
        "max_cpu_seconds": MAX_CPU_SECONDS,
        "cases": sum(row["cases"] for row in formats.values()),
        "formats": formats,
    }
    if not options.only:
        write_results(options.output, report)
    return int(any(row[name] for row in formats.values() for name in FAILURES))


if __name__ == "__main__":
    raise SystemExit(main())
