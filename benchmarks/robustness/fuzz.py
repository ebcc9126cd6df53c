"""Read damaged files of every format for as long as is asked, and write down what came of it.

    python -m benchmarks.robustness.fuzz --minutes 10

Each kind of `benchmarks/robustness/fuzz_corpus.py` gets a process of its own and its share of the time. A case is counted as
read (the damage did not matter, or hit a number), refused (an error that the documentation names),
or as one of what must not be: another error, a crash or no end, or more than 5 seconds of a
processor. For those the file is kept in benchmarks/out/fuzz and the command ends with 1. Results go
to benchmarks/results/fuzz.json: cases and outcomes by format, the longest time of a case, and how
far a process's memory grew over what it took to read whole files. The same --seed gives the same
files.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.robustness import fuzz_corpus
from mnistcnn.utils.atomic_write import write_text

RESULTS = Path(__file__).parents[1] / "results"
KEPT = Path(__file__).parents[1] / "out" / "fuzz"
MAX_SECONDS = 5  # of a processor, since others may be at work too
NO_END = 60  # by the clock
MEMORY = Path("/dev/shm")  # noqa: S108  # where files cost no disk
BAD = ("other errors", "too slow", "crashed or hung")
PACKAGES = ("numpy", "safetensors", "onnx", "pillow")


def peak_mib() -> float:
    """Return the most memory that this process took, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def work(kind: fuzz_corpus.Kind, seconds: float, seed: int, folder: Path) -> None:
    """Read damaged files for that long; print the counts as JSON after each hundred."""
    place, case = folder / "read", folder / "case"
    for content in kind.contents:
        fuzz_corpus.outcome(kind, content, place)  # imports, and what whole files take
    begun, base = time.monotonic(), peak_mib()
    counts = {"cases": 0, "read": 0, "refused": 0, "other errors": 0, "too slow": 0}
    longest, messages = 0.0, {}
    while time.monotonic() - begun < seconds:
        draw = random.Random(f"{kind.name} {seed} {counts['cases']}")  # noqa: S311
        content = fuzz_corpus.damaged(draw.choice(kind.contents), draw)
        case.write_bytes(content)
        faulthandler.dump_traceback_later(NO_END, exit=True)
        started = time.process_time()
        try:
            found = fuzz_corpus.outcome(kind, content, place)
        except BaseException as error:  # noqa: BLE001  # panics of other languages too
            found = "other errors"
            messages[f"{type(error).__name__}: {error}"[:200]] = counts["cases"]
            keep(case, kind, seed, counts["cases"])
        took = time.process_time() - started
        faulthandler.cancel_dump_traceback_later()
        if took > MAX_SECONDS:
            found = "too slow"
            keep(case, kind, seed, counts["cases"])
        longest = max(longest, took)
        counts["cases"] += 1
        counts[found] += 1
        if counts["cases"] % 100 == 0:
            show(counts, longest, base, messages)
    show(counts, longest, base, messages)


def show(counts: dict[str, int], longest: float, base: float, messages: dict[str, int]) -> None:
    """Print what was counted until now, on one line."""
    figures = {"longest_seconds": round(longest, 3), "memory_mib": round(peak_mib() - base, 1)}
    print(json.dumps({**counts, **figures, "messages": messages}), flush=True)


def keep(case: Path, kind: fuzz_corpus.Kind, seed: int, number: int) -> None:
    """Keep the file of a case that must not be."""
    KEPT.mkdir(parents=True, exist_ok=True)
    shutil.copy(case, KEPT / f"{kind.name.replace(' ', '-')}-{seed}-{number}")


def run(kind: fuzz_corpus.Kind, seconds: float, seed: int, whole: Path) -> dict[str, Any]:
    """Run the workers of one kind, another one after each that died; return the sums."""
    total: dict[str, Any] = {"cases": 0, "read": 0, "refused": 0, **dict.fromkeys(BAD, 0)}
    total |= {"longest_seconds": 0.0, "memory_mib": 0.0, "messages": {}}
    begun = time.monotonic()
    while (left := seconds - (time.monotonic() - begun)) > 0:
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
            command = [sys.executable, __file__, "--worker", kind.name, "--whole", str(whole)]
            command += ["--seconds", str(left), "--seed", str(seed), "--folder", folder]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
            found = json.loads(lines[-1]) if lines else {}
            for name in ("cases", "read", "refused", *BAD[:2]):
                total[name] += found.get(name, 0)
            for name in ("longest_seconds", "memory_mib"):
                total[name] = max(total[name], found.get(name, 0.0))
            total["messages"] |= found.get("messages", {})
            if result.returncode == 0:
                break
            total["cases"] += 1
            total["crashed or hung"] += 1
            total["messages"][result.stderr.strip()[-500:]] = found.get("cases", 0)
            keep(Path(folder, "case"), kind, seed, found.get("cases", 0))
            seed += 1_000
    return total


def summed(
    found: dict[str, dict[str, Any]], kinds: list[fuzz_corpus.Kind]
) -> dict[str, dict[str, Any]]:
    """Return the figures by format."""
    formats: dict[str, dict[str, Any]] = {}
    for kind in kinds:
        row = formats.setdefault(kind.format, {})
        for name, value in found[kind.name].items():
            if name == "messages":
                continue
            both = (row.get(name, 0), value)
            row[name] = max(both) if isinstance(value, float) else sum(both)
    return formats


def main() -> int:
    """Divide the time among the kinds, run them, write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="in all (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--only", default="", help="kinds whose name holds this; writes no file")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--whole", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        (kind,) = (one for one in fuzz_corpus.kinds(options.whole) if one.name == options.worker)
        work(kind, options.seconds, options.seed, options.folder)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder)
        # In a process of its own: it imports Keras, which no reader needs.
        code = f"import damage, pathlib; damage.write_whole(pathlib.Path({str(whole)!r}))"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
        kinds = [kind for kind in fuzz_corpus.kinds(whole) if options.only in kind.name]
        found = {}
        for kind in kinds:
            found[kind.name] = run(kind, 60 * options.minutes / len(kinds), options.seed, whole)
            print(kind.name, found[kind.name], flush=True)
    formats = summed(found, kinds)
    report = {
        "command": f"python -m benchmarks.robustness.fuzz --minutes {options.minutes:g} --seed {options.seed}",
        "machine": platform.machine(),
        "versions": {one: version(one) for one in PACKAGES},
        "most_seconds": MAX_SECONDS,
        "cases": sum(row["cases"] for row in formats.values()),
        "formats": formats,
    }
    if not options.only:
        write_text(RESULTS / "fuzz.json", json.dumps(report, indent=1) + "\n")
    return int(any(row[name] for row in formats.values() for name in BAD))


if __name__ == "__main__":
    raise SystemExit(main())
