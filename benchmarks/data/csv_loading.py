"""Time to load a CSV file of 42,000 images, as Kaggle distributes it, compared with pandas.

    python -m benchmarks.data.csv_loading

``load_data`` and ``pandas.read_csv`` take turns on the same file, and the processor time of each is
measured. pandas returns a table of 64-bit integers, ``load_data`` checked images.
"""

from __future__ import annotations

import gzip
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import mnistcnn
from benchmarks.harness import (
    argument_parser,
    mnist_file,
    package_versions,
    parse_args,
    summarize,
    write_results,
)

NUM_IMAGES = 42_000


def write_csv(path: Path, split: mnistcnn.Split) -> None:
    """Write images in the format of Kaggle's digit recognizer, plain and gzipped."""
    table = np.column_stack([split.labels, split.images.reshape(len(split.images), -1)])
    lines = [",".join(["label", *(f"pixel{i}" for i in range(table.shape[1] - 1))])]
    lines += [",".join(map(str, row)) for row in table.tolist()]
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(content)
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, 6))


def seconds_of(load: Callable[[], object]) -> float:
    """Return the processor time of a call, which other processes affect little."""
    started = time.process_time()
    load()
    return time.process_time() - started


def measure(path: Path, rounds: int) -> dict[str, dict[str, object]]:
    """Let both read a file in turns; return the seconds of each and the ratio of the medians."""
    loaders = {
        "load_data": lambda: mnistcnn.load_data(path, test_size=0.2),
        "pandas": lambda: pd.read_csv(path),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loaders}
    for _ in range(rounds):
        for name, load in loaders.items():
            seconds[name].append(seconds_of(load))
    summaries = {name: summarize(values) for name, values in seconds.items()}
    ratio = summaries["load_data"]["median"] / summaries["pandas"]["median"]
    return {"seconds": summaries, "relative_to_pandas": ratio}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = argument_parser(__doc__, "csv_loading.json")
    options = parse_args(parser, argv)
    train, _ = mnistcnn.load_data(mnist_file(smoke=options.smoke))
    split = mnistcnn.Split(train.images[:NUM_IMAGES], train.labels[:NUM_IMAGES])
    report = {
        "versions": package_versions("numpy", "pandas"),
        "images": len(split.labels),
        "files": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.csv")
        write_csv(path, split)
        for name in (path.name, f"{path.name}.gz"):
            file = path.with_name(name)
            report["files"][name] = {
                "bytes": file.stat().st_size,
                **measure(file, rounds=1 if options.smoke else 5),
            }
    write_results(options.output, report)
    for name, row in report["files"].items():
        print(f"{name}: {row['relative_to_pandas']:.2f} of pandas' time")


if __name__ == "__main__":
    main()
