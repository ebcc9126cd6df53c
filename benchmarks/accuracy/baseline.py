"""The baseline on MNIST with three seeds, as the command runs it.

    python -m benchmarks.accuracy.baseline

Needs MNIST and some minutes. Results go to benchmarks/results/baseline.json.
"""

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import argument_parser, parse_args, write_results
from mnistcnn.utils.environment import cpu_count

SEEDS = (0, 1, 2)


def run_command(seed: int, output: Path, *, smoke: bool) -> dict[str, object]:
    """Train and evaluate in a fresh process, and return what the command reports."""
    data = ["--data", "digits", "--epochs", "1"] if smoke else ["--data", "mnist"]
    command = ["mnistcnn", "train", *data, "--seed", str(seed)]
    print("$", *command, flush=True)
    subprocess.run([sys.executable, "-m", *command, "--output", str(output)], check=True)
    report = json.loads((output / "result.json").read_text())
    del report["test"]["misclassified"]  # larger than the rest, and in no table
    return {**report, "command": " ".join(command)}


def main(argv: Sequence[str] | None = None) -> None:
    """Run every seed and save the results."""
    options = parse_args(argument_parser(__doc__, "baseline.json"), argv)
    seeds = SEEDS[:1] if options.smoke else SEEDS
    with tempfile.TemporaryDirectory() as folder:
        runs = [run_command(seed, Path(folder, str(seed)), smoke=options.smoke) for seed in seeds]
    machine = {"machine": platform.machine(), "cores": cpu_count()}
    write_results(options.output, {**machine, "runs": runs})
    print(f"Results: {options.output}")


if __name__ == "__main__":
    main()
