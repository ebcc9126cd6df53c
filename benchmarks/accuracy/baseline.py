"""The documented recipe on MNIST with three seeds, as the command runs it.

    python -m benchmarks.accuracy.baseline

Needs MNIST (from MNISTCNN_DATA, the cache or the network) and takes some minutes. The
figures go to benchmarks/results/baseline.json, from which the docs make their table.
"""

import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from mnistcnn.utils.environment import cpu_count

SEEDS = (0, 1, 2)
RESULT = Path(__file__).parents[1] / "results" / "baseline.json"


def run(seed: int, output: Path) -> dict[str, object]:
    """Train and evaluate in a fresh process and return what the command reports."""
    command = ["mnistcnn", "train", "--data", "mnist", "--seed", str(seed)]
    print("$", *command, flush=True)
    subprocess.run(
        [sys.executable, "-m", *command, "--output", str(output)],
        check=True,
    )
    report = json.loads((output / "result.json").read_text())
    del report["test"]["misclassified"]  # more than all else, and in no table
    return {**report, "command": " ".join(command)}


def main() -> None:
    """Run every seed and keep the figures."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [run(seed, Path(folder) / str(seed)) for seed in SEEDS]
    RESULT.parent.mkdir(exist_ok=True)
    machine = {"machine": platform.machine(), "cores": cpu_count()}
    RESULT.write_text(json.dumps({**machine, "runs": runs}, indent=1) + "\n")
    print(f"Figures in {RESULT}")


if __name__ == "__main__":
    main()
