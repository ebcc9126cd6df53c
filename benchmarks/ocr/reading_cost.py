"""Time and memory of reading pictures, each measured in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import summarize
from mnistcnn.images.image_io import WORKING_PIXELS

# Pictures of at least this size take the longest: a larger one is downscaled.
_LARGE_PIXELS = 10_000_000

_FIRST_READING = """
import sys
from mnistcnn import Recognizer
Recognizer(sys.argv[1]).read(sys.argv[2])
"""

# The high-water mark of the process itself: ru_maxrss includes its parent's memory at the fork.
_ALL_READINGS = """
import json, sys, time
from PIL import Image
from mnistcnn import Recognizer
recognizer = Recognizer(sys.argv[1])
recognizer.read(sys.argv[2])
rows = []
for path in sys.argv[2:]:
    started = time.perf_counter()
    recognizer.read(path)
    seconds = time.perf_counter() - started
    with Image.open(path) as image:
        rows.append([image.width * image.height, seconds])
try:
    status = open("/proc/self/status").read()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
except OSError:
    import resource
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
print(json.dumps({"rows": rows, "peak": peak}))
"""


def measure(paths: Sequence[Path], weights: str, *, rounds: int) -> dict[str, Any]:
    """Measure the first reading of a process, then all pictures in one process."""
    return {
        "first_reading_seconds": summarize(_first_reading(paths[0], weights, rounds=rounds)),
        **_all_readings(paths, weights),
    }


def _first_reading(path: Path, weights: str, *, rounds: int) -> list[float]:
    """Measure fresh processes from their start to the end of their first reading."""
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        command = [sys.executable, "-c", _FIRST_READING, weights, str(path)]
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(round(time.perf_counter() - started, 3))
    return seconds[1:]  # the first start reads from the disk


def _all_readings(paths: Sequence[Path], weights: str) -> dict[str, Any]:
    command = [sys.executable, "-c", _ALL_READINGS, weights, *map(str, paths)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result = json.loads(output)
    # A larger picture is downscaled to this size.
    megapixels = [min(pixels, WORKING_PIXELS) / 1e6 for pixels, _ in result["rows"]]
    seconds = [seconds for _, seconds in result["rows"]]
    large = [time for pixels, time in result["rows"] if pixels >= _LARGE_PIXELS]
    return {
        "pictures": len(paths),
        "megapixels": round(sum(megapixels), 2),
        "picture_seconds": {name: round(value, 3) for name, value in summarize(seconds).items()},
        "seconds_per_megapixel": round(sum(seconds) / sum(megapixels), 3),
        "large_pictures": len(large),
        "slowest_large_seconds": round(max(large), 3) if large else None,
        "peak_mib": round(result["peak"]),
    }
