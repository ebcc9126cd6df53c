"""Kill commands at random moments, also while they write, and check the files that they leave.

    python -m benchmarks.robustness.command_kills --kills 5

Each command runs in a folder with its inputs, an older output and a file of the user. Its process
receives SIGKILL, or SIGINT as by Ctrl-C: half of the signals at a random moment of its duration,
the others up to 20 milliseconds after a temporary file has appeared. A loss is an output that is
neither the old one nor complete, another file that is changed or missing or, after Ctrl-C, left
over, a traceback through this package, or a command that then fails when it runs again. Results go
to benchmarks/results/command_kills.json. Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mnistcnn
from benchmarks.harness import ROOT, argument_parser, parse_args, write_results
from benchmarks.robustness.fuzz_images import filled_form
from mnistcnn.training.checkpoint import file_format
from mnistcnn.weights.pretrained import FOLDER
from mnistcnn.weights.weights_file import read_weights_file

SIGNALS = {"SIGKILL": signal.SIGKILL, "Ctrl-C": signal.SIGINT}
LOSSES = ("damaged_files", "other_files", "tracebacks", "failed_reruns")
MODEL, PHOTO, THESIS = "model.safetensors", "photo.ppm", "thesis.txt"
OLD = b"old"
_TEMPORARY = ".mnistcnn-"
_MAX_SECONDS_AFTER_FILE, _POLL_SECONDS = 0.02, 0.002
_TIMEOUT = 600
_OWN_TRACEBACK = re.compile(r"Traceback(?s:.*)[\\/]mnistcnn[\\/]")


class Command(NamedTuple):
    """A command that writes a file, or a folder of files.

    Parameters
    ----------
    arguments : str
        Those after ``mnistcnn``.
    output : str
        What it writes.
    num_writes : int, default 1
        Number of files that it writes one after the other, at least.
    """

    arguments: str
    output: str
    num_writes: int = 1


COMMANDS = {
    "train": Command(
        "train --data digits --recipe fast --epochs 3 --seed 1 --output run --resume", "run", 6
    ),
    "report": Command(f"report {MODEL} --data digits --output report.html", "report.html"),
    "calibrate": Command(f"calibrate {MODEL} calibrated.keras --data digits", "calibrated.keras"),
    "export": Command(f"export {MODEL} exported.onnx", "exported.onnx"),
    "sheet": Command("sheet --output form.pdf", "form.pdf"),
    "sheet --read": Command(f"sheet --read {PHOTO} --output digits.npz", "digits.npz"),
}


def _check_end(end: bytes) -> Callable[[Path], object]:
    def check(path: Path) -> None:
        if not path.read_bytes().rstrip().endswith(end):
            raise ValueError(f"{path} must end with {end!r}")

    return check


# How a complete file is recognized; errors are raised otherwise.
READERS: dict[str, Callable[[Path], object]] = {
    ".html": _check_end(b"</html>"),
    ".json": lambda path: json.loads(path.read_bytes()),
    ".keras": read_weights_file,
    ".npz": lambda path: mnistcnn.load_data(path, test_size=1),
    ".onnx": read_weights_file,
    ".pdf": _check_end(b"%%EOF"),
    ".png": _check_end(b"IEND\xaeB`\x82"),
    ".safetensors": lambda path: file_format.deserialize(path, path.read_bytes()),
}


def write_inputs(folder: Path) -> dict[str, bytes]:
    """Write the inputs of all commands and a file of the user; return their content by name."""
    inputs = {
        MODEL: (FOLDER / "best.safetensors").read_bytes(),
        PHOTO: filled_form(),
        THESIS: b"The user's own text.",
    }
    folder.mkdir()
    for name, content in inputs.items():
        (folder / name).write_bytes(content)
    return inputs


def start(command: Command, folder: Path) -> subprocess.Popen[str]:
    """Start a command in a folder."""
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mnistcnn", *command.arguments.split()],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_moment(
    process: subprocess.Popen[str],
    folder: Path,
    command: Command,
    *,
    seconds: float,
    rng: random.Random,
) -> None:
    """Wait until a random moment, up to `seconds`, or until the command writes a file, or ends."""
    begin, delay = time.monotonic(), rng.uniform(0, seconds)
    if rng.random() < 0.5:
        seen = temporary_files(folder)
        number = len(seen) + rng.randint(1, command.num_writes)
        while len(seen) < number and process.poll() is None:
            time.sleep(_POLL_SECONDS)
            seen |= temporary_files(folder)
        delay = time.monotonic() - begin + rng.uniform(0, _MAX_SECONDS_AFTER_FILE)
    while time.monotonic() < begin + delay and process.poll() is None:
        time.sleep(_POLL_SECONDS)


def temporary_files(folder: Path) -> set[str]:
    """Return the names of temporary files in a folder and the folders in it."""
    return {
        name for _, _, names in os.walk(folder) for name in names if name.startswith(_TEMPORARY)
    }


def find_losses(
    folder: Path, command: Command, inputs: dict[str, bytes], *, may_leave_files: bool
) -> dict[str, int]:
    """Count output files that are neither old nor complete, and changes of other files."""
    damaged = other = 0
    remaining = dict(inputs)
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_dir():
            continue
        if name in remaining:
            other += path.read_bytes() != remaining.pop(name)
        elif path.name.startswith(_TEMPORARY):
            other += not may_leave_files
        elif name.split(os.sep, maxsplit=1)[0] != command.output:
            other += 1
        elif path.name != "lock" and path.read_bytes() != OLD:
            try:
                READERS[path.suffix](path)
            except Exception:  # noqa: BLE001  # readers raise any
                damaged += 1
    return {"damaged_files": damaged, "other_files": other + len(remaining)}


def run_to_the_end(command: Command, folder: Path, inputs: dict[str, bytes]) -> float | None:
    """Run a command; return its duration in seconds, or None if it fails."""
    begin = time.monotonic()
    process = start(command, folder)
    _, errors = process.communicate(timeout=_TIMEOUT)
    seconds = time.monotonic() - begin
    losses = find_losses(folder, command, inputs, may_leave_files=False)
    output = folder / command.output
    is_new = output.exists() and (output.is_dir() or output.read_bytes() != OLD)
    if process.returncode == 0 and is_new and not any(losses.values()):
        return seconds
    print(process.returncode, losses, errors[-2000:], flush=True)
    return None


def reset_output(command: Command, folder: Path) -> None:
    """Put an older file in place of the output; a folder is removed, so that nothing is resumed."""
    path = folder / command.output
    if path.suffix:
        path.write_bytes(OLD)
    else:
        shutil.rmtree(path, ignore_errors=True)


def kill_command(
    name: str, faults: Sequence[str], kills: int, *, seed: int
) -> list[dict[str, Any]]:
    """Send each signal until it has ended the command `kills` times, and count the losses."""
    command, rows = COMMANDS[name], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "folder")
        inputs = write_inputs(folder)
        seconds = run_to_the_end(command, folder, inputs)
        if seconds is None:
            raise RuntimeError(f"{name}: the command failed without a signal")
        for fault in faults:
            rng = random.Random(f"{name} {fault} {seed}")  # noqa: S311
            row: dict[str, Any] = {"command": name, "fault": fault, "runs": 0, "kills": 0}
            row |= dict.fromkeys(LOSSES, 0)
            while row["kills"] < kills:
                reset_output(command, folder)
                _kill_once(command, folder, inputs, row, seconds=seconds, rng=rng)
            row["failed_reruns"] += run_to_the_end(command, folder, inputs) is None
            print(json.dumps(row), flush=True)
            rows.append(row)
    return rows


def _kill_once(
    command: Command,
    folder: Path,
    inputs: dict[str, bytes],
    row: dict[str, Any],
    *,
    seconds: float,
    rng: random.Random,
) -> None:
    """Start a command, send it a signal, and add the outcome to `row`."""
    number = SIGNALS[row["fault"]]
    process = start(command, folder)
    wait_for_moment(process, folder, command, seconds=seconds, rng=rng)
    process.send_signal(number)
    _, errors = process.communicate(timeout=_TIMEOUT)
    losses = find_losses(folder, command, inputs, may_leave_files=number == signal.SIGKILL)
    losses["tracebacks"] = int(bool(_OWN_TRACEBACK.search(errors)))
    for loss, count in losses.items():
        row[loss] += count
    if any(losses.values()):
        print(row, process.returncode, losses, errors[-2000:], flush=True)
    row["runs"] += 1
    row["kills"] += process.returncode != 0  # otherwise it has ended before
    for path in folder.rglob(f"{_TEMPORARY}*"):
        path.unlink()


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argument_parser(__doc__, "command_kills.json")
    parser.add_argument("--kills", type=int, default=5, help="for each command and signal")
    parser.add_argument("--command", choices=COMMANDS, action="append", help="default: all")
    parser.add_argument("--seed", type=int, default=0)
    return parse_args(parser, argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, count and save the results."""
    options = parse_options(argv)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a background job ignores
    commands, faults = options.command or list(COMMANDS), list(SIGNALS)
    if options.smoke:
        options.kills, commands, faults = 1, ["sheet"], ["SIGKILL"]
    rows = []
    for name in commands:
        rows += kill_command(name, faults, options.kills, seed=options.seed)
    rows.sort(key=lambda row: faults.index(row["fault"]))
    report = {
        "command": f"python -m benchmarks.robustness.command_kills --kills {options.kills}",
        "machine": platform.machine(),
        "rows": rows,
    }
    if not options.command:
        write_results(options.output, report)
    return int(any(row[loss] for row in rows for loss in LOSSES))


if __name__ == "__main__":
    raise SystemExit(main())
